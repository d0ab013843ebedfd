"""Properties by name: what they are, and every way in which a value is refused."""

import pytest

from pyramidion.core import CameraError, UsageError


def listed(camera):
    return {p.name: p for p in camera.properties()}


def refused(camera, name, value):
    with pytest.raises(UsageError) as caught:
        camera.set(name, value)
    assert caught.value.status == 2
    return caught.value


def test_every_property_is_listed(open_dcam):
    camera = open_dcam(fps=100)
    found = listed(camera)
    assert found["exposure"][1:] == ("0.005", "s", "0.001 to 10")
    assert found["trigger"][1:] == ("internal", "", "internal, external, software, masterpulse")
    assert found["sensor_temperature"][1:] == ("-19.5", "°C", "")
    assert found["readout_speed"][1:] == ("fastest", "", "slowest, fastest")
    assert found["cooling"][1:] == ("on", "", "off, on, max")
    assert found["binning"][1:] == ("1", "", "1, 2, 4")
    assert found["pixel_type"][1:] == ("uint16", "", "uint8, uint16")
    assert found["rate"][1:] == ("100", "Hz", "0.01 to 20000")
    assert found["roi"].value == "0,0,64,48"
    assert found["timestamp_producer"].value == "imaging_device"
    assert found["subarray_hsize"].allowed == "4 to 64, in steps of 4"
    assert found["pattern_stand_in"].value == "2", "a property that only the camera knows"
    assert found["serial"].value == "500123"
    assert found["stamps"].value == "framestamp, timestamp, camerastamp"
    assert camera.spec().properties == {name: p.value for name, p in found.items()}


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("exposure", "0.0125", "0.0125"), ("exposure_time", "0.5", "0.5"), ("exposure", "1e-3", "0.001"),
        ("trigger", "external", "external"), ("trigger_source", "masterpulse", "masterpulse"),
        ("trigger_polarity", "positive", "positive"), ("trigger_active", "syncreadout", "syncreadout"),
        ("cooling", "max", "max"), ("cooling", "OFF", "off"), ("sensor_cooler", "off", "off"),
        ("readout_speed", "1", "slowest"), ("binning", "4", "4"), ("pixel_type", "uint8", "uint8"),
        ("trigger_times", "10000", "10000"), ("trigger_delay", "0.125", "0.125"),
        ("pattern_stand_in", "254", "254"), ("roi", "8, 4, 16, 40", "8,4,16,40"),
        ("rate", "50", "50"), ("internal_frame_rate", "25.5", "25.5"),
    ],
)  # fmt: skip
def test_a_value_is_set(open_dcam, name, value, shown):
    camera = open_dcam(fps=100)
    camera.set(name, value)
    canonical = {"exposure_time": "exposure", "trigger_source": "trigger", "sensor_cooler": "cooling", "internal_frame_rate": "rate"}  # fmt: skip
    assert listed(camera)[canonical.get(name, name)].value == shown


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("exposure", "20", "exposure: 0.001 to 10 s (20)"),
        ("exposure", "0", "exposure: 0.001 to 10 s (0)"),
        ("exposure", "nan", "exposure: 0.001 to 10 s (nan)"),
        ("exposure", "fast", "exposure: 0.001 to 10 s (fast)"),
        ("trigger", "inner", "trigger: one of internal, external, software, masterpulse (inner)"),
        ("trigger", "9", "trigger: one of internal, external, software, masterpulse (9)"),
        ("cooling", "2", "cooling: one of off, on, max (2)"),
        ("binning", "3", "binning: one of 1, 2, 4 (3)"),
        ("pixel_type", "mono12", "pixel_type: one of uint8, uint16 (mono12)"),
        ("sensor_temperature", "-30", "sensor_temperature: cannot be set (read only)"),
        ("image_width", "64", "image_width: cannot be set (read only)"),
        ("serial", "1", "serial: cannot be set (read only)"),
        ("trigger_times", "1.5", "trigger_times: whole number, 1 to 10000 (1.5)"),
        ("trigger_times", "10001", "trigger_times: 1 to 10000 (10001)"),
        ("trigger_delay", "0.0105", "trigger_delay: multiple of 0.001 (0.0105): 0.01 or 0.011"),
        ("pattern_stand_in", "7", "pattern_stand_in: multiple of 4 from 2 (7): 6 or 10"),
        ("roi", "0,0,33,40", "roi.width: multiple of 4 (33): 32 or 36"),
        ("roi", "2,0,32,40", "roi.x: multiple of 4 (2): 0 or 4"),
        ("roi", "0,0,68,40", "roi.width: 1 to 64 (68)"),
        ("roi", "0,0,64", "roi: 4 numbers needed (0,0,64): write x,y,width,height"),
        ("expozure", "1", "expozure: not a property of this camera: did you mean exposure?"),
        ("fire_trigger", "2", "fire_trigger: one of 1 (2)"),
        ("fire_trigger", "1", "fire_trigger: only with trigger=software"),
    ],
)  # fmt: skip
def test_a_value_is_refused(open_dcam, name, value, line):
    camera = open_dcam(fps=100)
    before = camera.properties()
    error = refused(camera, name, value)
    assert error.line == line
    assert error.id == ("PYR-CAM-06" if name == "roi" else "PYR-CAM-05")
    assert camera.properties() == before


