"""Images written as pictures, and read back: by us, and by others."""

import json
from dataclasses import replace
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from tests.formats.picture_files import asymmetric, load, read_all, spec_of, write
from tests.helpers import tree_digest

from pyramidion.core import Box, Channel, ImageSpec, IncompleteError, UsageError, image_axes
from pyramidion.formats import WriteOptions, format_of_destination, open_image
from pyramidion.formats._images import picture_sink
from pyramidion.formats._images.template import parse_template, picture_folder
from pyramidion.formats.image_stack import FORMAT as STACK
from pyramidion.formats.tiff import FORMAT as TIFF

DATA = Path(__file__).parents[1] / "data" / "brain"
TIFF_DTYPES = ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]  # fmt: skip


def creator(path):
    return format_of_destination(path, "image").create_image


# One file per slice


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("samples", [1, 3, 4])
def test_slices_by_us_and_by_others(tmp_path, suffix, dtype, samples):
    values = asymmetric((1, samples, 5, 13, 21), dtype)
    path = tmp_path / "out" / f"%04d{suffix}"
    write(creator(path), path, values, is_rgb=samples > 1)
    np.testing.assert_array_equal(read_all(tmp_path / "out"), values)
    files = sorted((tmp_path / "out").iterdir())
    assert [f.name for f in files] == [f"{z:04}{suffix}" for z in range(5)]
    for z, file in enumerate(files):
        expected = values[0, :, z].transpose(1, 2, 0).squeeze()
        if suffix == ".tif":
            np.testing.assert_array_equal(tifffile.imread(file), expected)
        elif samples == 1 or dtype == "uint8":  # Pillow has no colours of 16 bit
            np.testing.assert_array_equal(iio.imread(file), expected)
            np.testing.assert_array_equal(load(file), expected)


@pytest.mark.parametrize("dtype", TIFF_DTYPES)
def test_tiff_slices_of_all_types(tmp_path, dtype):
    values = asymmetric((1, 1, 2, 9, 12), dtype)
    write(TIFF.create_image, tmp_path / "%d.tif", values)
    np.testing.assert_array_equal(read_all(tmp_path), values)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "1.tif"), values[0, 0, 1])


def test_brain_there_and_back(tmp_path):
    values = read_all(DATA)
    write(STACK.create_image, tmp_path / "out" / "%d.png", values)
    for z, name in enumerate(["t1_9.png", "t1_64.png", "t1_100.png"]):
        np.testing.assert_array_equal(load(tmp_path / "out" / f"{z}.png"), load(DATA / name))


def test_orientation_of_slices_along_each_axis(tmp_path):
    """Row 0 is element 0: nothing is turned over; rows are the slower axis that is left."""
    values = asymmetric((1, 1, 5, 7, 11))
    boxes = {"z": (2, slice(None), slice(None)), "y": (slice(None), 3, slice(None)), "x": (slice(None), slice(None), 4)}  # fmt: skip
    for axis, (z, y, x) in boxes.items():
        expected = values[0, 0, z, y, x]
        index = [slice(i, i + 1) if isinstance(i, int) else i for i in (z, y, x)]
        part = values[(slice(None), slice(None), *index)]
        for suffix in (".png", ".tif"):
            path = tmp_path / f"{axis}{suffix}"
            write(creator(path), path, part)
            read = tifffile.imread(path) if suffix == ".tif" else load(path)
            np.testing.assert_array_equal(read, expected, err_msg=f"{axis}{suffix}")
        write(STACK.create_image, tmp_path / f"{axis}_%d.png", part)
        np.testing.assert_array_equal(load(tmp_path / f"{axis}_0.png"), expected)


def test_time_steps_of_one_slice(tmp_path):
    values = asymmetric((3, 1, 1, 7, 11))
    write(STACK.create_image, tmp_path / "t%02d.png", values, times=(0, 5, 10))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t00.png", "t05.png", "t10.png"]
    np.testing.assert_array_equal(read_all(tmp_path), values)
    assert open_image(tmp_path).spec.times == (0, 5, 10)


