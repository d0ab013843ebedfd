"""Finding objects in an HDF5 file without following a single link out of it.

Runs in the child process. Only hard links are followed, name by name, so that neither a soft nor an
external link in any component of a path is ever resolved by the library.
"""

from __future__ import annotations

from typing import Any

from h5py import h5d, h5g, h5l, h5o, h5s, h5t

from pyramidion.core import DataError
from pyramidion.formats._hdf5.choose import Found, link_error, missing

LIMIT_DEPTH = 64
LIMIT_MEMBERS = 10_000


def resolve(root: Any, path: str, where: str) -> Any:
    """Open the object of that name.

    Parameters
    ----------
    root : h5py.h5g.GroupID
        The root group.
    path : str
        Name in the file.
    where : str
        The file, named in errors.

    Returns
    -------
    h5py.h5d.DatasetID or h5py.h5g.GroupID

    Raises
    ------
    DataError
        If a link stands in the path, or it is too deep.
    MissingError
        If there is no such object.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if len(parts) > LIMIT_DEPTH:
        raise _too_deep(where)
    here = root
    for depth, part in enumerate(parts, 1):
        found = _member(here, part, "/".join(parts[:depth]))
        if found is None:
            raise missing(where, path, walk(root, where))
        if found.kind == "link":
            raise link_error(where, found)
        here = h5o.open(here, _encoded(part))
    return here


def find(group: Any, name: str) -> Any | None:
    """Return the dataset of that name directly in a group, unless it is missing or a link."""
    if _member(group, name, name) is None:
        return None
    if group.links.get_info(_encoded(name)).type != h5l.TYPE_HARD:
        return None
    opened = h5o.open(group, _encoded(name))
    return opened if isinstance(opened, h5d.DatasetID) else None


def walk(root: Any, where: str) -> list[Found]:
    """Return all members of a file, in the order of their names.

    Raises
    ------
    DataError
        If groups lie deeper than 64 levels, or there are more than 10 000 members.
    """
    found: list[Found] = []
    seen = {h5o.get_info(root).addr}
    pending = [("", root)]
    while pending:
        prefix, group = pending.pop()
        if prefix.count("/") > LIMIT_DEPTH:
            raise _too_deep(where)
        groups = []
        for name in _names(group, LIMIT_MEMBERS - len(found), where):
            member = _member(group, name, prefix + name)
            if member is None:  # a damaged group lists what it does not find
                continue
            found.append(member)
            if member.kind == "group":
                opened = h5o.open(group, _encoded(name))
                address = h5o.get_info(opened).addr
                if address not in seen:  # a group may be a member of itself
                    seen.add(address)
                    groups.append((f"{prefix}{name}/", opened))
        pending.extend(reversed(groups))
    return sorted(found, key=lambda m: m.path)


def members(group: Any, where: str, limit: int = 20) -> list[str]:
    """Return the first names in a group."""
    return _names(group, LIMIT_MEMBERS, where)[:limit]


def _names(group: Any, limit: int, where: str) -> list[str]:
    names: list[str] = []

    def take(name: bytes) -> bool | None:
        names.append(name.decode("utf-8", "surrogateescape"))
        return True if len(names) > limit else None

    group.links.iterate(take)
    if len(names) > limit:
        raise DataError(
            where,
            f"more than {LIMIT_MEMBERS} members",
            mend="name the dataset with --dataset",
            id="PYR-H5-20",
        )
    return names


def _member(group: Any, name: str, path: str) -> Found | None:
    encoded = _encoded(name)
    if not isinstance(group, h5g.GroupID) or not group.links.exists(encoded):
        return None
    kind = group.links.get_info(encoded).type
    if kind == h5l.TYPE_SOFT:
        target = group.links.get_val(encoded)
        return Found(path, "link", target=_decoded(target))
    if kind != h5l.TYPE_HARD:
        target = ":".join(_decoded(part) for part in group.links.get_val(encoded))
        return Found(path, "link", target=target, is_external=True)
    opened = h5o.open(group, encoded)
    if isinstance(opened, h5g.GroupID):
        return Found(path, "group")
    if not isinstance(opened, h5d.DatasetID):
        return Found(path, "type")
    return _dataset(opened, path)


def _dataset(opened: Any, path: str) -> Found:
    element, space = opened.get_type(), opened.get_space()
    is_number = element.get_class() in (h5t.INTEGER, h5t.FLOAT) and element.get_size() <= 8
    if not is_number or space.get_simple_extent_type() != h5s.SIMPLE:
        return Found(path, "dataset")
    shape = tuple(int(n) for n in space.get_simple_extent_dims())
    return Found(path, "dataset", shape, str(element.dtype))


def _too_deep(where: str) -> DataError:
    return DataError(
        where,
        f"more than {LIMIT_DEPTH} levels",
        mend="write the dataset at the root of a file",
        id="PYR-H5-20",
    )


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
