"""Bytes by key, on disks and in object stores, written so that whatever has its name is whole."""

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
from pyramidion.storage._holes import has_holes, punch_hole
from pyramidion.storage._lock import WriterLock
from pyramidion.storage._parent import end_with_parent
from pyramidion.storage._positioned import open_regular, read_at, write_at
from pyramidion.storage._ranges import Ranges, open_ranges
from pyramidion.storage._remote.bucket import Bucket, Found, bucket_of, connect, forget_buckets
from pyramidion.storage._remote.faults import is_transient, remote_error
from pyramidion.storage._remote.path import RemotePath, is_remote, place
from pyramidion.storage._remote.settings import (
    Connection,
    StoreOptions,
    connection,
    require_credentials,
    use_store_options,
)
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
    "Bucket",
    "ByteCache",
    "Connection",
    "Folder",
    "Found",
    "FrameRing",
    "LatestFrame",
    "Ranges",
    "RemotePath",
    "Spill",
    "StagedFile",
    "StagedFolder",
    "StoreOptions",
    "TaskRecord",
    "WriterLock",
    "bucket_of",
    "connect",
    "connection",
    "end_with_parent",
    "forget_buckets",
    "free_bytes",
    "has_holes",
    "hidden_sibling",
    "is_remote",
    "is_transient",
    "kept_plan",
    "open_ranges",
    "open_regular",
    "partial_path",
    "place",
    "punch_hole",
    "read_at",
    "remote_error",
    "remove_scratch",
    "require_credentials",
    "restore_replaced",
    "storage_error",
    "told_as",
    "use_store_options",
    "write_at",
]
