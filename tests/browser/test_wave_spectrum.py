"""Spectra in real Chromium: transforms and estimates against numpy, what the tool says of known signals, its plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.browser import stores
from tests.browser.tasks import busiest_task
from tests.browser.virtual import VirtualWaveform

pytestmark = pytest.mark.browser

SAMPLES = 60_000
RATE = 5e8  # of stores.attributes
GAIN = 1e-3
AMPLITUDE = 4.0
FREQUENCY = 12_345_678.9
SECOND = 31.1e6


@pytest.fixture(scope="module", autouse=True)
def _stores(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spectra")
    server.mount("/data", folder)
    rng = np.random.default_rng(2)
    t = np.arange(SAMPLES) / RATE
    tones = AMPLITUDE * np.sin(2 * np.pi * FREQUENCY * t) + 0.04 * np.sin(2 * np.pi * SECOND * t)
    codes = np.rint(tones / GAIN + rng.normal(0, 2, SAMPLES) + 500).astype(np.int16)
    other = np.rint(1000 * np.sign(np.sin(2 * np.pi * 20e6 * t + 0.1))).astype(np.int16)
    stores.write_v3(folder / "tones.zarr", np.stack([codes, other])[:, None, None])
    gaps = (tones / GAIN).astype(np.float32)
    gaps[41_000] = np.nan
    stores.write_v3(folder / "gaps.zarr", gaps[None, None, None])
    server.mounts["/long"] = VirtualWaveform(10**9, noise=300)
    return folder


def opened(view: Any, data: str = "/data/tones.zarr", fragment: str = "") -> Any:
    view.open(data, fragment)
    view.run("__pyramidion.tool('spectrum')")
    view.page.wait_for_selector(".spectrum-tool")
    return rested(view)


# Other heights of the same spectrum are drawn beside what it calls its work: the caption tells which are shown.
RESTED = """() => {
  const kind = document.querySelector('.spectrum-tool [aria-label="Amplitude"]').selectedOptions[0].label;
  const { busy } = __pyramidion.stats().spectrum ?? { busy: true };
  return !busy && document.querySelector('.spectrum .caption').textContent.split(' · ')[2] === kind;
}"""


def rested(view: Any) -> Any:
    view.page.wait_for_function(RESTED, timeout=60_000)
    view.run("__test.frames(3)")
    return view


def lines(view: Any) -> list[list[str]]:
    plain = str.maketrans({"\u202f": "", "\u2212": "-"})
    found = view.run(
        "() => [...document.querySelectorAll('.spectrum-lines tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent))"
    )
    return [[text.translate(plain) for text in row] for row in found]


@pytest.mark.parametrize("length", [1, 2, 3, 10, 1000, 1024, 4099, 65_536, 99_999, 2**20])
def test_transforms_equal_numpy(length: int, viewer: Any, server: Any) -> None:
    values = np.random.default_rng(length).normal(0, 1, length)
    server.documents["/values.json"] = values.tolist()
    view = viewer()
    view.page.goto(f"{server.origin}/viewer/")
    found = view.run(
        """async () => {
          const { realFft } = await import('/viewer/wave/fft.js');
          const values = await (await fetch('/values.json')).json();
          const { re, im } = realFft(Float64Array.from(values));
          return [[...re], [...im]];
        }"""
    )
    expected = np.fft.rfft(values)
    got = np.array(found[0]) + 1j * np.array(found[1])
    assert np.abs(got - expected).max() <= 1e-9 * np.abs(expected).max()


@pytest.mark.parametrize("shape", ["rectangular", "hann", "flat-top", "blackman-harris"])
def test_averaged_densities_equal_numpy(shape: str, viewer: Any, server: Any) -> None:
    values = np.random.default_rng(4).normal(3, 1, 10_000)
    server.documents["/values.json"] = values.tolist()
    view = viewer()
    view.page.goto(f"{server.origin}/viewer/")
    found = view.run(
        """async (shape) => {
          const { cut, Estimate, shownAt } = await import('/viewer/wave/spectra.js');
          const { windowShape } = await import('/viewer/wave/windows.js');
          const values = Float64Array.from(await (await fetch('/values.json')).json());
          const { length, starts } = cut(values.length, 1024);
          const estimate = new Estimate(length, windowShape(shape), true);
          for (const start of starts) estimate.add(values.slice(start, start + length));
          const result = estimate.result();
          const all = (kind) => Array.from(result.rms, (_, k) => shownAt(kind, result, k, 2000));
          return { starts, density: all('density'), peak: all('peak'), decibel: all('decibel').slice(1) };
        }""",
        shape,
    )
    terms = {
        "rectangular": [1], "hann": [0.5, -0.5], "blackman-harris": [0.35875, -0.48829, 0.14128, -0.01168],
        "flat-top": [1, -1.9575375, 1.4780705, -0.6367431, 0.1228389, -0.0066288],
    }[shape]  # fmt: skip
    phase = 2 * np.pi * np.arange(1024) / 1024
    window = sum(a * np.cos(m * phase) for m, a in enumerate(terms))
    pieces = np.stack([values[s : s + 1024] for s in found["starts"]])
    pieces = (pieces - pieces.mean(axis=1, keepdims=True)) * window
    power = (np.abs(np.fft.rfft(pieces, axis=1)) ** 2).mean(axis=0)
    twice = np.full(513, 2.0)
    twice[[0, -1]] = 1
    density = twice * power / (2000 * (window**2).sum())
    rms = np.sqrt(twice * power) / window.sum()
    peak = rms * np.sqrt(twice)
    assert np.allclose(found["density"], density, rtol=1e-9, atol=1e-12 * density.max())
    assert np.allclose(found["peak"], peak, rtol=1e-9, atol=1e-12 * peak.max())
    assert np.allclose(found["decibel"], 20 * np.log10(rms[1:]), atol=1e-6)


def test_a_sine_has_its_frequency_and_amplitude(viewer: Any) -> None:
    view = opened(viewer())
    view.page.get_by_label("Window").select_option("flat-top")
    view.page.get_by_label("Amplitude").select_option("peak")
    rested(view)
    first, second = lines(view)[:2]
    assert first[0] == "1"
    assert first[1].endswith(" MHz")
    assert float(first[1].split()[0]) * 1e6 == pytest.approx(FREQUENCY, abs=50)
    assert float(first[2].split()[0]) == pytest.approx(AMPLITUDE, rel=1e-3)
    assert first[2].endswith(" V")
    assert float(second[1].split()[0]) * 1e6 == pytest.approx(SECOND, abs=2000)
    assert second[2].endswith(" mV")
    assert float(second[2].split()[0]) == pytest.approx(40, rel=0.02)
    for kind, expected in [
        ("rms", AMPLITUDE / np.sqrt(2)),
        ("decibel", 20 * np.log10(AMPLITUDE / np.sqrt(2))),
    ]:
        view.page.get_by_label("Amplitude").select_option(kind)
        rested(view)
        assert float(lines(view)[0][2].split()[0]) == pytest.approx(expected, rel=2e-3)
    facts = view.page.locator(".spectrum-facts").text_content().replace("\u202f", "")
    assert "one transform" in facts
    assert "60000" in facts
    assert "4.219 bins" in facts
    assert view.complaints == []


def test_the_line_is_where_it_belongs_in_the_plot(viewer: Any) -> None:
    view = opened(viewer(width=1200, height=800))
    view.page.get_by_label("Amplitude").select_option("peak")
    view.page.get_by_label("Window").select_option("flat-top")
    rested(view)
    found = view.run(
        """() => {
          const canvas = document.querySelector('.spectrum-canvas');
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          const [r, g, b] = __test.colour();
          let best = null;
          for (let y = 0; y < canvas.height && !best; y++) {
            for (let x = 0; x < canvas.width; x++) {
              const i = 4 * (y * canvas.width + x);
              if (data[i + 3] > 200 && Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 40) { best = [x, y]; break; }
            }
          }
          const ticks = [...document.querySelectorAll('.spectrum .y-axis .tick')].map((tick) => [parseFloat(tick.style.top), parseFloat(tick.textContent)]);
          return { best, width: canvas.width, height: canvas.height, ticks };
        }"""
    )
    x, y = found["best"]
    assert x == pytest.approx(FREQUENCY / (RATE / 2) * found["width"], abs=1.5)
    (y0, v0), (y1, v1) = found["ticks"][0], found["ticks"][-1]
    assert v0 + (y - y0) * (v1 - v0) / (y1 - y0) == pytest.approx(AMPLITUDE, rel=0.02)
    box = view.page.locator(".spectrum-canvas").bounding_box()
    view.page.mouse.move(box["x"] + x + 2, box["y"] + 60)
    said = view.page.locator(".spectrum .readout").text_content().replace("\u202f", "")
    assert float(said.split()[0]) == pytest.approx(FREQUENCY / 1e6, abs=RATE / SAMPLES / 1e6)


def test_the_axis_of_frequencies_zooms(viewer: Any) -> None:
    view = opened(viewer(width=1200, height=800))
    box = view.page.locator(".spectrum-canvas").bounding_box()
    at = FREQUENCY / (RATE / 2)
    view.page.mouse.move(box["x"] + at * box["width"], box["y"] + 80)
    for _ in range(8):
        view.page.mouse.wheel(0, -300)
    view.run("__test.frames(4)")
    zoomed = view.stats()["spectrum"]["zoomed"]
    assert zoomed["from"] < FREQUENCY < zoomed["to"]
    assert zoomed["to"] - zoomed["from"] < 0.02 * RATE
    assert len(lines(view)) == 1  # only what is seen is listed
    view.page.get_by_role("button", name="All frequencies").click()
    view.run("__test.frames(4)")
    assert view.stats()["spectrum"]["zoomed"] is None
    view.page.get_by_label("Frequency").select_option("log")
    view.run("__test.frames(4)")
    labels = view.page.locator(".spectrum .x-axis .tick").all_text_contents()
    assert {"100 kHz", "1 MHz", "10 MHz"} <= set(labels)


def test_each_channel_has_its_own_colour_and_name(viewer: Any) -> None:
    view = opened(viewer(), fragment="#ch=0,1")
    colours = view.run(
        """() => {
          const canvas = document.querySelector('.spectrum-canvas');
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          const seen = new Map();
          for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 250) {
            const colour = '#' + [0, 1, 2].map((k) => data[i + k].toString(16).padStart(2, '0')).join('');
            seen.set(colour, (seen.get(colour) ?? 0) + 1);
          }
          const css = getComputedStyle(document.querySelector('.wave'));
          return [0, 1].map((ch) => seen.get(css.getPropertyValue(`--trace-${ch}`).trim()) ?? 0);
        }"""
    )
    assert min(colours) > 200
    box = view.page.locator(".spectrum-canvas").bounding_box()
    view.page.mouse.move(box["x"] + 20e6 / (RATE / 2) * box["width"], box["y"] + 80)
    said = view.page.locator(".spectrum .readout").text_content()
    assert "Channel 0" in said
    assert "Channel 1" in said


def test_a_gap_is_named_and_a_stretch_without_it_works(viewer: Any) -> None:
    view = opened(viewer(), "/data/gaps.zarr")
    note = view.page.locator(".spectrum .note")
    assert "41\u202f000 is no number" in note.text_content()
    view.set_view(samples=[100, 30_000])
    rested(view)
    assert not note.is_visible()
    assert float(lines(view)[0][1].split()[0]) * 1e6 == pytest.approx(FREQUENCY, abs=200)


def test_long_windows_are_averaged_or_refused(viewer: Any, server: Any) -> None:
    view = opened(viewer(), "/long")
    assert "zoom in" in view.page.locator(".spectrum .note").text_content()
    before = len(server.data_hits())
    view.set_view(samples=[1e6, 4e6])
    rested(view)
    assert view.stats()["spectrum"]["pieces"] == 5
    assert view.stats()["spectrum"]["length"] == 2**20
    assert "mean power of 5 pieces" in view.page.locator(".spectrum-facts").text_content()
    assert "Averaged" in view.page.locator(".spectrum-state").text_content()
    assert len(server.data_hits()) > before


def test_it_follows_the_window_and_stops_when_left(viewer: Any) -> None:
    view = opened(viewer())
    assert view.stats()["spectrum"]["length"] == SAMPLES
    view.set_view(samples=[1000.5, 5000.5])
    rested(view)
    assert view.stats()["spectrum"]["length"] == 4000
    view.run("__pyramidion.tool('notes')")
    view.page.wait_for_function("() => !document.querySelector('.spectrum')")
    assert view.complaints == []


def test_a_million_samples_do_not_hold_the_page_up(viewer: Any) -> None:
    view = opened(viewer(), "/long", "#s=0,1000")

    def look() -> None:
        view.set_view(samples=[0.5, 2**20 + 0.5])
        rested(view)
        view.page.get_by_label("Amplitude").select_option("density")
        view.page.get_by_label("Frequency").select_option("log")
        view.page.wait_for_timeout(300)

    assert busiest_task(view, look) < 50
    assert view.stats()["spectrum"]["length"] == 2**20


def drawn(view: Any) -> Any:
    """All numbers that are shown, and the pixels of the plot."""
    view.run("__test.frames(4)")
    return view.run(
        """() => [
          ...[...document.querySelectorAll('.spectrum-tool td, .spectrum .caption, .spectrum .tick, .spectrum .unit')].map((one) => one.textContent),
          document.querySelector('.spectrum-canvas').toDataURL(),
        ]"""
    )


# What is computed channel by channel goes on only when it is released.
HOLD_TURNS = """() => {
  const { postMessage } = MessagePort.prototype;
  window.__turns = [];
  MessagePort.prototype.postMessage = function (message) {
    window.__turns.push(() => postMessage.call(this, message));
  };
  window.__release = () => {
    MessagePort.prototype.postMessage = postMessage;
    for (const turn of window.__turns) turn();
  };
}"""


def test_an_amplitude_chosen_while_a_spectrum_is_drawn_is_that_of_the_curve(viewer: Any) -> None:
    view = opened(viewer(), fragment="#ch=0")
    view.run(HOLD_TURNS)
    view.page.get_by_label("Window").select_option("rectangular")
    view.until("__turns.length === 1")  # the new spectrum is found, its decibels are drawn
    view.page.get_by_label("Amplitude").select_option("peak")
    view.until("__turns.length === 2")
    view.run("__release()")
    rested(view)
    view.idle()
    found = drawn(view)
    for kind in ("density", "peak"):
        view.page.get_by_label("Amplitude").select_option(kind)
        rested(view)
        view.idle()
    assert found == drawn(view)
    assert view.complaints == []


def test_it_is_not_settled_while_other_heights_are_drawn(viewer: Any) -> None:
    view = opened(viewer(), fragment="#ch=0")
    view.run(HOLD_TURNS)
    view.page.get_by_label("Amplitude").select_option("peak")
    view.until("__turns.length === 1")
    view.run(
        "() => { window.__idle = false; __pyramidion.idle().then(() => { window.__idle = true; }); }"
    )
    view.frames(10)
    assert not view.run("__idle")
    view.run("__release()")
    view.until("__idle")
    caption = view.page.locator(".spectrum .caption").text_content()
    assert caption.endswith(" · peak")
    assert view.complaints == []


FOLLOW = """(hash) => new Promise((resolve) => {
  addEventListener('hashchange', resolve, { once: true });
  location.hash = hash;
})"""


def follow(view: Any, fragment: str) -> None:
    """Go to another link in the same page."""
    view.run(FOLLOW, fragment)
    view.idle()
    rested(view)


def test_a_link_brings_the_settings_along(viewer: Any) -> None:
    view = opened(viewer(), fragment="#ch=0,1&s=1000,50000")
    assert "spec=" not in view.run("__pyramidion.link()")
    usual = drawn(view)
    view.page.get_by_label("Window").select_option("flat-top")
    view.page.get_by_label("Amplitude").select_option("density")
    view.page.get_by_label("Frequency").select_option("log")
    view.page.get_by_label("Take the mean away first").uncheck()
    view.page.get_by_role("button", name="Fewer frequencies").click()
    rested(view)
    link = view.run("__pyramidion.link()")
    assert "&spec=flat-top,density,log,with-mean," in link
    zoomed = view.stats()["spectrum"]["zoomed"]
    assert f"{zoomed['from']!r}~{zoomed['to']!r}".replace(".0~", "~") in link + ".0"
    shown = drawn(view)
    assert shown[:-1] != usual[:-1]
    again = viewer().open("/data/tones.zarr", link)
    rested(again)
    assert again.page.get_by_label("Window").input_value() == "flat-top"
    assert again.page.get_by_label("Amplitude").input_value() == "density"
    assert again.page.get_by_label("Frequency").input_value() == "log"
    assert not again.page.get_by_label("Take the mean away first").is_checked()
    assert again.stats()["spectrum"]["zoomed"] == zoomed
    assert drawn(again) == shown
    assert again.run("__pyramidion.link()") == link
    # Another link in the same page: what it does not say is as usual, what it says wrongly is passed over.
    follow(again, "#ch=0,1&s=1000,50000&tool=spectrum")
    assert drawn(again) == usual
    follow(again, "#ch=0,1&s=1000,50000&tool=spectrum&spec=triangle,9~3,log,<b>")
    assert again.page.get_by_label("Frequency").input_value() == "log"
    assert again.run("__pyramidion.link()").endswith("spec=log")
    again.page.get_by_label("Frequency").select_option("linear")
    again.idle()
    assert drawn(again) == usual
    assert "spec=" not in again.run("__pyramidion.link()")
    assert view.complaints == again.complaints == []
