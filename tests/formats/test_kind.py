"""The rule that tells a waveform from an image, for .npy and HDF5 alike."""

import json

import h5py
import numpy as np
import pytest

from pyramidion.core import Box
from pyramidion.formats import OpenOptions, kind_of_source, open_image, open_source
from pyramidion.formats._array.kind import kind_of_array

U2 = np.dtype("u2")


def kind(shape, dtype="u2", **told):
    return kind_of_array(shape, np.dtype(dtype), **told)


@pytest.mark.parametrize(
    "shape",
    [
        (64, 64),
        (512, 4096),
        (4096, 512),
        (300, 16, 16),
        (7, 37, 53),
        (100, 2048, 64),
        (1, 1024, 1024),
        (9, 100, 6400),
        (3, 40, 512, 512),
        (2, 1, 512, 512),
        (2, 3, 4096, 300),
        (10, 2, 30, 16, 1024),
    ],
)
def test_shapes_of_images(shape):
    assert kind(shape) == "image"


@pytest.mark.parametrize(
    "shape",
    [
        (1000,),
        (2, 1_000_000),
        (63, 64),
        (64, 513),
        (4, 100_000),
        (1, 5, 1003),
        (2, 100, 5000),
        (300, 15, 16),
        (9, 100, 6401),
        (2, 1, 3, 1003),
        (2, 1, 100, 1003),
        (8, 8, 64, 4096),
        (2, 1, 400, 100_000),
        (1, 2, 3, 4, 5),
        (2, 2, 2, 2, 512, 512),
    ],
)
def test_shapes_of_waveforms(shape):
    assert kind(shape) == "waveform"


@pytest.mark.parametrize("shape", [(37, 53, 3), (37, 53, 4), (5, 37, 53, 3), (2, 5, 37, 53, 4)])
def test_a_last_axis_of_colours(shape):
    assert kind(shape, "u1") == kind(shape, "u2") == "image"
    assert kind(shape, "i2") == kind(shape, "f4") == "waveform"


@pytest.mark.parametrize("axes", ["yx", "y,x", "zyx", "x,y,z", "t, y, x", "TCZYX", "y,x,c"])
def test_the_user_says_image(axes):
    assert kind((2, 9), axes=axes, waveform_words=["horiz_interval"]) == "image"


@pytest.mark.parametrize(
    "axes", ["sample", "segment,sample", "ch,t", "x", "time", "channel,trc,segment,sample", "q,y,x"]
)
def test_the_user_says_waveform(axes):
    assert kind((512, 512), axes=axes, image_words=["spacing"]) == "waveform"


def test_what_the_file_says_counts_before_the_shape():
    assert kind((512, 512), waveform_words=["horiz_interval"]) == "waveform"
    assert kind((512, 512), labels=("segment", "sample")) == "waveform"
    assert kind((2, 9), labels=("y", "x")) == "image"
    assert kind((2, 9), labels=("x", "")) == "waveform"
    assert kind((2, 9), image_words=["element_size_um"]) == "image"
    assert kind((2, 9), image_words=["spacing"], waveform_words=["XInc"]) == "waveform"


# --- files


def h5(path, values, *, name="data", root=None, **attributes):
    with h5py.File(path, "w") as file:
        file.create_dataset(name, data=values)
        file[name].attrs.update(attributes)
        file.attrs.update(root or {})
    return path


VOLUME = np.zeros((20, 32, 32), np.uint16)


@pytest.mark.parametrize("order", ["C", "F"])
def test_npy(tmp_path, order):
    np.save(tmp_path / "v.npy", np.asarray(VOLUME, order=order))
    np.save(tmp_path / "w.npy", np.zeros((2, 1, 3, 1003), np.int16))
    assert kind_of_source(tmp_path / "v.npy") == "image"
    assert kind_of_source(tmp_path / "w.npy") == "waveform"
    assert kind_of_source(tmp_path / "w.npy", OpenOptions(axes="tzyx")) == "image"
    assert kind_of_source(tmp_path / "v.npy", OpenOptions(axes="trc,segment,sample")) == "waveform"


def test_hdf5(tmp_path):
    path = tmp_path / "a.h5"
    assert kind_of_source(h5(path, VOLUME)) == "image"
    assert kind_of_source(h5(path, VOLUME, name="entry/data/data")) == "image"
    assert kind_of_source(path, OpenOptions(axes="trc,segment,sample")) == "waveform"
    assert kind_of_source(h5(path, VOLUME, horiz_interval=1e-9)) == "waveform"
    assert kind_of_source(h5(path, VOLUME, root={"vertical_gains": 0.1})) == "waveform"
    assert kind_of_source(h5(path, VOLUME, gain=2.0)) == "image"  # cameras have one too
    assert kind_of_source(h5(path, np.zeros((4, 1000)), element_size_um=(1, 1, 1))) == "image"
    assert kind_of_source(h5(path, np.zeros((2, 1, 3, 1003), "i2"))) == "waveform"
    assert kind_of_source(h5(path, np.zeros(1000, "i2"), name="strain/Strain")) == "waveform"
    assert kind_of_source(h5(path, np.zeros((2, 3, 20, 32, 32), "u1"))) == "image"


def test_hdf5_with_a_neighbour_of_waveforms(tmp_path):
    path = h5(tmp_path / "a.h5", VOLUME)
    with h5py.File(path, "a") as file:
        file["vertical_gains"] = np.ones((20, 1))
    assert kind_of_source(path) == "waveform"


@pytest.mark.parametrize("told", ["waveform", "image"])
def test_our_own_files_say_it(tmp_path, told):
    path = h5(tmp_path / "a.h5", VOLUME, root={"pyramidion": json.dumps({"kind": told})})
    assert kind_of_source(path) == told


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"kind": 7}', "[" * 100_000])
def test_what_is_not_our_word_is_ignored(tmp_path, text):
    path = h5(tmp_path / "a.h5", VOLUME)
    with h5py.File(path, "a") as file:
        file.attrs["note"] = "x"
        file.attrs["pyramidion"] = text[:60_000]
    assert kind_of_source(path) == "image"


def test_many_waveforms_and_one_volume(tmp_path):
    path = h5(tmp_path / "a.h5", VOLUME, name="scan")
    with h5py.File(path, "a") as file:
        file["trace"] = np.zeros(30_000)
    assert kind_of_source(path) == "image"


@pytest.mark.parametrize("name", ["a.npy", "a.h5"])
@pytest.mark.parametrize("data", [b"", b"text", b"\x93NUMPY\1\0", b"\x89HDF\r\n\x1a\n"])
def test_what_cannot_be_read_has_a_kind_nevertheless(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    assert kind_of_source(path) == "waveform"


@pytest.mark.parametrize("name", ["a.npy", "a.h5"])
def test_either_can_be_opened_as_the_other(tmp_path, name):
    path = tmp_path / name
    np.save(path, VOLUME) if name == "a.npy" else h5(path, VOLUME)
    with open_source(path) as wave, open_image(path) as image:
        assert wave.spec.shape == (1, 20, 32, 32)
        assert image.spec.shape == (1, 1, 20, 32, 32)
        assert wave.read(Box.whole(wave.spec.shape)).size == VOLUME.size
