"""Sends a store, to be killed: `python interrupted.py FOLDER URL [BYTES_IN_FLIGHT]`."""

import sys
from pathlib import Path

from pyramidion.storage import place
from pyramidion.transfer import UploadOptions, scan_tree, upload_tree

folder = Path(sys.argv[1])
in_flight = {"bytes_in_flight": int(sys.argv[3])} if len(sys.argv) > 3 else {}
sys.stdout.write("begins\n")
sys.stdout.flush()
upload_tree(
    scan_tree(folder),
    place(sys.argv[2]),
    UploadOptions(n_connections=4, **in_flight),
    manifest_path=folder.parent / f".{folder.name}.manifest.jsonl",
)