def test_numbers_begin_where_the_source_does(tmp_path):
    values = asymmetric((1, 1, 3, 7, 11))
    write(STACK.create_image, tmp_path / "%03d.png", values, origin=(40, 0, 0))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["040.png", "041.png", "042.png"]


def test_jpeg_is_near(tmp_path):
    ramp = np.add.outer(np.arange(64), np.arange(80)).astype(np.uint8)
    values = np.stack([ramp, ramp[::-1], ramp], 0)[None, :, None]
    write(STACK.create_image, tmp_path / "a.jpg", values, is_rgb=True)
    write(STACK.create_image, tmp_path / "g.jpeg", values[:, :1])
    assert np.abs(load(tmp_path / "g.jpeg").astype(int) - ramp).max() < 8
    found = load(tmp_path / "a.jpg").transpose(2, 0, 1)
    assert np.abs(found.astype(int) - values[0, :, 0]).mean() < 6


@pytest.mark.parametrize("dtype", ["float32", "int16", "uint32", "float64"])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_a_range_becomes_8_bit(tmp_path, dtype, name):
    lowest = 0 if dtype == "uint32" else -5
    values = np.array([[lowest, 0, 10, 50, 100, 120]], dtype).reshape(1, 1, 1, 1, 6)
    write(creator(tmp_path / name), tmp_path / name, values, WriteOptions(value_range=(0.0, 100.0)))
    wanted = np.rint(np.clip(values.astype(float), 0, 100) * 2.55).astype(int).ravel()
    found = read_all(tmp_path / name)
    assert found.dtype == np.uint8
    assert np.abs(found.ravel().astype(int) - wanted).max() <= (6 if name == "a.jpg" else 0)


def test_not_a_number_becomes_0(tmp_path):
    values = np.array([np.nan, np.inf, -np.inf, 1.0], np.float32).reshape(1, 1, 1, 1, 4)
    write(STACK.create_image, tmp_path / "a.png", values, WriteOptions(value_range=(0.0, 1.0)))
    assert load(tmp_path / "a.png").tolist() == [[0, 255, 0, 255]]


# One file of pages


@pytest.mark.parametrize("compression", ["", "gzip", "gzip:6"])
@pytest.mark.parametrize("dtype", TIFF_DTYPES)
def test_pages_of_all_types(tmp_path, dtype, compression):
    values = asymmetric((2, 3, 4, 13, 21), dtype)
    path = tmp_path / "a.tif"
    write(TIFF.create_image, path, values, WriteOptions(compression=compression))
    np.testing.assert_array_equal(read_all(path), values)
    np.testing.assert_array_equal(tifffile.imread(path), values)
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize("compression", ["", "gzip"])
@pytest.mark.parametrize("shape", [(1, 1, 1, 5, 6), (1, 1, 4, 5, 6), (3, 1, 1, 5, 6), (1, 2, 1, 5, 6), (2, 1, 4, 5, 6), (1, 1, 1, 1, 1), (1, 1, 5, 3, 4), (1, 1, 1, 5, 1), (2, 1, 1, 5, 1), (1, 1, 1, 1, 5), (1, 3, 1, 1, 5), (1, 1, 4, 1, 1)], ids=str)  # fmt: skip
def test_pages_of_all_shapes(tmp_path, shape, compression):
    values = asymmetric(shape)
    write(TIFF.create_image, tmp_path / "a.ome.tif", values, WriteOptions(compression=compression))
    np.testing.assert_array_equal(read_all(tmp_path / "a.ome.tif"), values)


@pytest.mark.parametrize("compression", ["", "gzip"])
@pytest.mark.parametrize("samples", [3, 4])
def test_pages_of_colours(tmp_path, samples, compression):
    values = asymmetric((2, samples, 3, 13, 21), np.uint8)
    path = tmp_path / "a.tif"
    write(TIFF.create_image, path, values, WriteOptions(compression=compression), is_rgb=True)
    np.testing.assert_array_equal(read_all(path), values)
    np.testing.assert_array_equal(tifffile.imread(path), values.transpose(0, 2, 3, 4, 1))
    with open_image(path) as source:
        assert source.spec.is_rgb


