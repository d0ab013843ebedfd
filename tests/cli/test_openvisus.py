"""Command lines of OpenVisus, as its own text writes them, with the program's name swapped."""

import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from tests.cli_runner import fail, run, succeed

from pyramidion.core import Box
from pyramidion.formats import OpenOptions, open_image


@pytest.fixture(scope="module")
def slices():
    z, y, x = np.ogrid[:12, :48, :64]
    return (z * 19 + y * 5 + x * 3).astype(np.uint8)


@pytest.fixture
def lab(tmp_path, slices):
    """A folder with a stack in a sub-folder, names not padded with zeros."""
    folder = tmp_path / "image" / "stack"
    folder.mkdir(parents=True)
    for z, plane in enumerate(slices):
        Image.fromarray(plane).save(folder / f"img{z}.png")
    return tmp_path


def script(lab, text):
    """Run lines of a shell, where ``python3`` is this Python."""
    told = re.sub("python3? -m", f"{sys.executable} -m", text)
    return subprocess.run(
        ["bash", "-euc", told], cwd=lab, capture_output=True, text=True, timeout=120, check=False
    )


def voxels(path, **options):
    with open_image(path, OpenOptions(**options)) as image:
        return image.read(Box.whole(image.spec.shape))[0, 0]


def test_convert_image_stack_and_compress_dataset(lab, slices):
    done = script(
        lab,
        """
        ARCO=4mb
        SRC=image/stack/**/*.png
        DST=to/openvisus/dataset/visus.idx
        python3 -m pyramidion convert-image-stack --arco "${ARCO}" "${SRC}" "${DST}"
        python3 -m pyramidion compress-dataset --compression zip ${DST}
        """,
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(voxels(lab / "to/openvisus/dataset/visus.idx"), slices)


@pytest.mark.parametrize("arco", ["modvisus", "512kb", "1mb", "2mb", "1.5MB", "5mb"])
def test_every_documented_size(lab, slices, arco):
    succeed("convert-image-stack", "--arco", arco, "image/stack/*.png", "d/visus.idx", cwd=lab)
    np.testing.assert_array_equal(voxels(lab / "d/visus.idx"), slices)


def test_modvisus_is_the_default_and_what_is_there_is_replaced_with_a_word(lab, slices):
    for _ in range(2):
        done = run("convert-image-stack", "image/stack/*.png", "visus.idx", cwd=lab)
        assert done.returncode == 0, done.stderr
    assert "replacing visus.idx" in done.stderr
    text = (lab / "visus.idx").read_text().split()
    assert text[text.index("(arco)") + 1] == "0"
    np.testing.assert_array_equal(voxels(lab / "visus.idx"), slices)


@pytest.mark.parametrize("arco", ["abc", "4m", "4", "-1mb", "0", "mb"])
def test_sizes_that_were_misread_are_refused(lab, arco):
    fail("convert-image-stack", f"--arco={arco}", "image/stack/*.png", "v.idx", status=2, words=["--arco", "not a size"], cwd=lab)  # fmt: skip
    assert not (lab / "v.idx").exists()


@pytest.fixture
def dataset(lab):
    succeed("convert", "image/stack", "visus.idx", "--arco", "8kb", cwd=lab)
    return lab


def test_extract_a_slice(dataset, slices):
    done = script(
        dataset,
        """
        BOX="0 63 0 47 7 7"
        python -m pyramidion convert import visus.idx  --box "${BOX}" export example.png
        """,
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.asarray(Image.open(dataset / "example.png")), slices[7])


def test_extract_slices_in_a_loop(dataset, slices):
    done = script(
        dataset,
        """
        for ((z=0; z<=2; z++)); do
          python3 -m pyramidion convert import visus.idx --box "0 63 0 47 $z $z" export out/$(printf "%04d" $z).png
        done
        """,
    )
    assert done.returncode == 0, done.stderr
    for z in range(3):
        found = np.asarray(Image.open(dataset / f"out/000{z}.png"))
        np.testing.assert_array_equal(found, slices[z])


def test_a_box_with_commas_as_its_text_says(dataset, slices):
    succeed("convert", "import", "visus.idx", "--box", "0,63,0,47,3,3", "export", "c.png", cwd=dataset)  # fmt: skip
    np.testing.assert_array_equal(np.asarray(Image.open(dataset / "c.png")), slices[3])


def test_slices_along_x_and_y_keep_their_orientation(dataset, slices):
    for box, name, expected in (
        ("9 9 0 47 0 11", "x.png", slices[:, :, 9]),
        ("0 63 5 5 0 11", "y.png", slices[:, 5, :]),
    ):
        succeed("convert", "import", "visus.idx", "--box", box, "export", name, cwd=dataset)
        np.testing.assert_array_equal(np.asarray(Image.open(dataset / name)), expected)


def test_a_coarser_resolution(dataset, slices):
    succeed("convert", "import", "visus.idx", "--toh", "14", "--box", "0 63 0 47 8 8", "export", "h.npy", cwd=dataset)  # fmt: skip
    assert np.load(dataset / "h.npy").size == slices[8, ::2, ::2].size
    np.testing.assert_array_equal(np.load(dataset / "h.npy").squeeze(), slices[8, ::2, ::2])


def test_what_gave_a_picture_of_one_pixel_is_an_error(dataset):
    fail("convert", "import", "visus.idx", "--box", "0 63", "export", "e.png", status=2, words="6 numbers needed", cwd=dataset)  # fmt: skip
    fail("convert", "import", "visus.idx", "export", status=2, words="one file to import", cwd=dataset)  # fmt: skip
    assert not (dataset / "e.png").exists()


def test_copy_dataset_then_compress(dataset, slices):
    done = script(
        dataset,
        """
        ARCO=2mb
        SRC=visus.idx
        DST=copy/1mb/visus.idx
        python3 -m pyramidion copy-dataset --arco ${ARCO} ${SRC} ${DST}
        python3 -m pyramidion compress-dataset --compression zip ${DST}
        """,
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(voxels(dataset / "copy/1mb/visus.idx"), slices)


def test_a_file_called_import_is_still_converted(lab, slices):
    np.save(lab / "import", slices)
    (lab / "import.npy").rename(lab / "import")
    succeed("convert", "import", "export.ome.zarr", "--axes", "z,y,x", cwd=lab)
    np.testing.assert_array_equal(voxels(lab / "export.ome.zarr"), slices)


def test_a_destination_that_is_no_index_is_refused(lab):
    fail("convert-image-stack", "image/stack/*.png", "v.zarr", status=2, words="use .idx", cwd=lab)
