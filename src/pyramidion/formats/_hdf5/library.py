"""The detour through the HDF5 library, for the filters and types that only it decodes.

All calls into h5py share one lock, so that threads do not gain here.
"""

from __future__ import annotations

import importlib
import importlib.util

import numpy as np

from pyramidion.core import Box, DamagedError
from pyramidion.formats._hdf5.file import SourceFile
from pyramidion.formats._hdf5.layout import Layout

_CACHE_BYTES = 2**26


def is_available(filter_id: int) -> bool:
    """Tell whether the library can undo a filter, with the help of ``hdf5plugin`` if need be.

    Filters of that package are as trusted as anything installed; a plugin path is not.
    """
    from h5py import h5z

    if h5z.filter_avail(filter_id):
        return True
    if importlib.util.find_spec("hdf5plugin") is None:
        return False
    importlib.import_module("hdf5plugin")
    return bool(h5z.filter_avail(filter_id))


class LibraryReader:
    """Read a dataset with h5py.

    Parameters
    ----------
    file : SourceFile
        The file; opened a second time, by name.
    layout : Layout
        The dataset; its path was checked to have no links in it.
    """

    def __init__(self, file: SourceFile, layout: Layout) -> None:
        import h5py

        for step in layout.filters:
            is_available(step.id)
        self._source, self._layout = file, layout
        self._file = h5py.File(file.path, "r", locking=False, rdcc_nbytes=_CACHE_BYTES)
        self._dataset = self._file[layout.path]

    def read(self, box: Box) -> np.ndarray:
        """Read a region.

        Raises
        ------
        DamagedError
            If the library cannot decode it.
        """
        try:
            values: np.ndarray = self._dataset[box.slices]
        except (OSError, RuntimeError) as error:
            self._source.check_unchanged()
            position = ",".join(str(i) for i in box.start)
            raise DamagedError(
                f"{self._source.path}:/{self._layout.path}",
                f"damaged chunk at [{position}] or after it",
                mend="copy it again",
                id="PYR-H5-17",
            ) from error
        return values.astype(values.dtype.newbyteorder("<"), copy=False)

    def close(self) -> None:
        """Close the library's file; safe to call twice."""
        self._file.close()
