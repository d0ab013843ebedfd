"""The promise: no zoom hides an extreme. Checked on the pixels of the canvas and on the columns behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.browser import stores
from tests.browser.exact import check_columns

pytestmark = pytest.mark.browser

SAMPLES = 1_100_003
CHUNK = 65_536
GLITCH = 20_000

POSITIONS = sorted({
    0, 1, 2, 63, 64, 65, 255, 256, CHUNK - 1, CHUNK, CHUNK + 1, 4 * CHUNK - 1, 4 * CHUNK,
    SAMPLES - 1, SAMPLES - 2, SAMPLES - 3, SAMPLES // 64 * 64, SAMPLES // 256 * 256 - 1, SAMPLES // 2,
    *(int(n) for n in np.random.default_rng(11).integers(0, SAMPLES, 6)),
})  # fmt: skip
SPANS = [
    SAMPLES,
    SAMPLES / 3,
    200_000,
    80_000,
    30_000,
    9_000,
    2_500,
    1_250,
    1_100,
    700,
    300,
    90,
    12,
    3,
    1,
]

# For each span: move, look at the first frame (drawn from what is here), then at the final one.
LOOK = """
async ({ row, position, code, spans, samples }) => {
  const bad = [];
  for (const [i, span] of spans.entries()) {
    const share = [0.5, 0.03, 0.97, 0.4][i % 4];
    const a = Math.max(-0.5, Math.min(samples - 0.5 - span, position - share * span));
    __pyramidion.setView({ seg: row, samples: [a, a + span] });
    for (const moment of ['first', 'final']) {
      if (moment === 'first') await __test.frames(2); else await __pyramidion.idle();
      const columns = __pyramidion.columns();
      if (moment === 'first' && columns.lo.every((code) => code === null)) continue; // nothing of this row is here yet
      const [from, to] = columns.samples;
      const x = Math.min(columns.width - 1, Math.floor((position - from) / ((to - from) / columns.width)));
      // A bin is drawn where its middle lies: half a pixel beside the place of its sample at most.
      const about = [x - 1, x, x + 1].filter((c) => columns.hi[c] === code);
      if (about.length === 0) bad.push([span, moment, 'column', x, columns.hi[x], columns.samplesPerBin]);
      if (columns.edges && columns.hi.filter((hi) => hi === code).length !== 1) bad.push([span, moment, 'drawn more than once', x]);
      if (!__test.near(about[0] ?? x, __pyramidion.y(code), 1, 3)) bad.push([span, moment, 'pixel', x, __pyramidion.y(code), columns.samplesPerBin]);
    }
  }
  return bad;
}
"""


@pytest.fixture(scope="module", autouse=True)
def _stores(data_folder: Path) -> None:
    data = np.random.default_rng(3).integers(
        -40, 40, (1, 1, len(POSITIONS), SAMPLES), dtype=np.int16
    )
    for row, position in enumerate(POSITIONS):
        data[0, 0, row, position] = GLITCH
    stores.write_v3(data_folder / "glitches.zarr", data)


def missing(view: Any, row: int) -> list[Any]:
    """Where the odd sample of a row is not seen."""
    job = {"row": row, "position": POSITIONS[row], "code": GLITCH}
    return view.run(LOOK, job | {"spans": SPANS, "samples": SAMPLES})  # type: ignore[no-any-return]


@pytest.mark.parametrize("start", range(5))
def test_a_single_sample_is_a_pixel_at_every_zoom(start: int, viewer: Any) -> None:
    view = viewer(width=900, height=420).open("/data/glitches.zarr")
    for row in range(start, len(POSITIONS), 5):
        assert missing(view, row) == [], f"sample {POSITIONS[row]}"
    assert view.complaints == []


def test_a_single_sample_is_a_pixel_on_a_dense_screen(viewer: Any) -> None:
    view = viewer(width=600, height=420, device_scale_factor=2).open("/data/glitches.zarr")
    for row in (0, len(POSITIONS) // 2, len(POSITIONS) - 1):
        assert missing(view, row) == [], f"sample {POSITIONS[row]}"


def test_the_strip_shows_it_too(viewer: Any) -> None:
    row = POSITIONS.index(SAMPLES - 1)
    view = viewer(width=900, height=420).open("/data/glitches.zarr", f"#seg={row}")
    lit = view.run(
        """() => {
          const canvas = document.querySelector('canvas.strip-trace');
          const { data } = canvas.getContext('2d').getImageData(canvas.width - 2, 0, 2, Math.floor(canvas.height / 3));
          return data.some((byte, i) => i % 4 === 3 && byte > 240);
        }"""
    )
    assert lit


DTYPES = [
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
]
LENGTH = 150_001


@pytest.mark.parametrize("dtype", DTYPES)
def test_columns_equal_numpy(dtype: str, viewer: Any, server: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(DTYPES.index(dtype))
    data = stores.signal((1, 2, 1, LENGTH), dtype, seed=4)
    if data.dtype.kind == "f":
        data[..., rng.integers(0, LENGTH, 40)] = np.nan
        data[..., 70_000:71_000] = np.nan
    server.mount(f"/{dtype}", tmp_path)
    stores.write_v3(tmp_path / "w.zarr", data, codec="blosc" if dtype != "float32" else "zstd")
    view = viewer(width=560, height=360).open(f"/{dtype}/w.zarr")
    row = data[0, 1, 0].astype(np.float64)
    for span in (LENGTH, 90_000, 40_000, 12_345.6, 3_000, 700.5, 450, 120, 7, 1):
        a = float(rng.uniform(-0.5, LENGTH - 0.5 - span)) if span < LENGTH else -0.5
        view.set_view(trc=1, samples=[a, a + span])
        drawn = view.columns()
        check_columns(drawn, row)
