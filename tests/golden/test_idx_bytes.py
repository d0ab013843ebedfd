"""Bytes that OpenVisus 2.2.149 has written, in numbers: yesterday's files must still be read."""

from __future__ import annotations

import numpy as np
import pytest
from tests.formats.idx_files import header_text

from pyramidion.core import Box
from pyramidion.formats import open_image

HEADER = header_text(
    version=6,
    box="0 3 0 3",
    fields="data uint8",
    bits="V0101",
    bitsperblock=2,
    blocksperfile=4,
    filename_template="./visus/%04x.bin",
)
PICTURE = np.frombuffer(b"ABCDEFGHIJKLMNOP", np.uint8).reshape(4, 4)


@pytest.mark.parametrize(
    ("flags", "bodies"),
    [("00000010", b"ACIKBDJLEFMNGHOP"), ("00000000", b"ACIKBJDLEFMNGHOP")],
    ids=["row-major", "hz"],
)
def test_a_file_of_216_bytes(tmp_path, flags, bodies):
    table = "".join(
        f"00000000 00000000 {200 + 4 * b:08x} 00000000 00000004 {flags} " + "00000000 " * 4
        for b in range(4)
    )
    assert f"00000000 00000000 000000cc 00000000 00000004 {flags}" in table
    data = bytes(40) + bytes.fromhex(table) + bodies
    assert len(data) == 216
    (tmp_path / "visus").mkdir()
    (tmp_path / "visus/0000.bin").write_bytes(data)
    (tmp_path / "visus.idx").write_text(HEADER)
    with open_image(tmp_path / "visus.idx") as image:
        found = image.read(Box.whole(image.spec.shape))
        assert np.array_equal(found[0, 0, 0], PICTURE)
        assert np.array_equal(
            image.read_at(2, Box.whole(image.spec.shape))[0, 0, 0], PICTURE[::2, ::2]
        )
