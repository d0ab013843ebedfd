"""Devices that record, one module each, found by name."""

from pyramidion.instruments.simulated_scope import SimulatedScope

__all__ = ["SimulatedScope"]
