"""Every format that writes passes the same tests; the list comes from the registry."""

import numpy as np
import pytest
from tests.helpers import DTYPES, ArraySource, random_codes

from pyramidion.core import Box, DamagedError, UsageError
from pyramidion.formats import WriteOptions, formats, open_source
from pyramidion.workflows import ConvertOptions, convert, stream

WRITERS = [f for f in formats() if f.create is not None]
SHAPES = [(1, 1, 1, 1), (2, 1, 3, 1003), (1, 3, 1, 70_001), (2, 2, 2, 1)]


@pytest.fixture(params=WRITERS, ids=lambda f: f.name)
def written(request):
    return request.param


def destination(written, folder):
    return folder / f"w{written.suffixes[0]}"


class Failing(ArraySource):
    """A source whose last sample cannot be read."""

    def read(self, box):
        if box.stop == self.spec.shape:
            raise DamagedError("source", "damaged")
        return super().read(box)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_round_trip_of_shapes(written, tmp_path, rng, make_spec, shape, workers):
    codes = random_codes(rng, shape, "int16")
    path = destination(written, tmp_path)
    spec = make_spec(codes)
    source = ArraySource(codes, spec)
    report = stream(source, written.create(path, spec, WriteOptions()), workers=workers)
    assert report.bytes_read == codes.nbytes
    with open_source(path) as back:
        assert back.spec.shape == shape
        np.testing.assert_array_equal(back.read(Box.whole(shape)), codes)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("dtype", DTYPES)
def test_round_trip_of_types(written, tmp_path, rng, make_spec, dtype):
    codes = random_codes(rng, (1, 1, 2, 1003), dtype)
    path = destination(written, tmp_path)
    spec = make_spec(codes)
    stream(ArraySource(codes, spec), written.create(path, spec, WriteOptions()))
    with open_source(path) as back:
        assert back.spec.dtype == codes.dtype
        np.testing.assert_array_equal(back.read(Box.whole(codes.shape)), codes)


def test_tasks_cover_everything_once(written, tmp_path, make_spec):
    codes = np.zeros((2, 1, 2, 70_001), np.int16)
    sink = written.create(destination(written, tmp_path), make_spec(codes), WriteOptions())
    seen = np.zeros(codes.shape, int)
    for box in sink.tasks:
        seen[box.slices] += 1
    assert (seen == 1).all()
    sink.abort()
    sink.abort()


def test_nothing_has_the_name_before_commit(written, tmp_path, rng, make_spec):
    codes = random_codes(rng, (1, 1, 1, 5000), "int16")
    path = destination(written, tmp_path)
    sink = written.create(path, make_spec(codes), WriteOptions())
    for task in range(len(sink.tasks)):
        sink.accept(task, sink.work(task, lambda box: codes[box.slices]))
        assert not path.exists()
    sink.commit()
    assert path.exists()


def test_a_failure_leaves_nothing_that_looks_whole(written, tmp_path, rng, make_spec):
    codes = random_codes(rng, (2, 1, 1, 5000), "int16")
    spec = make_spec(codes)
    path = destination(written, tmp_path)
    with pytest.raises(DamagedError) as caught:
        stream(Failing(codes, spec), written.create(path, spec, WriteOptions()))
    assert caught.value.good
    assert not path.exists()
    left = [p for p in tmp_path.rglob("*") if p.name.endswith(".part")]
    assert left == []
    stream(
        ArraySource(codes, spec),
        written.create(path, spec, WriteOptions(overwrite=True)),
    )
    with open_source(path) as back:
        np.testing.assert_array_equal(back.read(Box.whole(codes.shape)), codes)


def test_resumes_or_says_that_it_cannot(written, tmp_path, rng):
    np.save(tmp_path / "in.npy", rng.integers(0, 9, (1, 1, 1, 5000), np.int16))
    out = tmp_path / "out"
    out.mkdir()
    path = destination(written, out)
    if written.name == "zarr":
        report = convert(tmp_path / "in.npy", path, ConvertOptions(resume=True))
        assert report.stream.resumed == 0
        return
    with pytest.raises(UsageError, match="--resume"):
        convert(tmp_path / "in.npy", path, ConvertOptions(resume=True))
    assert list(out.iterdir()) == []


def test_the_old_dataset_stays_until_the_new_one_is_whole(written, tmp_path, rng, make_spec):
    codes = random_codes(rng, (1, 1, 1, 5000), "int16")
    spec = make_spec(codes)
    path = destination(written, tmp_path)
    stream(ArraySource(codes, spec), written.create(path, spec, WriteOptions()))
    with pytest.raises(DamagedError):
        stream(Failing(codes + 1, spec), written.create(path, spec, WriteOptions(overwrite=True)))
    with open_source(path) as back:
        np.testing.assert_array_equal(back.read(Box.whole(codes.shape)), codes)
    stream(ArraySource(codes + 1, spec), written.create(path, spec, WriteOptions(overwrite=True)))
    with open_source(path) as back:
        np.testing.assert_array_equal(back.read(Box.whole(codes.shape)), codes + 1)
