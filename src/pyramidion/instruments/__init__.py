"""Devices that record, one module each, found by name."""

from pyramidion.instruments._camera import (
    Camera,
    CameraKind,
    Grabbed,
    Property,
    camera_kinds,
    open_camera,
    set_properties,
    split_address,
)
from pyramidion.instruments.simulated_scope import SimulatedScope

__all__ = [
    "Camera",
    "CameraKind",
    "Grabbed",
    "Property",
    "SimulatedScope",
    "camera_kinds",
    "open_camera",
    "set_properties",
    "split_address",
]
