"""Bytes by key, written so that whatever has its name is whole."""

from pyramidion.storage._byte_cache import ByteCache
from pyramidion.storage._faults import free_bytes, storage_error, told_as
from pyramidion.storage._folder import Folder, StagedFile
from pyramidion.storage._frame_ring import (
    ENDED,
    FAILED,
    OPENING,
    RUNNING,
    FrameRing,
    LatestFrame,
)
from pyramidion.storage._lock import WriterLock
from pyramidion.storage._parent import end_with_parent
from pyramidion.storage._positioned import open_regular, read_at, write_at
from pyramidion.storage._siblings import hidden_sibling, partial_path
from pyramidion.storage._spill import Spill
from pyramidion.storage._staged_folder import (
    PLAN_NAME,
    SCRATCH,
    StagedFolder,
    kept_plan,
    remove_scratch,
    restore_replaced,
)
from pyramidion.storage._task_record import TaskRecord

__all__ = [
    "ENDED",
    "FAILED",
    "OPENING",
    "PLAN_NAME",
    "RUNNING",
    "SCRATCH",
    "ByteCache",
    "Folder",
    "FrameRing",
    "LatestFrame",
    "Spill",
    "StagedFile",
    "StagedFolder",
    "TaskRecord",
    "WriterLock",
    "end_with_parent",
    "free_bytes",
    "hidden_sibling",
    "kept_plan",
    "open_regular",
    "partial_path",
    "read_at",
    "remove_scratch",
    "restore_replaced",
    "storage_error",
    "told_as",
    "write_at",
]
