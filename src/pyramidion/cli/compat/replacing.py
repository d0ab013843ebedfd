"""What the earlier tools did without a word: replacing an output that is there."""

from __future__ import annotations

from pathlib import Path


def replaces(program: str, path: Path) -> bool:
    """Say that an existing output is replaced; tell whether there is one."""
    from pyramidion.cli._print import tell
    from pyramidion.core import escape
    from pyramidion.storage import partial_path

    if path.exists():
        tell(f"pyramidion {program}: replacing {escape(path, limit=300)}")
    return path.exists() or partial_path(path).exists()
