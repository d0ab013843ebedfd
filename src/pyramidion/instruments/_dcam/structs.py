"""Structures of DCAM-API version 4, laid out as C lays them out on 64-bit machines.

Each begins with its own size; :func:`sized` makes one that has it set and is zero elsewhere.
"""

from __future__ import annotations

from ctypes import POINTER, Structure, c_double, c_int32, c_uint32, c_void_p, sizeof
from typing import Any, TypeVar


class ApiInit(Structure):
    """``DCAMAPI_INIT``: `device_count` is an answer."""

    _fields_ = [
        ("size", c_int32),
        ("device_count", c_int32),
        ("reserved", c_int32),
        ("init_option_bytes", c_int32),
        ("init_option", POINTER(c_int32)),
        ("guid", c_void_p),
    ]


class DevOpen(Structure):
    """``DCAMDEV_OPEN``: `handle` is an answer."""

    _fields_ = [("size", c_int32), ("index", c_int32), ("handle", c_void_p)]


class DevString(Structure):
    """``DCAMDEV_STRING``: the answer is written to `text`."""

    _fields_ = [
        ("size", c_int32),
        ("what", c_int32),
        ("text", c_void_p),
        ("text_bytes", c_int32),
    ]


class DevCapability(Structure):
    """``DCAMDEV_CAPABILITY``: `flags` is an answer."""

    _fields_ = [("size", c_int32), ("domain", c_int32), ("flags", c_int32), ("kind", c_int32)]


class PropAttr(Structure):
    """``DCAMPROP_ATTR``: everything behind `prop` is an answer."""

    _fields_ = [
        ("size", c_int32),
        ("prop", c_int32),
        ("option", c_int32),
        ("reserved1", c_int32),
        ("attribute", c_int32),
        ("group", c_int32),
        ("unit", c_int32),
        ("attribute2", c_int32),
        ("value_min", c_double),
        ("value_max", c_double),
        ("value_step", c_double),
        ("value_default", c_double),
        ("max_channel", c_int32),
        ("reserved3", c_int32),
        ("max_view", c_int32),
        ("prop_number_of_element", c_int32),
        ("prop_array_base", c_int32),
        ("prop_step_element", c_int32),
    ]


class PropValueText(Structure):
    """``DCAMPROP_VALUETEXT``: the answer is written to `text`."""

    _fields_ = [
        ("size", c_int32),
        ("prop", c_int32),
        ("value", c_double),
        ("text", c_void_p),
        ("text_bytes", c_int32),
    ]


class Timestamp(Structure):
    """``DCAM_TIMESTAMP``."""

    _fields_ = [("sec", c_uint32), ("microsec", c_int32)]


class BufFrame(Structure):
    """``DCAMBUF_FRAME``; for a copy the caller says where to and how much."""

    _fields_ = [
        ("size", c_int32),
        ("kind", c_int32),
        ("option", c_int32),
        ("frame", c_int32),
        ("buf", c_void_p),
        ("rowbytes", c_int32),
        ("type", c_int32),
        ("width", c_int32),
        ("height", c_int32),
        ("left", c_int32),
        ("top", c_int32),
        ("timestamp", Timestamp),
        ("framestamp", c_int32),
        ("camerastamp", c_int32),
    ]


class TransferInfo(Structure):
    """``DCAMCAP_TRANSFERINFO``: the last two are answers."""

    _fields_ = [
        ("size", c_int32),
        ("kind", c_int32),
        ("newest_frame_index", c_int32),
        ("frame_count", c_int32),
    ]


class WaitOpen(Structure):
    """``DCAMWAIT_OPEN``: `support_event` and `wait` are answers."""

    _fields_ = [
        ("size", c_int32),
        ("support_event", c_int32),
        ("wait", c_void_p),
        ("handle", c_void_p),
    ]


class WaitStart(Structure):
    """``DCAMWAIT_START``: `event_happened` is an answer; the timeout is in milliseconds."""

    _fields_ = [
        ("size", c_int32),
        ("event_happened", c_int32),
        ("event_mask", c_int32),
        ("timeout", c_int32),
    ]


AnyStruct = TypeVar("AnyStruct", bound=Structure)


def sized(kind: type[AnyStruct], **fields: Any) -> AnyStruct:
    """Return a structure with its size and some fields set, zero elsewhere."""
    return kind(size=sizeof(kind), **fields)