@pytest.mark.parametrize("compression", ["", "gzip"])
def test_what_is_known_of_the_image(tmp_path, compression):
    values = asymmetric((2, 2, 3, 13, 21))
    axes = image_axes(values.shape, (2.5, 0.5, 0.25), "um", interval=0.2, time_unit="s")
    channels = (Channel("DAPI & co", "0000FF"), Channel("GFP", "00FF00"))
    spec = ImageSpec(axes, values.dtype, channels=channels, present="tczyx")
    path = tmp_path / "a.ome.tif"
    write(TIFF.create_image, path, values, WriteOptions(compression=compression), spec=spec)
    with open_image(path) as source:
        assert source.spec.axes == axes
        assert source.spec.channels == channels
        assert source.spec.present == "tczyx"
        assert source.spec.attributes["name"] == "a"
    with tifffile.TiffFile(path) as tif:
        assert tif.is_ome
        assert tif.series[0].axes == "TCZYX"
        assert tif.pages[0].tags["XResolution"].value == (40000, 1)


def test_bigtiff_when_large():
    from pyramidion.formats._images.tiff_write import is_big

    def spec(z):
        return ImageSpec(image_axes((1, 1, z, 2048, 2048)), np.dtype("<u2"))

    assert not is_big(spec(500))
    assert is_big(spec(512))


# Tasks


@pytest.mark.parametrize("name", ["out/%04d.png", "a.tif", "z.tif"])
def test_the_order_of_the_tasks_does_not_matter(tmp_path, name, monkeypatch):
    monkeypatch.setattr(picture_sink, "TASK_BYTES", 2000)
    monkeypatch.setattr("pyramidion.formats._images.tiff_sink.TASK_BYTES", 2000)
    values = asymmetric((1, 1, 9, 30, 21))
    options = WriteOptions(compression="gzip" if name == "z.tif" else "")
    digests = []
    for turn in (1, -1):
        path = tmp_path / str(turn) / name
        path.parent.mkdir(parents=True)
        sink = creator(path)(path, [spec_of(values)], options)
        stages = [task.stage for task in sink.tasks]
        assert stages == sorted(stages)
        assert sum(task.n_bytes for task in sink.tasks) == values.nbytes
        assert len(sink.tasks) >= 9
        for stage in sorted(set(stages)):
            for task in [i for i, s in enumerate(stages) if s == stage][::turn]:
                assert not sink.is_done(task)
                sink.work(task, [lambda box: values[box.slices]])
                assert sink.is_done(task)
        sink.commit()
        digests.append(tree_digest(tmp_path / str(turn)))
    assert digests[0] == digests[1]


def test_large_planes_are_cut_by_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("pyramidion.formats._images.tiff_sink.TASK_BYTES", 4000)
    values = asymmetric((1, 1, 2, 200, 21))
    sink = write(TIFF.create_image, tmp_path / "a.tif", values)
    assert len(sink.tasks) == 8
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), values[0, 0])


@pytest.mark.parametrize("name", ["out/%04d.png", "a.tif", "z.tif"])
def test_an_interrupted_run_is_resumed(tmp_path, name, monkeypatch):
    monkeypatch.setattr(picture_sink, "TASK_BYTES", 2000)
    monkeypatch.setattr("pyramidion.formats._images.tiff_sink.TASK_BYTES", 2000)
    values = asymmetric((1, 1, 9, 30, 21))
    path = tmp_path / name
    compression = "gzip" if name == "z.tif" else ""
    first = creator(path)(path, [spec_of(values)], WriteOptions(compression=compression))
    for task in (0, 3, 4):
        first.work(task, [lambda box: values[box.slices]])
    first.abort()
    first.abort()
    assert not list(tmp_path.rglob("*[0-9].png"))[len(list(tmp_path.rglob("*.partial/**/*.png"))) :]
    with pytest.raises(UsageError, match="interrupted conversion is there"):
        creator(path)(path, [spec_of(values)], WriteOptions(compression=compression))
    options = WriteOptions(compression=compression, resume=True)
    second = creator(path)(path, [spec_of(values)], options)
    assert [i for i in range(len(second.tasks)) if second.is_done(i)] == [0, 3, 4]
    for task in range(len(second.tasks)):
        if not second.is_done(task):
            second.work(task, [lambda box: values[box.slices]])
    second.commit()
    found = path.parent if "%" in name else path
    np.testing.assert_array_equal(read_all(found), values)
    assert not list(tmp_path.rglob("*.partial"))
    assert not list(tmp_path.rglob(".*"))


