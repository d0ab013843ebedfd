"""Arrays kept on disk between two stages of a conversion.

A task reduces its region and leaves the result here; tasks of the next stage read what they need.
Files are plain ``.npy`` and are mapped, so that a small part costs a small read.
"""

from __future__ import annotations

import io

import numpy as np

from pyramidion.core import MissingError
from pyramidion.storage._faults import told_as
from pyramidion.storage._folder import Folder

SPILL = ".spill"
"""Folder of the arrays, within the folder under way; it does not outlive the conversion."""


class Spill:
    """Arrays by name; used by several threads and processes at once.

    Parameters
    ----------
    folder : Folder
        The folder under way.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def put(self, name: str, values: np.ndarray) -> tuple[str, int]:
        """Keep an array.

        Returns
        -------
        str, int
            Its key in the folder, and the bytes of the file.
        """
        head = io.BytesIO()
        described = {"descr": values.dtype.str, "fortran_order": False, "shape": values.shape}
        np.lib.format.write_array_header_1_0(head, described)
        with self._folder.stage(self.key(name)) as staged:
            staged.append(head.getvalue())
            staged.append(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
            staged.commit()
            return self.key(name), staged.size

    def get(self, name: str) -> np.ndarray:
        """Return a kept array, mapped from its file.

        Raises
        ------
        MissingError
            If there is none of that name.
        """
        path = self._folder.path(self.key(name))
        if not path.is_file():
            raise MissingError(str(path), "missing", id="PYR-VER-02")
        with told_as(path, "cannot read"):
            values: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
            return values

    def drop(self, name: str) -> None:
        """Remove an array that no task needs any more; safe when it is not there."""
        self._folder.path(self.key(name)).unlink(missing_ok=True)

    @staticmethod
    def key(name: str) -> str:
        """Return the key of an array in the folder."""
        return f"{SPILL}/{name}.npy"
