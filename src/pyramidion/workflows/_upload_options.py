"""How a dataset is sent to an object store, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyramidion.storage import RemotePath
from pyramidion.transfer import UploadOptions, UploadReport
from pyramidion.workflows._publish import PublishReport


@dataclass(frozen=True)
class SendOptions(UploadOptions):
    """How to send a dataset; what is not named here is said by :class:`UploadOptions`.

    Parameters
    ----------
    follow : bool
        Wait for a recording that is being written, and send meanwhile what is complete.
    with_viewer : bool
        Put the viewer beside the dataset.
    delete_local : bool
        Remove the files of this disk when all were read back from the store.
    """

    follow: bool = False
    with_viewer: bool = False
    delete_local: bool = False


@dataclass(frozen=True)
class UploadResult:
    """What was sent.

    Parameters
    ----------
    source : Path
        From where.
    destination : RemotePath
        URL of the dataset.
    entry : RemotePath
        URL of what is opened: the same, or the ``.idx`` in it.
    is_dataset : bool
        Whether there is something to look at.
    sent : UploadReport
        Figures.
    viewer : PublishReport or None
        The viewer beside it.
    removed : bool
        The files of this disk are gone.
    notes : tuple of str
        What the user should know.
    """

    source: Path
    destination: RemotePath
    entry: RemotePath
    is_dataset: bool
    sent: UploadReport
    viewer: PublishReport | None = None
    removed: bool = False
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            **self.sent.as_dict(),
            "source": str(self.source),
            "destination": str(self.destination),
            "entry": str(self.entry),
            "viewer": self.viewer.as_dict() if self.viewer else None,
            "removed": self.removed,
            "notes": list(self.notes),
        }