def test_another_process_takes_part(tmp_path):
    values = asymmetric((1, 1, 200, 30, 21))
    for name in ("out/%04d.png", "a.tif"):
        path = tmp_path / name
        lead = creator(path)(path, [spec_of(values)], WriteOptions())
        part = creator(path)(path, [spec_of(values)], WriteOptions(attach=True))
        for task in range(len(lead.tasks)):
            (lead, part)[task % 2].work(task, [lambda box: values[box.slices]])
        assert all(lead.is_done(task) for task in range(len(lead.tasks)))
        lead.commit()
        found = path.parent if "%" in name else path
        np.testing.assert_array_equal(read_all(found), values)


def test_a_run_that_was_killed_while_it_moved_the_pictures(tmp_path):
    values = asymmetric((1, 1, 6, 30, 21))
    path = tmp_path / "out" / "%d.png"
    path.parent.mkdir()
    sink = STACK.create_image(path, [spec_of(values)], WriteOptions())
    for task in range(len(sink.tasks)):
        sink.work(task, [lambda box: values[box.slices]])
    partial = tmp_path / "out" / "%d.png.partial"
    (partial / ".moving").write_bytes(b"")
    (partial / "pictures" / "2.png").rename(tmp_path / "out" / "2.png")
    sink.abort()
    second = STACK.create_image(path, [spec_of(values)], WriteOptions(resume=True))
    assert all(second.is_done(task) for task in range(len(second.tasks)))
    second.commit()
    np.testing.assert_array_equal(read_all(tmp_path / "out"), values)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"{z}.png" for z in range(6)]


def test_an_aborted_run_leaves_nothing(tmp_path):
    values = asymmetric((1, 1, 3, 5, 6))
    for name in ("out/%d.png", "a.png"):
        path = tmp_path / name
        STACK.create_image(path, [spec_of(values[:, :, :1])], WriteOptions()).abort()
    assert list(tmp_path.rglob("*")) == []


def test_files_of_others_are_not_touched(tmp_path):
    values = asymmetric((1, 1, 3, 5, 6))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    (tmp_path / "out" / "x9.png").write_text("mine")
    write(STACK.create_image, tmp_path / "out" / "%d.png", values)
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "out" / "x9.png").read_text() == "mine"
    with pytest.raises(UsageError, match="already exists") as caught:
        write(STACK.create_image, tmp_path / "out" / "%d.png", values)
    assert caught.value.id == "PYR-ALL-06"
    assert caught.value.where.endswith("out/0.png")
    before = tree_digest(tmp_path)
    write(STACK.create_image, tmp_path / "out" / "%d.png", values, WriteOptions(overwrite=True))
    assert tree_digest(tmp_path) == before


@pytest.mark.parametrize("name", ["out/%d.png", "a.tif"])
def test_a_resumed_run_may_replace_what_it_was_told_to(tmp_path, name):
    values = asymmetric((1, 1, 3, 5, 6))
    path = tmp_path / name
    write(creator(path), path, values + 1)
    begun = creator(path)(path, [spec_of(values)], WriteOptions(overwrite=True))
    begun.work(0, [lambda box: values[box.slices]])
    begun.abort()
    write(creator(path), path, values, WriteOptions(resume=True))
    np.testing.assert_array_equal(read_all(path.parent if "%" in name else path), values)


