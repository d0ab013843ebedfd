"""Bytes by key, written so that whatever has its name is whole."""

from pyramidion.storage._faults import free_bytes, storage_error, told_as
from pyramidion.storage._folder import Folder, StagedFile
from pyramidion.storage._lock import WriterLock
from pyramidion.storage._staged_folder import StagedFolder, partial_path

__all__ = [
    "Folder",
    "StagedFile",
    "StagedFolder",
    "WriterLock",
    "free_bytes",
    "partial_path",
    "storage_error",
    "told_as",
]
