"""Every kind of camera passes the same tests; the list comes from the registry."""

import difflib
import time

import numpy as np
import pytest
from tests.dcam import stand_in

from pyramidion.core import LOST_REASONS, PyramidionError, UsageError
from pyramidion.instruments import camera_kinds, open_camera, set_properties

KINDS = [kind for kind in camera_kinds() if kind.example is not None]
PIXELS = ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"]
COMMON = {"exposure": "s", "rate": "Hz", "roi": "", "binning": "", "trigger": "", "pixel_type": ""}


@pytest.fixture(scope="module", autouse=True)
def _dcam(tmp_path_factory):
    """A DCAM library, where there is a compiler for it."""
    with stand_in(tmp_path_factory.mktemp("dcam"), width=64, height=48, fps=500):
        yield


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def camera(request, tmp_path):
    """A camera of each kind, open."""
    kind = request.param
    if reason := kind.why_not():
        pytest.skip(reason)
    opened = open_camera(f"{kind.name}:{kind.example(tmp_path)}")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _nothing_printed(capfd):
    yield
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


def fetch(camera, n, at_a_time=4, patience_s=20.0):
    """Return numbers, times, losses and pixels of the first `n` frames, or of all there are."""
    spec = camera.spec()
    numbers, times, lost, pixels = [], [], [], []
    out = np.empty((at_a_time, *spec.shape), spec.dtype)
    until = time.monotonic() + patience_s
    while len(numbers) < n and time.monotonic() < until:
        try:
            grabbed = camera.grab(out[: n - len(numbers)], 1.0)
        except EOFError:
            break
        assert grabbed.number.dtype == np.int64
        assert grabbed.time_camera.dtype == np.float64
        assert len(grabbed.number) == len(grabbed.time_camera) <= at_a_time
        numbers += grabbed.number.tolist()
        times += grabbed.time_camera.tolist()
        lost += grabbed.lost
        pixels += list(out[: len(grabbed.number)].copy())
    return numbers, times, lost, pixels


def test_spec_is_sane(camera):
    spec = camera.spec()
    assert spec.height >= 1
    assert spec.width >= 1
    assert spec.dtype.newbyteorder("<") == spec.dtype
    assert spec.dtype.str[1:] in PIXELS
    assert spec.camera
    assert spec.rate_hz >= 0
    assert spec.properties == {p.name: p.value for p in camera.properties()}


def test_properties_are_sane(camera):
    listed = camera.properties()
    names = [p.name for p in listed]
    assert len(set(names)) == len(names)
    for one in listed:
        assert all(isinstance(part, str) for part in one)
        assert one.name.strip() == one.name != ""
        if one.name in COMMON:
            assert one.unit == COMMON[one.name]


def test_a_value_that_is_there_can_be_set_again(camera):
    for name in ("binning", "pixel_type", "roi", "exposure", "rate", "trigger"):
        for one in camera.properties():
            if one.name == name and one.allowed:
                camera.set(name, one.value)
                assert one in camera.properties()


def test_refuses_what_it_does_not_have(camera):
    names = [p.name for p in camera.properties()]
    wrong = names[0] + "x"
    with pytest.raises(UsageError) as caught:
        camera.set(wrong, "1")
    assert caught.value.id == "PYR-CAM-05"
    assert caught.value.where == wrong
    close = difflib.get_close_matches(wrong, names, n=1)[0]
    assert f"did you mean {close}?" in caught.value.line
    with pytest.raises(UsageError, match="not a property"):
        camera.set("qqqqqqqq", "1")


def test_refuses_values_that_are_not_allowed(camera):
    before = camera.properties()
    for name in ("exposure", "rate", "binning", "pixel_type", "trigger", "roi"):
        settable = [p for p in before if p.name == name and p.allowed]
        for value in ("-7", "", "nonsense", "nan", "1,2") if settable else ():
            with pytest.raises(UsageError) as caught:
                camera.set(name, value)
            assert caught.value.id in ("PYR-CAM-05", "PYR-CAM-06")
            assert caught.value.where.partition(".")[0] == name
            assert "\n" not in caught.value.line
    for one in before:
        if not one.allowed:
            with pytest.raises(UsageError):
                camera.set(one.name, one.value)
    assert camera.properties() == before


def test_frames_are_as_announced_and_numbered_from_0(camera):
    camera.start(64)
    numbers, times, lost, pixels = fetch(camera, 12)
    assert len(pixels) == 12
    assert numbers[0] == sum(n for first, n, _ in lost if first < numbers[0])
    assert numbers == sorted(set(numbers))
    times = np.array(times)
    assert np.isnan(times).all() or (np.diff(times) >= 0).all()
    assert {reason for _, _, reason in lost} <= set(LOST_REASONS)


