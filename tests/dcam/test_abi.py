"""Structures and numbers of the interface, against the published tables."""

import ctypes

import pytest

from pyramidion.instruments._dcam import constants, library, structs

# size, then (offset, name) of the members that are used
LAYOUTS = {
    structs.ApiInit: (32, {0: "size", 4: "device_count", 8: "reserved", 12: "init_option_bytes", 16: "init_option", 24: "guid"}),
    structs.DevOpen: (16, {0: "size", 4: "index", 8: "handle"}),
    structs.DevString: (24, {0: "size", 4: "what", 8: "text", 16: "text_bytes"}),
    structs.DevCapability: (16, {0: "size", 4: "domain", 8: "flags", 12: "kind"}),
    structs.PropAttr: (88, {
        0: "size", 4: "prop", 8: "option", 12: "reserved1", 16: "attribute", 20: "group", 24: "unit",
        28: "attribute2", 32: "value_min", 40: "value_max", 48: "value_step", 56: "value_default",
        64: "max_channel", 68: "reserved3", 72: "max_view", 76: "prop_number_of_element",
        80: "prop_array_base", 84: "prop_step_element",
    }),
    structs.PropValueText: (32, {0: "size", 4: "prop", 8: "value", 16: "text", 24: "text_bytes"}),
    structs.Timestamp: (8, {0: "sec", 4: "microsec"}),
    structs.BufFrame: (64, {
        0: "size", 4: "kind", 8: "option", 12: "frame", 16: "buf", 24: "rowbytes", 28: "type",
        32: "width", 36: "height", 40: "left", 44: "top", 48: "timestamp", 56: "framestamp",
        60: "camerastamp",
    }),
    structs.TransferInfo: (16, {0: "size", 4: "kind", 8: "newest_frame_index", 12: "frame_count"}),
    structs.WaitOpen: (24, {0: "size", 4: "support_event", 8: "wait", 16: "handle"}),
    structs.WaitStart: (16, {0: "size", 4: "event_happened", 8: "event_mask", 12: "timeout"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", LAYOUTS, ids=lambda k: k.__name__)
def test_a_structure_is_laid_out_as_published(kind):
    size, members = LAYOUTS[kind]
    assert ctypes.sizeof(kind) == size
    assert {getattr(kind, name).offset: name for name, *_ in kind._fields_} == members


def test_every_structure_is_in_the_table():
    kinds = {
        v for v in vars(structs).values() if isinstance(v, type) and issubclass(v, ctypes.Structure)
    }
    assert kinds - {ctypes.Structure} == set(LAYOUTS)


def test_a_new_structure_knows_its_size_and_is_zero():
    frame = structs.sized(structs.BufFrame, width=7)
    assert (frame.size, frame.width, frame.buf, frame.framestamp) == (64, 7, None, 0)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ABORT", 0x80000102), ("TIMEOUT", 0x80000106), ("EXCLUDED", 0x80000110),
        ("NOCAMERA", 0x80000206), ("NOGRABBER", 0x80000207), ("LOSTFRAME", 0x80000301),
        ("INVALIDPARAM", 0x80000808), ("NOPROPERTY", 0x80000828),
        ("INVALIDSUBARRAY", 0x8000082B), ("INVALIDFRAMEINDEX", 0x80000833),
        ("MISSINGFRAME_TROUBLE", 0x80000F06), ("NOCONNECTION", 0x80000F07),
        ("FAILREADCAMERA", 0x83001002), ("DEVICEINITIALIZING", 0xB0000001),
    ],
)  # fmt: skip
def test_error_codes(name, code):
    assert constants.Err[name] == code
    assert library.code_name(code) == name


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("exposure", 0x001F0110), ("trigger", 0x00100110), ("trigger_polarity", 0x00100220),
        ("rate", 0x00403810), ("subarray_hpos", 0x00402110), ("subarray_hsize", 0x00402120),
        ("subarray_vpos", 0x00402130), ("subarray_vsize", 0x00402140),
        ("subarray_mode", 0x00402150), ("binning", 0x00401110), ("image_width", 0x00420210),
        ("image_height", 0x00420220), ("pixel_type", 0x00420270), ("cooling", 0x00200320),
        ("sensor_temperature", 0x00200310), ("readout_speed", 0x00400110),
        ("timestamp_producer", 0x00410A10), ("framestamp_producer", 0x00410A20),
        ("image_detector_pixel_width", 0x00420810), ("framebundle_mode", 0x00421010),
    ],
)  # fmt: skip
def test_property_ids(name, number):
    assert constants.IDS[name] == number


def test_no_two_properties_share_an_id():
    assert len(constants.NAMES) == len(constants.IDS)
    assert set(constants.ALIASES.values()) <= set(constants.IDS)
    assert set(constants.WORDS) <= set(constants.NAMES)


def test_an_unknown_code_is_shown_as_it_is():
    assert library.code_name(0x80001234) == "error 0x80001234"


@pytest.mark.usefixtures("plug")
def test_every_function_has_types():
    """Without them a 64-bit handle would be cut to 32 bits."""
    loaded = library.load_library()
    for name, types in library._FUNCTIONS.items():
        assert tuple(loaded.raw(name).argtypes) == types
        assert loaded.raw(name).restype is ctypes.c_int32
