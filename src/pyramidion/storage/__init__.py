"""Bytes by key, written so that whatever has its name is whole."""

from pyramidion.storage._faults import free_bytes, storage_error, told_as
from pyramidion.storage._folder import Folder, StagedFile
from pyramidion.storage._lock import WriterLock
from pyramidion.storage._siblings import hidden_sibling, partial_path
from pyramidion.storage._staged_folder import (
    PLAN_NAME,
    StagedFolder,
    kept_plan,
    restore_replaced,
)

__all__ = [
    "PLAN_NAME",
    "Folder",
    "StagedFile",
    "StagedFolder",
    "WriterLock",
    "free_bytes",
    "hidden_sibling",
    "kept_plan",
    "partial_path",
    "restore_replaced",
    "storage_error",
    "told_as",
]
