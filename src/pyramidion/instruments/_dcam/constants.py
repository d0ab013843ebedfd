"""Numbers of DCAM-API version 4: error codes, property ids, words of enumerations.

Each stands in at least two of four independent descriptions of the interface.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final


class Err(IntEnum):
    """Error codes, as unsigned 32-bit numbers. Functions return them signed: negative is failure."""

    BUSY = 0x80000101
    ABORT = 0x80000102
    NOTREADY = 0x80000103
    NOTSTABLE = 0x80000104
    UNSTABLE = 0x80000105
    TIMEOUT = 0x80000106
    NOTBUSY = 0x80000107
    EXCLUDED = 0x80000110
    NORESOURCE = 0x80000201
    NOMEMORY = 0x80000203
    NOMODULE = 0x80000204
    NODRIVER = 0x80000205
    NOCAMERA = 0x80000206
    NOGRABBER = 0x80000207
    LOSTFRAME = 0x80000301
    COOLINGTROUBLE = 0x80000302
    NOTRIGGER = 0x80000303
    TEMPERATURE_TROUBLE = 0x80000304
    TOOFREQUENTTRIGGER = 0x80000305
    INVALIDIMAGE = 0x80000321
    INVALIDCAMERA = 0x80000806
    INVALIDHANDLE = 0x80000807
    INVALIDPARAM = 0x80000808
    INVALIDVALUE = 0x80000821
    OUTOFRANGE = 0x80000822
    NOTWRITABLE = 0x80000823
    NOTREADABLE = 0x80000824
    INVALIDPROPERTYID = 0x80000825
    NOPROPERTY = 0x80000828
    INVALIDSUBARRAY = 0x8000082B
    ACCESSDENY = 0x8000082C
    NOVALUETEXT = 0x8000082D
    WRONGPROPERTYVALUE = 0x8000082E
    INVALIDFRAMEINDEX = 0x80000833
    NODEVICEBUFFER = 0x8000083B
    REQUIREDSNAP = 0x8000083C
    LESSSYSTEMMEMORY = 0x8000083F
    NOTIMPLEMENT = 0x80000F02
    NOTSUPPORT = 0x80000F03
    MISSINGFRAME_TROUBLE = 0x80000F06
    NOCONNECTION = 0x80000F07
    FAILOPENBUS = 0x81001001
    FAILOPENCAMERA = 0x82001001
    FAILREADCAMERA = 0x83001002
    FAILWRITECAMERA = 0x83001003
    INVALIDWAITHANDLE = 0x84002001
    NEWRUNTIMEREQUIRED = 0x84002002
    DEVICEINITIALIZING = 0xB0000001


class IdStr(IntEnum):
    """What ``dcamdev_getstring`` is asked for."""

    BUS = 0x04000101
    CAMERAID = 0x04000102
    VENDOR = 0x04000103
    MODEL = 0x04000104
    CAMERAVERSION = 0x04000105
    DRIVERVERSION = 0x04000106
    MODULEVERSION = 0x04000107
    DCAMAPIVERSION = 0x04000108
    CAMERA_SERIESNAME = 0x0400012C


class Attr(IntFlag):
    """Bits of ``DCAMPROP_ATTR.attribute``."""

    EFFECTIVE = 0x200
    ACCESSBUSY = 0x1000
    ACCESSREADY = 0x2000
    READABLE = 0x10000
    WRITABLE = 0x20000
    VOLATILE = 0x80000
    AUTOROUNDING = 0x800000
    HASVALUETEXT = 0x10000000
    HASSTEP = 0x40000000
    HASRANGE = 0x80000000


TYPE_MASK: Final = 0xF
TYPE_MODE: Final = 1
TYPE_LONG: Final = 2


class Capability(IntFlag):
    """Which stamps a camera has."""

    FRAMESTAMP = 1
    TIMESTAMP = 2
    CAMERASTAMP = 4


EVENT_FRAMEREADY: Final = 2
CAPTURE_SEQUENCE: Final = -1
NEXT_VALUE: Final = 0x01000000
NEXT_SUPPORTED: Final = 0
UNKNOWN_STAMP: Final = 0xFFFFFFFF

PIXEL_TYPES: Final = {1: "uint8", 2: "uint16"}
"""MONO8 and MONO16, which are recorded; all others are refused."""

UNITS: Final = {1: "s", 2: "°C", 3: "K", 4: "m/s", 5: "Hz", 6: "°", 7: "um"}

OFF, ON = 1, 2

IDS: Final = {
    "exposure": 0x001F0110,
    "trigger": 0x00100110,
    "trigger_active": 0x00100120,
    "trigger_mode": 0x00100210,
    "trigger_polarity": 0x00100220,
    "trigger_connector": 0x00100230,
    "trigger_times": 0x00100240,
    "trigger_delay": 0x00100260,
    "trigger_global_exposure": 0x001F0300,
    "masterpulse_mode": 0x001E0020,
    "masterpulse_trigger_source": 0x001E0030,
    "masterpulse_interval": 0x001E0040,
    "masterpulse_burst_times": 0x001E0050,
    "output_trigger_source": 0x001C0110,
    "output_trigger_polarity": 0x001C0120,
    "output_trigger_kind": 0x001C0160,
    "rate": 0x00403810,
    "internal_frame_interval": 0x00403820,
    "internal_line_interval": 0x00403850,
    "timing_readout_time": 0x00403010,
    "timing_cyclic_trigger_period": 0x00403020,
    "timing_min_trigger_blanking": 0x00403030,
    "timing_min_trigger_interval": 0x00403050,
    "subarray_hpos": 0x00402110,
    "subarray_hsize": 0x00402120,
    "subarray_vpos": 0x00402130,
    "subarray_vsize": 0x00402140,
    "subarray_mode": 0x00402150,
    "binning": 0x00401110,
    "binning_independent": 0x00401120,
    "binning_horz": 0x00401130,
    "binning_vert": 0x00401140,
    "sensor_mode": 0x00400210,
    "readout_speed": 0x00400110,
    "sensor_temperature": 0x00200310,
    "cooling": 0x00200320,
    "sensor_cooler_status": 0x00200340,
    "image_width": 0x00420210,
    "image_height": 0x00420220,
    "image_rowbytes": 0x00420230,
    "image_framebytes": 0x00420240,
    "image_top_offset_bytes": 0x00420250,
    "pixel_type": 0x00420270,
    "image_camera_stamp": 0x00420300,
    "buffer_rowbytes": 0x00420330,
    "buffer_framebytes": 0x00420340,
    "buffer_top_offset_bytes": 0x00420350,
    "buffer_pixel_type": 0x00420360,
    "bits_per_channel": 0x00420130,
    "color_type": 0x00420120,
    "framebundle_mode": 0x00421010,
    "framebundle_number": 0x00421020,
    "framebundle_rowbytes": 0x00421030,
    "framebundle_frame_step_bytes": 0x00421040,
    "timestamp_producer": 0x00410A10,
    "framestamp_producer": 0x00410A20,
    "image_detector_pixel_width": 0x00420810,
    "image_detector_pixel_height": 0x00420820,
    "defect_correct_mode": 0x00470010,
    "system_alive": 0x00FF0010,
    "conversion_factor_coeff": 0x00FFE010,
    "conversion_factor_offset": 0x00FFE020,
}
"""Properties that have a fixed name here; all others have the camera's own, in the same style."""