def test_a_file_that_appeared_meanwhile_is_kept(tmp_path):
    values = asymmetric((1, 1, 3, 5, 6))
    for name in ("%d.png", "a.tif"):
        path = tmp_path / name
        sink = creator(path)(path, [spec_of(values)], WriteOptions())
        sink.work(0, [lambda box: values[box.slices]])
        taken = tmp_path / name.replace("%d", "1")
        taken.write_text("mine")
        with pytest.raises(UsageError, match="already exists"):
            sink.commit()
        sink.abort()
        assert taken.read_text() == "mine"


def test_plans_are_json_and_touch_nothing(tmp_path):
    spec = spec_of(asymmetric((1, 1, 3, 5, 6)))
    plan = STACK.plan_image(tmp_path / "out" / "%04d.png", [spec], WriteOptions())
    assert plan["pictures"]["count"] == 3
    assert plan["pictures"]["last"].endswith("out/0002.png")
    json.dumps(plan)
    pages = TIFF.plan_image(tmp_path / "a.tif", [spec], WriteOptions(compression="gzip"))
    assert pages["pages"]["compression"] == "deflate:1"
    json.dumps(pages)
    assert list(tmp_path.iterdir()) == []


def test_a_box_of_a_source_is_read_once(tmp_path):
    values = asymmetric((1, 1, 70, 5, 6))
    boxes = []

    def read(box: Box):
        boxes.append(box)
        return values[box.slices]

    sink = STACK.create_image(tmp_path / "%d.png", [spec_of(values)], WriteOptions())
    for task in range(len(sink.tasks)):
        sink.work(task, [read])
    sink.commit()
    assert [box.shape[2] for box in boxes] == [64, 6]


# Series that are replaced, interrupted, or in the way


def test_older_pictures_are_not_left_beside_the_new_ones(tmp_path):
    """A shorter series over a longer one would be read as one of both."""
    path = tmp_path / "out" / "%04d.png"
    values = asymmetric((1, 1, 13, 5, 6))
    write(STACK.create_image, path, values)
    for name in ("notes.txt", "77.png", "a0001.png"):
        (path.parent / name).write_text("mine")
    before = tree_digest(tmp_path)
    with pytest.raises(UsageError, match="remove them, or choose another folder") as caught:
        STACK.create_image(path, [spec_of(values[:, :, :4])], WriteOptions(overwrite=True))
    assert caught.value.where == str(path.parent / "0004.png")
    assert tree_digest(tmp_path) == before
    for number in range(4, 13):
        (path.parent / f"{number:04}.png").unlink()
    write(STACK.create_image, path, values[:, :, :4] + 1, WriteOptions(overwrite=True))
    np.testing.assert_array_equal(read_all(path.parent / "0*.png"), values[:, :, :4] + 1)
    assert (path.parent / "77.png").read_text() == "mine"


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_what_is_no_file_is_named_before_anything_is_moved(tmp_path, kind):
    path = tmp_path / "out" / "%04d.png"
    path.parent.mkdir()
    culprit = path.parent / "0005.png"
    values = asymmetric((1, 1, 8, 5, 6))
    late = STACK.create_image(path, [spec_of(values)], WriteOptions(overwrite=True))
    late.work(0, [lambda box: values[box.slices]])
    culprit.mkdir() if kind == "folder" else culprit.symlink_to("elsewhere")
    with pytest.raises(UsageError, match="refusing to replace") as caught:
        late.commit()
    assert caught.value.where == str(culprit)
    late.abort()
    with pytest.raises(UsageError, match="refusing to replace") as caught:
        STACK.create_image(path, [spec_of(values)], WriteOptions(overwrite=True))
    assert caught.value.where == str(culprit)
    assert [p.name for p in path.parent.glob("*.png")] == ["0005.png"]
    culprit.rmdir() if kind == "folder" else culprit.unlink()
    write(STACK.create_image, path, values, WriteOptions(resume=True))
    np.testing.assert_array_equal(read_all(path.parent), values)


