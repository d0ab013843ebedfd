"""An oscilloscope that is not there: a recording of any length, computed where it is read.

Meant for demonstrations, tests and measurements. The recording is a pure function of its parameters:
``read`` may be called for any region, in any order, from any number of threads, and a sample always
has the same value. Nothing is stored, so a recording of 10^12 samples opens at once.

Each segment holds a 50 Hz signal with time jitter, slow drift, white noise, three single-sample
glitches and one short event, so that a viewer has something to hide and something to find.

It knows nothing of files. The random numbers of one block of 65,536 samples are drawn together, so
reading one sample costs as much as reading its block (below a millisecond).

>>> from pyramidion.core import Box
>>> scope = SimulatedScope(channels=1, segments=1, samples=1000, seed=7)
>>> whole = scope.read(Box.whole(scope.spec.shape))
>>> part = scope.read(Box((0, 0, 0, 500), (1, 1, 1, 600)))
>>> bool((whole[..., 500:600] == part).all())
True
"""

from __future__ import annotations

import itertools
import math
import secrets

import numpy as np

from pyramidion.core import Box, Closing, UsageError, WaveformSpec, waveform_axes
from pyramidion.instruments._noise import block_bits, calibration, glitches, normal_table
from pyramidion.instruments._signals import FREQUENCY_HZ, SIGNALS, drift, event

INTERVAL_S = 2e-9
JITTER_INTERVALS = 0.05
CHANNEL_SHIFT_V = 0.05

_BLOCK = 1 << 16
_CODES = (-(2.0**15), 2.0**15 - 1)
_SAMPLES_PER_PERIOD = round(1 / (FREQUENCY_HZ * INTERVAL_S))
_MOST_SAMPLES = 1 << 40
_MOST_BYTES = 1 << 50
_MOST_TRACES = 1 << 16
_SMALLEST_GAIN, _LARGEST_VOLTAGE = 1e-12, 1e6


