"""From files that are on this disk to a dataset that readers of the store find.

The order is everything: data, then what describes them, then, when all that is in the store is known
to be right, the root documents.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyramidion.core import DamagedError
from pyramidion.transfer._local_bytes import check_unchanged
from pyramidion.transfer._manifest import Entry
from pyramidion.transfer._options import Progress
from pyramidion.transfer._parts import checksum
from pyramidion.transfer._session import Session
from pyramidion.transfer._tree import ROOT_WAVE, LocalFile, LocalTree
from pyramidion.transfer._verify import Reader


class Publication:
    """The end of a run.

    Parameters
    ----------
    session : Session
        The run.
    tree : LocalTree
        All files of the dataset.
    """

    def __init__(self, session: Session, tree: LocalTree) -> None:
        self._session, self._tree = session, tree
        self._extra = session.options.extra
        self._keys = frozenset(file.key for file in tree.files)
        self._all_keys = self._keys | {file.key for file in self._extra}
        session.keys, session.n_objects = self._keys, len(tree.files)

    def run(self, progress: Progress | None) -> None:
        """Send what is missing, and publish.

        Raises
        ------
        PyramidionError
            What failed; nothing is published then.
        """
        missing = self._missing(progress)
        if self._was_interrupted():
            self._session.remove_leftovers(self._tree.files)
        documents = [file for file in missing if file.wave > 0]
        self._session.send_all(file for file in missing if file.wave == 0)
        self._send_extra()
        stale = self._session.destination.stale(self._all_keys, self._session.manifest)
        if self._session.options.dry_run:
            self._session.send_all(documents)
            self._session.meter.n_deleted = len(stale)
            return
        if stale or self._n_changed(documents) > 1:
            self._session.hide()
        self._delete(stale)
        self._session.send_all(file for file in documents if file.wave < ROOT_WAVE)
        self._seal()
        self._publish([file for file in self._tree.files if file.wave >= ROOT_WAVE])
        if self._session.options.delete:
            self._delete_strangers()
        self._session.manifest.keep(
            entry for entry in self._session.manifest if entry.key in self._all_keys or entry.extra
        )
        self._session.remove_leftovers(self._tree.files)

    def _was_interrupted(self) -> bool:
        """Tell whether an earlier run took the place and did not end."""
        place = self._session.destination
        is_taken = place.manifest_key in place.there
        return is_taken and any(file.key not in place.there for file in self._tree.files)

    def _missing(self, progress: Progress | None) -> list[LocalFile]:
        """Return the files of which this run does not know yet that the store has them."""
        missing = [file for file in self._tree.files if not self._session.is_confirmed(file)]
        total = self._tree.n_bytes + sum(len(file.data) for file in self._extra)
        done = self._tree.n_bytes - sum(file.size for file in missing)
        self._session.meter.begin(total, done, progress)
        return missing

    def _send_extra(self) -> None:
        session = self._session
        for file in self._extra:
            there, md5 = session.destination.there.get(file.key), checksum(file.data)
            is_there = there is not None and there.etag == md5
            if not is_there and not session.options.dry_run:
                etag = session.putter.put_bytes(file.key, file.data, md5, file.content_type)
                session.note(Entry(file.key, len(file.data), md5, etag, extra=True))
            session.meter.count(len(file.data), is_sent=not is_there)

    def _n_changed(self, documents: Iterable[LocalFile]) -> int:
        """Return how many documents will be others than those that are there."""
        there, known = self._session.destination.there, self._session.manifest
        return sum(
            self._session.sender.differs(file, there.get(file.key), known.get(file.key))
            for file in documents
        )

    def _seal(self) -> None:
        """Make sure of everything but the root documents, and say what the dataset consists of."""
        session = self._session
        for file in self._tree.files:
            if not file.released:
                check_unchanged(file)
        inner = self._stored(file for file in self._tree.files if file.wave < ROOT_WAVE)
        if session.options.verify:
            self._read_back(inner)
        roots = [session.sender.described(f) for f in self._tree.files if f.wave >= ROOT_WAVE]
        extra = [entry for entry in session.manifest if entry.extra]
        session.destination.put_manifest(session.manifest, session.putter, inner + roots + extra)

    def _publish(self, roots: list[LocalFile]) -> None:
        """Put the root documents one after the other: with the last the dataset is there."""
        session = self._session
        unsent = [file for file in roots if not session.is_confirmed(file)]
        if unsent:
            session.destination.check_held()
        for file in sorted(unsent, key=lambda file: (file.wave, file.key)):
            session.send_all([file])
        if session.options.verify:
            try:
                self._read_back(self._stored(roots))
            except DamagedError:
                session.destination.delete([file.key for file in roots])
                raise

    def _stored(self, files: Iterable[LocalFile]) -> list[Entry]:
        """Return what the store has of files, each of them.

        Raises
        ------
        DamagedError
            If it does not have one, or nobody knows its content where that is to be proved.
        """
        entries = []
        for file in files:
            entry = self._session.stored(file.key)
            if entry is None or (self._session.options.verify and not entry.md5):
                raise DamagedError(
                    file.key, "is not known to be in the store", mend="run again",
                    good="nothing published", id="PYR-UPL-52",
                )  # fmt: skip
            entries.append(entry)
        return entries

    def _read_back(self, entries: list[Entry]) -> None:
        session = self._session
        reader = Reader(
            session.stores, session.attempts, session.workers, session.options.bytes_in_flight
        )
        report = reader.read(entries)
        wrong = [*report.differs, *report.missing]
        session.meter.n_verified += report.objects - len(wrong)
        if wrong:
            how = "differs in the store" if report.differs else "missing in the store"
            more = f"and {len(wrong) - 1} more" if len(wrong) > 1 else None
            raise DamagedError(wrong[0], how, more, "nothing published", id="PYR-UPL-08")

    def _delete_strangers(self) -> None:
        """Remove what is not in the dataset, but for what other datasets have there."""
        session = self._session
        self._delete(session.destination.strangers(self._all_keys))
        others = session.destination.nested(self._all_keys)
        if others:
            told = f"{len(others)} objects of other datasets left: {others[0]}"
            session.notes_of_place = [told + (" ..." if len(others) > 1 else "")]

    def _delete(self, keys: list[str]) -> None:
        self._session.destination.delete(keys)
        self._session.meter.n_deleted += len(keys)
