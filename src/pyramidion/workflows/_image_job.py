"""One image conversion as plain data, so that any process on any machine can take part in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pyramidion.core import Box, Closing, ImageSource, ImageSpec
from pyramidion.formats import ImageSink, Read, format_of_destination, open_image
from pyramidion.workflows._options import ConvertOptions
from pyramidion.workflows._selection import SelectedImage, select


@dataclass(frozen=True)
class ImageJob:
    """A conversion that any process can take part in; it can be pickled.

    Parameters
    ----------
    source, destination : Path
        Absolute, or the same for all who take part.
    options : ConvertOptions
        How.
    fields : tuple of str
        The fields to convert.
    source_id : str
        Fingerprint of the source.
    """

    source: Path
    destination: Path
    options: ConvertOptions
    fields: tuple[str, ...]
    source_id: str

    def attach(self) -> JobParts:
        """Take part: open the source, and the destination that is being written."""
        sources = open_fields(self.source, self.options, self.fields)
        try:
            written = format_of_destination(self.destination, "image")
            assert written.create_image is not None
            specs = [source.spec for source in sources]
            options = self.options.written(self.source_id, sources[0].block, attach=True)
            return JobParts(sources, written.create_image(self.destination, specs, options))
        except BaseException:
            for source in sources:
                source.close()
            raise


class JobParts(Closing):
    """The open ends of a conversion.

    Parameters
    ----------
    sources : sequence of ImageSource
        One per field; closed with this object.
    sink : ImageSink
        Where it goes.
    """

    def __init__(self, sources: Sequence[ImageSource], sink: ImageSink) -> None:
        self.sources, self.sink = sources, sink
        self.reads: list[Read] = [source.read for source in sources]

    def do(self, task: int) -> None:
        """Do a task, unless the record says that it is done."""
        if not self.sink.is_done(task):
            self.sink.work(task, self.reads)

    def close(self) -> None:
        """Close the sources."""
        for source in self.sources:
            source.close()


def open_fields(
    source: Path, options: ConvertOptions, fields: Sequence[str] = ()
) -> list[ImageSource]:
    """Open fields of an image, each cut to what the user wants of it.

    Parameters
    ----------
    source : Path
        What to read.
    options : ConvertOptions
        How.
    fields : sequence of str
        Which; empty for the one that ``options`` names, or the first.
    """
    opened: list[ImageSource] = []
    with ExitStack() as stack:
        asked: Sequence[str | None] = fields or [options.source.field]
        for name in asked:
            image = stack.enter_context(open_image(source, replace(options.source, field=name)))
            kept = select(
                image,
                box=options.box,
                level=options.level,
                times=options.times,
                clip=options.clip,
            )
            opened.append(image if kept is None else SelectedImage(image, kept))
        stack.pop_all()
    return opened


class Meter:
    """Count what is read, tell it, and stop the readers when the run is over.

    Parameters
    ----------
    specs : sequence of ImageSpec
        Of the fields.
    told : callable
        Called with the bytes read so far.
    """

    def __init__(self, specs: Sequence[ImageSpec], told: Callable[[int], None]) -> None:
        self._itemsizes = [spec.dtype.itemsize for spec in specs]
        self._told = told
        self._lock = threading.Lock()
        self.stop = threading.Event()
        self.n_read = 0

    def wrap(self, field: int, read: Read) -> Read:
        """Return a reader that is counted."""

        def counted(box: Box) -> np.ndarray:
            if self.stop.is_set():
                raise StopReadingError
            values = read(box)
            with self._lock:
                self.n_read += box.size * self._itemsizes[field]
                self._told(self.n_read)
            return values

        return counted


class StopReadingError(Exception):
    """Raised in workers when the run is over for another reason."""
