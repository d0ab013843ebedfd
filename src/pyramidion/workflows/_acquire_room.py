"""The place of a recording: what is there already, and whether there is room."""

from __future__ import annotations

import shutil
from pathlib import Path

from pyramidion.core import StorageError, UsageError, format_bytes
from pyramidion.formats import RecordingPlan, formats
from pyramidion.instruments import split_address
from pyramidion.storage import RemotePath, free_bytes
from pyramidion.workflows._acquire_options import AcquireOptions
from pyramidion.workflows._destination import check_apart, check_destination, check_parent
from pyramidion.workflows._spool import spool_path
from pyramidion.workflows._upload import check_free, manifest_path

_LARGEST_RESERVE = 2**30
_SHARE = 100
_COMPRESSED_SHARE = 0.4  # noisy frames do not get smaller than that


def check_out(out: Path, address: str, options: AcquireOptions) -> None:
    """Check where a recording shall go, before a camera is opened.

    Parameters
    ----------
    out : Path
        The store.
    address : str
        The camera; what it plays must not be replaced.
    options : AcquireOptions
        How it is recorded.

    Raises
    ------
    UsageError
        If it has another format's name, exists and may not be replaced or continued, or has no
        parent folder.
    """
    zarr, *others = sorted(formats(), key=lambda each: each.name != "zarr")
    suffixes = tuple(s for each in others for s in (*each.suffixes, *each.image_suffixes))
    if out.name.lower().endswith(suffixes):
        mend = f"name it {out.with_suffix('.zarr').name}, and convert it afterwards"
        raise UsageError(str(out), "a recording is a Zarr store", out.suffix, mend, id="PYR-GEN-06")
    if isinstance(out, RemotePath):
        manifest = manifest_path(spool_path(out))
        check_free(out, overwrite=options.recording.overwrite, manifest=manifest)
        return
    kind, rest = split_address(address)
    played = kind.file_of(rest)
    if played is not None:
        check_apart(out, played)
    outer = next((p for p in out.absolute().parents if (p / "zarr.json").exists()), None)
    if outer is not None:
        mend = "choose another place"
        raise UsageError(str(out), "lies inside another store", outer, mend, id="PYR-ALL-10")
    recording = options.recording
    if recording.resume and out.exists():
        check_parent(out, parents=False)
    else:
        check_destination(out, None, zarr, overwrite=recording.overwrite)


class Room:
    """The disk that a recording goes to.

    Parameters
    ----------
    out : Path
        The store.
    options : AcquireOptions
        What shall stay free, and how many frames are asked for.
    """

    def __init__(self, out: Path, options: AcquireOptions) -> None:
        self._out, self._options = out, options
        self._reserve = _reserve(out) if options.reserve_bytes is None else options.reserve_bytes

    def check(self, plan: RecordingPlan) -> None:
        """Refuse what cannot fit, before anything is created.

        Raises
        ------
        StorageError
            If the frames that are asked for need more than is free; without a number, one frame.
        """
        free = max(0, free_bytes(self._out) - self._reserve)
        share = 1.0 if plan.levels[0].codec.name == "none" else _COMPRESSED_SHARE
        frames = (self._options.frames or 1) * plan.frame_bytes_on_disk
        needed = int(frames * share) + plan.reserve_bytes
        if needed > free and not self._options.force:
            raise StorageError(
                str(self._out), f"needs {format_bytes(needed)}, {format_bytes(free)} free",
                mend="free space or use --force", id="PYR-ALL-11",
            )  # fmt: skip

    def fault(self) -> StorageError | None:
        """Return why a recording has to end, when the reserve is reached."""
        free = free_bytes(self._out)
        if free >= self._reserve:
            return None
        return StorageError(
            str(self._out), "disk full", f"{format_bytes(free)} free",
            "free space, then go on with --resume", id="PYR-ALL-12",
        )  # fmt: skip


def _reserve(out: Path) -> int:
    """Return what stays free for others: a hundredth of the disk, at most 1 GiB."""
    probe = out.absolute()
    while not probe.exists():
        probe = probe.parent
    return min(_LARGEST_RESERVE, shutil.disk_usage(probe).total // _SHARE)