class SimulatedScope(Closing):
    """A recording of shape (channels, trcs, segments, samples) of int16 codes.

    Parameters
    ----------
    channels, trcs, segments, samples : int
        Shape of the recording.
    signal : {"sine", "square", "sawtooth", "pulse"}
        What is measured: 50 Hz, 0.1 V; the pulse is 0.2 V for a twentieth of a period.
    seed : int, optional
        Makes the recording repeatable; a random one is taken, and told in `spec.attributes`,
        when absent.
    noise : float
        Standard deviation of the white noise, in volts.
    gain : float
        Nominal volts per code; each trace differs from it by up to 2 %.

    Raises
    ------
    UsageError
        If a parameter is outside its range.

    Notes
    -----
    The same seed gives the same samples with every version of numpy; a sample at the very edge of
    two codes may differ between processors, whose sines differ in the last bit.
    """

    def __init__(
        self,
        *,
        channels: int = 2,
        trcs: int = 1,
        segments: int = 3,
        samples: int = 100_000_000,
        signal: str = "sine",
        seed: int | None = None,
        noise: float = 0.01,
        gain: float = 1e-4,
    ) -> None:
        shape = (channels, trcs, segments, samples)
        _check_shape(shape)
        _check_signal(signal)
        _check_voltage("--noise", noise, 0.0)
        _check_voltage("--gain", gain, _SMALLEST_GAIN)
        self._seed = _checked_seed(seed)
        self._signal = SIGNALS[signal]
        # Two draws are added, so each has the variance of half the noise.
        self._noise_table = normal_table(noise / math.sqrt(2))
        self._jitter_table = normal_table(JITTER_INTERVALS)
        self._event_start, self._event = event(INTERVAL_S)
        traces = [
            [calibration(self._seed, c, t, gain) for t in range(trcs)] for c in range(channels)
        ]
        calibrations = np.array(traces, np.float32)
        clip_codes = np.broadcast_to(np.array(_CODES, np.float64), (channels, trcs, 2))
        self._spec = WaveformSpec(
            waveform_axes(shape, INTERVAL_S),
            np.dtype("<i2"),
            gains=calibrations[..., 0].astype(np.float64),
            offsets=calibrations[..., 1].astype(np.float64),
            clip_codes=clip_codes,
            attributes={
                "generator": {
                    "name": "simulated_scope",
                    "signal": signal,
                    "seed": self._seed,
                    "noise": float(noise),
                    "gain": float(gain),
                }
            },
        )

    @property
    def spec(self) -> WaveformSpec:
        """What the recording is; ``attributes["generator"]["seed"]`` makes it again."""
        return self._spec

    def read(self, box: Box) -> np.ndarray:
        """Compute a region.

        Parameters
        ----------
        box : Box
            Region inside the recording.

        Returns
        -------
        ndarray, shape ``box.shape``, int16
        """
        codes = np.empty(box.shape, np.int16)
        for row in itertools.product(*(range(n) for n in box.shape[:3])):
            channel, trc, segment = (a + d for a, d in zip(box.start[:3], row, strict=True))
            self._fill((channel, trc, segment), box.start[3], codes[row])
        return codes

    def _fill(self, place: tuple[int, int, int], start: int, codes: np.ndarray) -> None:
        """Compute samples `start`... of one segment into `codes`, shape (n,)."""
        stop = start + codes.size
        spikes = glitches(self._seed, place, self._spec.shape[3])
        for block in range(start // _BLOCK, -(-stop // _BLOCK)):
            first = block * _BLOCK
            volts = self._block_volts(place, block)
            self._add_spikes(volts, first, *spikes)
            self._add_event(volts, first)
            values = self._codes(volts, place)
            lo, hi = max(start, first), min(stop, first + _BLOCK)
            np.copyto(
                codes[lo - start : hi - start], values[lo - first : hi - first], casting="unsafe"
            )

    def _block_volts(self, place: tuple[int, int, int], block: int) -> np.ndarray:
        """Return signal, jitter, drift and noise of one aligned block: float32, in volts."""
        first = block * _BLOCK
        n_samples = min(_BLOCK, self._spec.shape[3] - first)
        bits = block_bits(self._seed, place, block, n_samples)[:, :n_samples]
        index = np.arange(n_samples, dtype=np.float32)

        jitter = np.take(self._jitter_table, bits[2], mode="wrap")
        phase = np.add(index, jitter, dtype=np.float64)
        phase *= 1 / _SAMPLES_PER_PERIOD
        phase += first % _SAMPLES_PER_PERIOD / _SAMPLES_PER_PERIOD
        phase -= np.floor(phase)
        volts = np.empty(n_samples, np.float32)
        self._signal(phase, volts)

        # A block lasts 131 us, 1e-4 of the fastest drift's period: straight within 1e-10 V.
        before, after = drift(first * INTERVAL_S), drift((first + _BLOCK) * INTERVAL_S)
        index *= np.float32((after - before) / _BLOCK)
        index += np.float32(before + place[0] * CHANNEL_SHIFT_V)
        volts += index
        volts += np.take(self._noise_table, bits[0], mode="wrap")
        volts += np.take(self._noise_table, bits[1], mode="wrap")
        return volts

    def _add_spikes(
        self, volts: np.ndarray, first: int, positions: np.ndarray, heights: np.ndarray
    ) -> None:
        here = (positions >= first) & (positions < first + volts.size)
        volts[positions[here] - first] += heights[here]

    def _add_event(self, volts: np.ndarray, first: int) -> None:
        start, stop = self._event_start, self._event_start + self._event.size
        lo, hi = max(start, first), min(stop, first + volts.size)
        if lo < hi and stop <= self._spec.shape[3]:
            volts[lo - first : hi - first] += self._event[lo - start : hi - start]

    def _codes(self, volts: np.ndarray, place: tuple[int, int, int]) -> np.ndarray:
        """Return codes, still float32, of volts = code * gain - offset; `volts` is overwritten."""
        channel, trc, _ = place
        volts += np.float32(self._spec.offsets[channel, trc])
        volts *= np.float32(1 / self._spec.gains[channel, trc])
        return np.clip(volts, *_CODES, out=volts)


def _check_shape(shape: tuple[int, int, int, int]) -> None:
    for option, size in zip(("--channels", "--trcs", "--segments"), shape[:3], strict=True):
        if size < 1:
            raise UsageError(option, "must be at least 1", size, id="PYR-GEN-05")
    if not 1 <= shape[3] <= _MOST_SAMPLES:
        raise UsageError("--samples", "must be 1 to 2^40", shape[3], id="PYR-GEN-01")
    if math.prod(shape) * 2 > _MOST_BYTES:
        raise UsageError(
            "--samples", "more than 2^50 bytes in all", shape, "generate less", id="PYR-GEN-01"
        )
    if shape[0] * shape[1] > _MOST_TRACES:
        raise UsageError(
            "--channels",
            "more than 2^16 channels and trcs",
            shape[:2],
            "use --segments",
            id="PYR-GEN-05",
        )


def _check_signal(signal: str) -> None:
    if signal not in SIGNALS:
        raise UsageError(
            "--signal", "unknown", signal, f"one of {', '.join(SIGNALS)}", id="PYR-GEN-04"
        )


def _check_voltage(option: str, volts: float, least: float) -> None:
    if not math.isfinite(volts):
        raise UsageError(option, "must be a finite number", volts, id="PYR-GEN-08")
    if not least <= volts <= _LARGEST_VOLTAGE:
        raise UsageError(
            option, f"must be {least:g} to {_LARGEST_VOLTAGE:g} V", volts, id="PYR-GEN-08"
        )


def _checked_seed(seed: int | None) -> int:
    """Return the seed, or a random one short enough to be typed and exact in every JSON reader."""
    if seed is None:
        return secrets.randbits(32)
    if not 0 <= seed < 1 << 53:
        raise UsageError("--seed", "must be 0 to 2^53 - 1", seed, id="PYR-GEN-09")
    return seed
