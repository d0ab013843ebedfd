"""Pixels of the simulated camera: prepared in advance, copied, and stamped with their number.

Making a noisy frame of 9.4 million pixels takes 50 ms, copying one 3 ms, so a few different frames
are made when the camera starts and are shown in turn. What tells each frame from every other is its
number, in the first 8 bytes of every row.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from pyramidion.instruments._noise import normal_table

OFFSET, FULL_SCALE = 100, 4095
_READ_NOISE = 1.6
_N_SPOTS = 48
_BLOCK_PIXELS = 1 << 17
_MOST_FRAMES, _FEWEST_FRAMES = 64, 10
_PREPARED_PIXELS, _PREPARED_BYTES = 1 << 24, 256 << 20


class Scene(NamedTuple):
    """What the camera looks at.

    Parameters
    ----------
    content : str
        ``structured``, ``noise`` or ``counter``.
    seed : int
        Of everything random.
    light : float
        Brightness of ``structured``, 1 for the usual.
    sensor : (int, int)
        Height and width of the sensor.
    origin : (int, int)
        Place (y, x) on the sensor of the frame's first pixel.
    binning : int
        Sensor pixels along each side of a pixel of the frame.
    """

    content: str
    seed: int
    light: float
    sensor: tuple[int, int]
    origin: tuple[int, int]
    binning: int


def prepare_frames(scene: Scene, shape: tuple[int, int], dtype: np.dtype[Any]) -> np.ndarray:
    """Make the frames that are shown in turn.

    Parameters
    ----------
    scene : Scene
        What they show.
    shape : (int, int)
        Height and width of a frame.
    dtype : numpy.dtype
        Types of one byte hold 8 bits (7 when signed), all others 12.

    Returns
    -------
    ndarray, shape (n, height, width)
        10 to 64 frames, fewer when they are large; one for ``counter``.
    """
    pixels = math.prod(shape)
    n = max(_FEWEST_FRAMES, _PREPARED_PIXELS // pixels)
    n = min(n, _MOST_FRAMES, max(2, _PREPARED_BYTES // (pixels * dtype.itemsize)))
    scale = 1.0 if dtype.itemsize > 1 else (np.iinfo(dtype).max + 1) / (FULL_SCALE + 1)
    if scene.content == "counter":
        return np.full((1, *shape), int(OFFSET * scale), dtype)
    frames = np.empty((n, *shape), dtype)
    background = _background(scene, shape) if scene.content == "structured" else None
    for place, frame in enumerate(frames):
        seed = np.random.SeedSequence(scene.seed, spawn_key=(place,))
        generator = np.random.Generator(np.random.SFC64(seed))
        if background is None:
            _fill_noise(frame, generator, scale)
        else:
            mean = background.copy()
            _add_spots(mean, scene, place / n)
            _fill_camera_like(frame, mean, generator, scale)
    return frames


def stamp(frames: np.ndarray, numbers: np.ndarray) -> None:
    """Write its number into every row of every frame.

    Parameters
    ----------
    frames : ndarray, shape (k, height, width)
        Rows lie together; changed in place.
    numbers : ndarray of int64, shape (k,)
        In rows of 8 bytes or more the first 8 bytes, little-endian; in narrower ones every pixel,
        mod 256.
    """
    n = 8 // frames.itemsize
    if frames.shape[2] >= n:
        frames[:, :, :n].view("<u8")[:, :, 0] = numbers.astype("<u8")[:, None]
        return
    low = (numbers % 256).astype("u1")
    frames[:] = (low.view("i1") if frames.dtype == np.int8 else low)[:, None, None]


def numbers_in(frame: np.ndarray) -> np.ndarray:
    """Return the number of the frame that each row comes from.

    Parameters
    ----------
    frame : ndarray, shape (height, width)
        Of the simulated camera, whole rows.

    Returns
    -------
    ndarray of int64, shape (height,)
        Mod 256 for rows narrower than 8 bytes; there -1 where pixels of a row differ.
    """
    n = 8 // frame.itemsize
    if frame.shape[1] >= n:
        return np.ascontiguousarray(frame[:, :n]).view("<u8")[:, 0].astype(np.int64)
    low = frame.view("u1") if frame.itemsize == 1 else frame
    return np.where((low == low[:, :1]).all(axis=1), low[:, 0], -1).astype(np.int64)


def _background(scene: Scene, shape: tuple[int, int]) -> np.ndarray:
    """Return a smooth image in photons: broad waves under a lens that darkens the corners."""
    y, x = (
        (origin + scene.binning * np.arange(n, dtype=np.float32)) / whole
        for n, origin, whole in zip(shape, scene.origin, scene.sensor, strict=True)
    )
    waves = np.outer(1 + 0.3 * np.sin(5 * y), 1 + 0.3 * np.cos(7 * x))
    corner = 1 - 0.5 * ((y[:, None] - 0.5) ** 2 + (x - 0.5) ** 2)
    image: np.ndarray = (200 * scene.light) * waves * corner
    return image


def _add_spots(mean: np.ndarray, scene: Scene, phase: float) -> None:
    """Add spots of light that go round in small circles, once while all frames are shown."""
    generator = np.random.Generator(np.random.SFC64(np.random.SeedSequence(scene.seed)))
    drawn = generator.random((_N_SPOTS, 6))
    size = math.hypot(*scene.sensor)
    for y, x, height, width, radius, turn in drawn.tolist():
        angle = 2 * math.pi * (phase + turn)
        middle = (
            y * scene.sensor[0] + radius * 0.01 * size * math.sin(angle),
            x * scene.sensor[1] + radius * 0.01 * size * math.cos(angle),
        )
        sigma = max(0.7, (0.002 + 0.008 * width) * size)
        _add_spot(mean, scene, middle, sigma, scene.light * 200 * 10**height)


def _add_spot(
    mean: np.ndarray, scene: Scene, middle: tuple[float, float], sigma: float, height: float
) -> None:
    profiles, parts = [], []
    for place, origin, n in zip(middle, scene.origin, mean.shape, strict=True):
        centre, reach = (place - origin) / scene.binning, 4 * sigma / scene.binning
        first, stop = max(0, math.floor(centre - reach)), min(n, math.ceil(centre + reach) + 1)
        if first >= stop:
            return
        away = (np.arange(first, stop) - centre) * (scene.binning / sigma)
        profiles.append(np.exp(-0.5 * away**2).astype(np.float32))
        parts.append(slice(first, stop))
    mean[tuple(parts)] += np.float32(height) * np.outer(*profiles)


def _fill_camera_like(
    frame: np.ndarray, mean: np.ndarray, generator: np.random.Generator, scale: float
) -> None:
    """Turn photons into counts: shot and read noise, offset, 12 bit, as a scientific camera has.

    The normal distribution stands for Poisson's, which differs little from 100 photons on and takes
    20 times as long.
    """
    table = normal_table(1.0)
    for rows in _blocks(frame.shape):
        photons = mean[rows]
        draws = generator.integers(0, 1 << 16, photons.shape, dtype=np.uint16)
        value = table[draws]
        value *= np.sqrt(photons + np.float32(_READ_NOISE**2))
        value += photons
        value += np.float32(OFFSET + 0.5)
        np.clip(value, 0, FULL_SCALE, out=value)
        if scale != 1:
            value *= np.float32(scale)
        frame[rows] = value if frame.dtype.kind != "f" else np.floor(value)


def _fill_noise(frame: np.ndarray, generator: np.random.Generator, scale: float) -> None:
    """Fill all bits evenly with random numbers: nothing can compress them."""
    top = int((FULL_SCALE + 1) * scale)
    for rows in _blocks(frame.shape):
        frame[rows] = generator.integers(0, top, frame[rows].shape, dtype=np.uint16)


def _blocks(shape: tuple[int, ...]) -> list[slice]:
    """Cut a frame into runs of rows that the processor's cache holds."""
    rows = max(1, _BLOCK_PIXELS // shape[1])
    return [slice(y, min(y + rows, shape[0])) for y in range(0, shape[0], rows)]
