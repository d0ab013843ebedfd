"""Datasets sent to object stores: compared by checksum, published last, resumed after any end."""

from pyramidion.transfer._manifest import Entry, Manifest, StoredManifest, read_manifest
from pyramidion.transfer._options import Progress, UploadOptions, UploadReport
from pyramidion.transfer._stored_manifest import manifest_key, read_stored_manifest
from pyramidion.transfer._tree import (
    ROOT_WAVE,
    ExtraFile,
    Identity,
    LocalFile,
    LocalTree,
    is_leftover,
    is_metadata,
    scan_tree,
)
from pyramidion.transfer._uploader import Uploader, upload_tree
from pyramidion.transfer._verify import VerifyReport, verify_tree

__all__ = [
    "ROOT_WAVE",
    "Entry",
    "ExtraFile",
    "Identity",
    "LocalFile",
    "LocalTree",
    "Manifest",
    "Progress",
    "StoredManifest",
    "UploadOptions",
    "UploadReport",
    "Uploader",
    "VerifyReport",
    "is_leftover",
    "is_metadata",
    "manifest_key",
    "read_manifest",
    "read_stored_manifest",
    "scan_tree",
    "upload_tree",
    "verify_tree",
]