def test_a_new_folder_appears_at_once(tmp_path):
    path = tmp_path / "out" / "%d.png"
    values = asymmetric((1, 1, 6, 30, 21))
    sink = STACK.create_image(path, [spec_of(values)], WriteOptions())
    sink.work(0, [lambda box: values[box.slices]])
    assert not path.parent.exists()
    assert not list(tmp_path.glob("*/*.png"))  # no pattern takes them for a time step
    assert sink.bytes_written == 0
    sink.commit()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert sorted(p.name for p in path.parent.iterdir()) == [f"{z}.png" for z in range(6)]
    assert sink.bytes_written == sum(p.stat().st_size for p in path.parent.iterdir())


def test_a_folder_that_appeared_meanwhile_is_kept(tmp_path):
    path = tmp_path / "out" / "%d.png"
    values = asymmetric((1, 1, 6, 30, 21))
    sink = STACK.create_image(path, [spec_of(values)], WriteOptions())
    sink.work(0, [lambda box: values[box.slices]])
    path.parent.mkdir()
    with pytest.raises(UsageError, match="it appeared meanwhile"):
        sink.commit()
    sink.abort()
    path.parent.rmdir()
    write(STACK.create_image, path, values, WriteOptions(resume=True))
    np.testing.assert_array_equal(read_all(path.parent), values)


def test_pictures_that_were_moved_in_part_are_no_stack(tmp_path):
    path = tmp_path / "out" / "%d.png"
    path.parent.mkdir()
    values = asymmetric((1, 1, 6, 30, 21))
    sink = STACK.create_image(path, [spec_of(values)], WriteOptions())
    sink.work(0, [lambda box: values[box.slices]])
    partial = tmp_path / "out" / "%d.png.partial"
    (partial / ".moving").write_bytes(b"")
    (partial / "pictures" / "2.png").rename(tmp_path / "out" / "2.png")
    for source in (path.parent, path.parent / "*.png", tmp_path / "*" / "*.png"):
        with pytest.raises(IncompleteError, match="run it again with --resume") as caught:
            read_all(source)
        assert "conversion interrupted, 5 pictures not at their place" in caught.value.line
    sink.abort()
    write(STACK.create_image, path, values, WriteOptions(resume=True))
    np.testing.assert_array_equal(read_all(path.parent), values)


@pytest.mark.parametrize("name", ["out/%d.png", "in/%d.tif", "a.tif", "z.tif", "a.npy", "a.h5"])
def test_a_run_without_a_finished_task_leaves_nothing(tmp_path, name):
    """The same command can be given again; what another began is not touched."""
    path = tmp_path / name
    (tmp_path / "in").mkdir()
    values = asymmetric((1, 1, 6, 30, 21))
    create = format_of_destination(path, "image").create_image
    options = WriteOptions(compression="gzip" if name == "z.tif" else "")
    sink = create(path, [spec_of(values)], options)
    folder = next(p for p in (*tmp_path.glob("*.partial"), *tmp_path.glob("*/*.partial")))
    for lost in ("pictures", ".spill", "parts"):
        (folder / lost).mkdir()
        (folder / lost / "left.png").write_bytes(b"half")
    create(path, [spec_of(values)], replace(options, attach=True)).abort()
    assert folder.exists()
    sink.abort()
    sink.abort()
    assert [p.name for p in tmp_path.rglob("*")] == ["in"]
    write(create, path, values, options)


def test_the_folder_of_a_destination():
    assert picture_folder(Path("a/b/%04d.png")) == Path("a/b")
    assert picture_folder(Path("a/b.png")) == Path("a")
    template = parse_template(Path("o/a%03db.png"))
    names = [
        "a007b.png",
        "a7b.png",
        "a0007b.png",
        "a1234b.png",
        "a007c.png",
        "ab.png",
        "a\u0661\u0661\u0661b.png",
    ]
    assert [template.number(name) for name in names] == [7, None, None, 1234, None, None, None]
