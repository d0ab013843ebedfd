"""Check or renew the third-party JavaScript kept in the viewer.

`python tools/vendor.py` checks that every vendored file is the one `VENDOR.toml` records (no network).
`python tools/vendor.py renew` fetches the recorded versions through the ordinary npm client, compares them with the
record, and writes them again. To take a newer version: change `version`, run `renew --accept`, review, commit.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).parents[1] / "src" / "pyramidion" / "server" / "viewer" / "vendor"
RECORD = VENDOR / "VENDOR.toml"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def packages() -> list[dict[str, Any]]:
    """The recorded packages, each with its files."""
    return tomllib.loads(RECORD.read_text(encoding="utf-8"))["package"]


def differences() -> list[str]:
    """What in the folder is not as recorded: changed, absent and unknown files."""
    expected = {file["to"]: file["sha256"] for package in packages() for file in package["file"]}
    found = {path.name: sha256(path.read_bytes()) for path in VENDOR.iterdir() if path != RECORD}
    wrong = [
        f"{name}: not as recorded" for name, digest in expected.items() if found.get(name) != digest
    ]
    return wrong + [
        f"{name}: not recorded in {RECORD.name}" for name in sorted(found.keys() - expected.keys())
    ]


def fetch(name: str, version: str, folder: Path) -> dict[str, bytes]:
    """The files of one published package, by their path in it."""
    subprocess.run(
        ["npm", "pack", f"{name}@{version}", "--silent"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as tar:
        members = [member for member in tar.getmembers() if member.isfile()]
        return {member.name: tar.extractfile(member).read() for member in members}  # type: ignore[union-attr]


def renew(*, accept: bool) -> int:
    """Write the vendored files anew; with `accept`, record what was fetched instead of insisting on the record."""
    text = RECORD.read_text(encoding="utf-8")
    for package in packages():
        with tempfile.TemporaryDirectory() as folder:
            published = fetch(package["name"], package["version"], Path(folder))
        for file in package["file"]:
            content = published[file["from"]]
            digest = sha256(content)
            if digest != file["sha256"] and not accept:
                print(f"{file['to']}: the published file differs from the record", file=sys.stderr)
                return 1
            text = re.sub(file["sha256"], digest, text)
            (VENDOR / file["to"]).write_bytes(content)
    RECORD.write_text(text, encoding="utf-8")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", nargs="?", choices=["check", "renew"], default="check")
    parser.add_argument(
        "--accept", action="store_true", help="record the checksums of what was fetched"
    )
    options = parser.parse_args()
    if options.command == "renew":
        return renew(accept=options.accept)
    wrong = differences()
    print("\n".join(wrong) or "vendored files are as recorded")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