def test_grabs_into_one_slot(camera):
    camera.start(64)
    numbers, _, _, _ = fetch(camera, 5, at_a_time=1)
    assert len(numbers) == 5


def test_writes_only_what_it_says(camera):
    spec = camera.spec()
    camera.start(64)
    out = np.zeros((40, *spec.shape), spec.dtype)
    out.view("u1")[:] = 0xA5
    grabbed = camera.grab(out, 5.0)
    assert 1 <= len(grabbed.number) <= 40
    assert (out.view("u1")[len(grabbed.number) :] == 0xA5).all()


def test_losses_explain_the_gaps(camera):
    camera.start(4)
    spec = camera.spec()
    out = np.empty((4, *spec.shape), spec.dtype)
    seen, lost = [], []
    for nap in (0, 0.1, 0, 0.2, 0, 0):
        time.sleep(nap)
        try:
            grabbed = camera.grab(out, 2.0)
        except EOFError:
            break
        seen += grabbed.number.tolist()
        lost += grabbed.lost
    told = [n for first, count, _ in lost for n in range(first, first + count)]
    assert sorted(seen + told) == list(range(len(seen) + len(told)))


def test_waits_no_longer_than_told(camera):
    spec = camera.spec()
    out = np.empty((64, *spec.shape), spec.dtype)
    camera.start(64)
    for timeout_s in (0.0, 0.05):
        for _ in range(3):
            began = time.monotonic()
            try:
                camera.grab(out, timeout_s)
            except EOFError:
                return
            assert time.monotonic() - began < timeout_s + 1


def test_starts_again_from_0(camera):
    for _ in range(3):
        camera.start(64)
        numbers, _, lost, _ = fetch(camera, 3)
        assert numbers[0] == sum(n for first, n, _ in lost if first < numbers[0])
        camera.stop()
        camera.stop()


def test_nothing_is_set_while_it_runs(camera):
    settable = (
        next(p for p in camera.properties() if p.allowed)
        if any(p.allowed for p in camera.properties())
        else None
    )
    if settable is None:
        pytest.skip("nothing can be set")
    camera.start(8)
    with pytest.raises(UsageError):
        camera.set(settable.name, settable.value)
    camera.stop()
    camera.set(settable.name, settable.value)


def test_grab_needs_a_start(camera):
    spec = camera.spec()
    out = np.empty((1, *spec.shape), spec.dtype)
    with pytest.raises(PyramidionError):
        camera.grab(out, 0.0)


def test_ends_for_good(camera):
    spec = camera.spec()
    out = np.empty((16, *spec.shape), spec.dtype)
    camera.start(64)
    until = time.monotonic() + 1
    ended = False
    while not ended and time.monotonic() < until:
        try:
            camera.grab(out, 0.5)
        except EOFError:
            ended = True
    if ended:
        with pytest.raises(EOFError):
            camera.grab(out, 0.0)


def test_a_region_is_what_is_delivered(camera):
    roi = [p for p in camera.properties() if p.name == "roi" and p.allowed]
    if not roi:
        pytest.skip("no regions")
    x, y, width, height = map(int, roi[0].value.split(","))
    half = f"{x},{y},{width // 8 * 4},{height // 8 * 4}"
    set_properties(camera, [("roi", half)])
    spec = camera.spec()
    assert spec.shape == (height // 8 * 4, width // 8 * 4)
    camera.start(16)
    assert len(fetch(camera, 2)[0]) == 2
    camera.stop()
    for value in ("0,0,0,0", "0,0", "0,0,99999999,4", "-4,0,8,8", "0,0,8.5,8"):
        with pytest.raises(UsageError) as caught:
            camera.set("roi", value)
        assert caught.value.id == "PYR-CAM-06"
    assert camera.spec().shape == spec.shape


def test_closes_twice(camera):
    camera.start(4)
    camera.close()
    camera.close()


@pytest.mark.parametrize("kind", camera_kinds(), ids=lambda kind: kind.name)
def test_lists_what_is_there(kind):
    listed = list(kind.found())
    assert all(isinstance(rest, str) and isinstance(said, str) for rest, said in listed)
    if kind.why_not():
        assert listed == []


@pytest.mark.parametrize("kind", camera_kinds(), ids=lambda kind: kind.name)
@pytest.mark.parametrize("rest", ["nonsense=1", "\0", "/nowhere/at/all", "9" * 40, "=,=,=", "%n"])
def test_a_wrong_address_is_told_in_one_line(kind, rest):
    with pytest.raises(PyramidionError) as caught:
        kind.open(rest)
    assert "\n" not in caught.value.line
