"""HDF5: waveforms (ZoomingOnline's files, our own, whatever has one array of numbers), and images.

Reading does without the HDF5 library for contiguous and for gzip-compressed data: a child process
says where the chunks lie, and any number of threads read and inflate them side by side, which
h5py's global lock would not allow. What the child refuses never reaches this process.

Here is the waveform; the image is in ``_hdf5.image`` and ``_hdf5.image_sink``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pyramidion.core import (
    Box,
    Closing,
    ImageSource,
    ImageSpec,
    WaveformSource,
    WaveformSpec,
)
from pyramidion.formats._array.axis_map import AxisMap
from pyramidion.formats._format import (
    Format,
    ImageSink,
    OpenOptions,
    Sink,
    WriteOptions,
    example_codes,
    example_voxels,
)
from pyramidion.formats._hdf5.axes import guessed_axes, map_axes, named_axes
from pyramidion.formats._hdf5.calibration import calibrate, n_gains
from pyramidion.formats._hdf5.child import Description, describe
from pyramidion.formats._hdf5.file import SourceFile
from pyramidion.formats._hdf5.image import HDF5Image, kind_of
from pyramidion.formats._hdf5.image_sink import HDF5ImageSink, plan_image
from pyramidion.formats._hdf5.readers import Reader, open_reader
from pyramidion.formats._hdf5.sink import HDF5Sink, plan_arrays
from pyramidion.formats._hdf5.superblock import check_superblock, has_signature


class HDF5Source(Closing):
    """A waveform in an HDF5 file; :meth:`read` may be called from many threads at once.

    Parameters
    ----------
    path : Path
        The file.
    options : OpenOptions
        Dataset, axes, interval, sparse.

    Raises
    ------
    DataError, UsageError
        If the file, the dataset or its description is refused.
    """

    def __init__(self, path: Path, options: OpenOptions) -> None:
        self._readers: list[Reader] = []
        self._file = SourceFile(path)
        try:
            check_superblock(self._file)
            found = describe(path, options.dataset, sparse=options.sparse)
            self._file.check_unchanged()
            self._axes, self.spec = _understand(path, found, options)
            for layout in found.layouts:
                self._readers.append(open_reader(self._file, layout))
        except BaseException:
            self.close()
            raise

    def read(self, box: Box) -> np.ndarray:
        """Read a region; see :meth:`pyramidion.core.Source.read`."""
        if len(self._readers) == 1:
            values = self._readers[0].read(self._axes.to_stored(box))
            return np.ascontiguousarray(self._axes.from_stored(values, box))
        channels = []
        for channel in range(box.start[0], box.stop[0]):
            part = Box((0, *box.start[1:]), (1, *box.stop[1:]))
            values = self._readers[channel].read(self._axes.to_stored(part))
            channels.append(self._axes.from_stored(values, part))
        return np.concatenate(channels)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        for reader in self._readers:
            reader.close()
        self._file.close()


def _understand(
    path: Path, found: Description, options: OpenOptions
) -> tuple[AxisMap, WaveformSpec]:
    """Return the axis map of each dataset and the description of the waveform."""
    layout = found.layouts[0]
    common = dict(found.neighbours) | dict(found.root)
    places = [common | dict(place) for place in found.places]
    if options.axes:
        names = named_axes(options.axes, layout.shape, f"{path}:/{layout.path}")
    else:
        n = len(layout.shape)
        names = guessed_axes(n, found.labels, n_gains(places), layout.shape[0])
    axes = map_axes(layout.shape, names)
    shape = axes.shape if len(places) == 1 else (len(places), *axes.shape[1:])
    spec = calibrate(
        str(path), shape, layout.dtype, places, found.root, found.refused, options.interval
    )
    return axes, spec


def _open(path: Path, options: OpenOptions) -> WaveformSource:
    return HDF5Source(path, options)


def _create(path: Path, spec: WaveformSpec, options: WriteOptions) -> Sink:
    return HDF5Sink(path, spec, options)


def _example(folder: Path) -> Path:
    import h5py

    codes = example_codes()
    path = folder / "example.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=codes, chunks=(1, 1, 2, 400), compression="gzip")
        file.attrs["horiz_interval"] = 2e-9
        file.attrs["horiz_offset"] = 0.0
        file.attrs["vertical_gains"] = np.full((2, 1), 1e-4)
        file.attrs["vertical_offsets"] = np.zeros((2, 1))
    return path


def _open_image(path: Path, options: OpenOptions) -> ImageSource:
    return HDF5Image(path, options)


def _create_image(path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> ImageSink:
    return HDF5ImageSink(path, specs, options)


def _image_example(folder: Path) -> Path:
    import h5py

    path = folder / "example.h5"
    with h5py.File(path, "w") as file:
        voxels = example_voxels()[0, 0]
        data = file.create_dataset("volume", data=voxels, chunks=(3, 16, 20), compression="gzip")
        data.attrs["element_size_um"] = (2.0, 0.5, 0.5)
    return path


FORMAT = Format(
    name="hdf5",
    summary="HDF5 waveforms of 1 to 4 axes, images of 2 to 5, any integer or float type",
    suffixes=(".h5", ".hdf5", ".hdf"),
    matches=has_signature,
    open=_open,
    create=_create,
    plan=plan_arrays,
    example=_example,
    open_image=_open_image,
    create_image=_create_image,
    plan_image=plan_image,
    kind=kind_of,
    image_example=_image_example,
)
