"""Places of object stores, filled for a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyramidion.storage import bucket_of, place


@dataclass(frozen=True)
class Far:
    """The beginning of a URL in a store, and how objects get there."""

    url: str
    server: Any = None
    bucket: str = ""

    def put(self, objects):
        """Store bytes by key."""
        if self.server is not None:
            self.server.put(self.bucket, {f"p/{key}": body for key, body in objects.items()})
            bucket_of(place(self.url)).forget()
            return
        for key, body in objects.items():
            bucket_of(place(self.url)).put(f"p/{key}", body)

    def put_folder(self, folder):
        """Store every file beneath a folder, under the folder's name."""
        files = [path for path in folder.rglob("*") if path.is_file()]
        self.put({f"{path.relative_to(folder.parent)}": path.read_bytes() for path in files})

    def through(self, proxy):
        """Return the same place behind a proxy; the environment has to name it as well."""
        return Far(self.url, self.server.through(proxy), self.bucket)
