"""What the simulated oscilloscope sees on its inputs, apart from noise: volts as a function of phase.

Each signal takes the phase in cycles, reduced to 0..1, as float64 (a sample is 1e-7 of a period, its
jitter 20 times less, and float32 would round both away at an edge) and fills float32 volts, whose
error of 1e-8 V is far below one code.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

FREQUENCY_HZ = 50
AMPLITUDE_V = 0.1
PULSE_V = 0.2
PULSE_CYCLES = 1 / 20

DRIFTS = ((0.010, 0.1), (0.005, 0.5))
"""Amplitude in volts and frequency in hertz of the slow drifts."""

EVENT_START_S, EVENT_STOP_S = 443.5e-6, 443.75e-6
EVENT_V = -0.05
EVENT_DECAY_S = 50e-9

Signal = Callable[[np.ndarray, np.ndarray], None]


def _sine(phase: np.ndarray, volts: np.ndarray) -> None:
    np.multiply(phase, 2 * math.pi, out=volts, casting="same_kind")
    np.sin(volts, out=volts)
    np.multiply(volts, np.float32(AMPLITUDE_V), out=volts)


def _square(phase: np.ndarray, volts: np.ndarray) -> None:
    np.multiply(phase < 0.5, np.float32(2 * AMPLITUDE_V), out=volts)
    np.subtract(volts, np.float32(AMPLITUDE_V), out=volts)


def _sawtooth(phase: np.ndarray, volts: np.ndarray) -> None:
    np.multiply(phase, 2 * AMPLITUDE_V, out=volts, casting="same_kind")
    np.subtract(volts, np.float32(AMPLITUDE_V), out=volts)


def _pulse(phase: np.ndarray, volts: np.ndarray) -> None:
    np.multiply(phase < PULSE_CYCLES, np.float32(PULSE_V), out=volts)


SIGNALS: dict[str, Signal] = {
    "sine": _sine,
    "square": _square,
    "sawtooth": _sawtooth,
    "pulse": _pulse,
}


def drift(time_s: float) -> float:
    """Return the slow drift, in volts, at a time since the start of the segment."""
    return sum(volts * math.sin(2 * math.pi * hertz * time_s) for volts, hertz in DRIFTS)


def event(interval_s: float) -> tuple[int, np.ndarray]:
    """Return the injected event: a burst of -50 mV that decays within 250 ns.

    Parameters
    ----------
    interval_s : float
        Seconds per sample.

    Returns
    -------
    int
        Index of its first sample within the segment.
    ndarray, float32
        Volts to add, one per sample.
    """
    start = round(EVENT_START_S / interval_s)
    stop = round(EVENT_STOP_S / interval_s)
    age_s = np.arange(stop - start) * interval_s
    return start, (EVENT_V * np.exp(-age_s / EVENT_DECAY_S)).astype(np.float32)