def test_the_width_of_the_catalogue(open_dcam):
    camera = open_dcam(width=4096, height=2304)
    assert refused(camera, "roi", "0,0,1001,1000").line == "roi.width: multiple of 4 (1001): 1000 or 1004"  # fmt: skip


def test_a_camera_rounds_where_it_says_so(open_dcam):
    camera = open_dcam()
    camera.set("exposure", "0.0123456789")
    assert listed(camera)["exposure"].value == "0.012346"


def test_what_follows_from_others(open_dcam):
    camera = open_dcam(fps=100, padding=24)
    camera.set("roi", "8,4,32,40")
    camera.set("binning", "2")
    camera.set("exposure", "0.25")
    spec = camera.spec()
    assert (spec.shape, spec.dtype.str, spec.origin) == ((20, 16), "<u2", (2, 4))
    assert spec.pixel_um == (9.2, 9.2)
    assert spec.rate_hz == 4
    assert spec.properties["image_rowbytes"] == str(16 * 2 + 24)
    camera.set("pixel_type", "uint8")
    assert camera.spec().dtype.str == "|u1"
    camera.set("trigger", "external")
    assert camera.spec().rate_hz == 0


def test_the_whole_sensor_needs_no_sub_array(open_dcam):
    camera = open_dcam()
    camera.set("roi", "8,4,32,40")
    assert listed(camera)["subarray_mode"].value == "on"
    camera.set("roi", "0,0,64,48")
    assert listed(camera)["subarray_mode"].value == "off"


def test_a_region_that_only_the_camera_refuses_leaves_the_old_one(open_dcam):
    camera = open_dcam(refuse_width=20)
    camera.set("roi", "8,4,32,40")
    error = refused(camera, "roi", "0,0,20,40")
    assert error.line == "roi: refused by the camera (0,0,20,40): The sub-array is not possible"
    assert error.id == "PYR-CAM-06"
    assert listed(camera)["roi"].value == "8,4,32,40"


def test_a_value_that_only_the_camera_refuses(open_dcam):
    camera = open_dcam(fail="dcamprop_setgetvalue:80000821")
    assert refused(camera, "exposure", "1").line == "exposure: refused by the camera (1): Invalid value"  # fmt: skip


@pytest.mark.parametrize("function", ["dcamprop_getattr", "dcamprop_setgetvalue"])
def test_a_camera_that_fails_while_it_is_set(open_dcam, function):
    camera = open_dcam()
    with pytest.MonkeyPatch.context() as later:
        later.setenv("DCAM_STUB_FAIL", f"{function}:83001002")
        with pytest.raises(CameraError) as caught:
            camera.set("exposure", "1")
    assert caught.value.line == f"camera 0: {function} failed (Reading from the camera failed)"


def test_a_property_that_cannot_be_read_is_left_out(open_dcam):
    camera = open_dcam()
    with pytest.MonkeyPatch.context() as later:
        later.setenv("DCAM_STUB_FAIL", "dcamprop_getattr@9999:0,dcamprop_getvalue@1:80000824")
        names = listed(camera)
    assert "exposure" in names


@pytest.mark.parametrize("function", ["dcamprop_getattr", "dcamprop_getvalue", "dcamprop_queryvalue"])  # fmt: skip
def test_a_camera_that_is_unplugged_while_it_is_asked(open_dcam, function):
    camera = open_dcam()
    with pytest.MonkeyPatch.context() as later:
        later.setenv("DCAM_STUB_FAIL", f"{function}:80000f07")
        with pytest.raises(CameraError, match="camera 0: not connected"):
            camera.properties()


def test_pixels_that_are_not_recorded(open_dcam):
    camera = open_dcam(pixeltype=3)
    for asked in (camera.spec, lambda: camera.start(8)):
        with pytest.raises(UsageError) as caught:
            asked()
        assert caught.value.line == "pixel_type: not recorded (mono12): set pixel_type=uint16 or uint8"  # fmt: skip
    camera.set("pixel_type", "uint16")
    camera.spec()


def test_bundles_of_frames_are_not_recorded(open_dcam):
    camera = open_dcam()
    camera.set("framebundle_mode", "on")
    with pytest.raises(UsageError, match="set framebundle_mode=off"):
        camera.start(8)


def test_nothing_is_set_while_it_runs(open_dcam):
    camera = open_dcam()
    camera.start(8)
    assert "stop it first" in refused(camera, "exposure", "0.002").line