NAMES: Final = {number: name for name, number in IDS.items()}

ALIASES: Final = {
    "exposure_time": "exposure",
    "trigger_source": "trigger",
    "image_pixel_type": "pixel_type",
    "sensor_cooler": "cooling",
    "internal_frame_rate": "rate",
}
"""What the library calls properties that have a shorter name with every camera."""

_PRODUCERS = {1: "none", 2: "dcam_module", 3: "kernel_driver", 4: "capture_device", 5: "imaging_device"}  # fmt: skip
_PIXEL_WORDS = {1: "uint8", 2: "uint16", 3: "mono12", 5: "mono12p", 0x21: "rgb24", 0x22: "rgb48", 0x29: "bgr24", 0x2A: "bgr48"}  # fmt: skip

WORDS: Final = {
    IDS["trigger"]: {1: "internal", 2: "external", 3: "software", 4: "masterpulse"},
    IDS["trigger_active"]: {1: "edge", 2: "level", 3: "syncreadout", 4: "point"},
    IDS["trigger_polarity"]: {1: "negative", 2: "positive"},
    IDS["trigger_mode"]: {1: "normal", 3: "piv", 6: "start", 7: "multigate", 8: "multiframe"},
    IDS["pixel_type"]: _PIXEL_WORDS,
    IDS["buffer_pixel_type"]: _PIXEL_WORDS,
    IDS["timestamp_producer"]: _PRODUCERS,
    IDS["framestamp_producer"]: _PRODUCERS,
    IDS["binning"]: {1: "1", 2: "2", 4: "4", 8: "8", 16: "16", 102: "1x2", 204: "2x4"},
    IDS["subarray_mode"]: {OFF: "off", ON: "on"},
    IDS["framebundle_mode"]: {OFF: "off", ON: "on"},
}
"""Words of values, where they do not come from the camera."""
