"""``pyramidion check``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pyramidion.cli import _options as o

if TYPE_CHECKING:
    from pyramidion.storage import RemotePath
    from pyramidion.workflows import BucketReport

DOCUMENTS = ("cors.json", "cors.xml", "policy.json")


def check(
    dataset: Annotated[
        str, typer.Argument(metavar="URL", help="A dataset: s3://BUCKET/KEY or http(s)://...")
    ],
    origin: Annotated[
        str, typer.Option("--origin", metavar="ORIGIN", help="Of the page; by default any other.")
    ] = "",
    rules: Annotated[
        str,
        typer.Option(
            "--rules", metavar="NAME", help="Only print cors.json, cors.xml, policy.json."
        ),
    ] = "",
    json: o.Json = False,
) -> None:
    """Tell whether a browser can show what is in a bucket, and which rule is missing.

    Example: pyramidion check s3://lab/scope.zarr --origin https://example.org
    """
    from pyramidion.cli._print import print_json, shown, tell
    from pyramidion.core import UsageError
    from pyramidion.storage import RemotePath, place
    from pyramidion.workflows import check_bucket, parse_origin

    where = place(dataset)
    if not isinstance(where, RemotePath):
        raise UsageError(
            dataset, "not a URL", mend="write s3://BUCKET/KEY or http://...", id="PYR-UPL-16"
        )
    if rules:
        print(_document(rules, where))
        return
    report = check_bucket(where, parse_origin(origin) if origin else "")
    if json:
        print_json(report.as_dict())
    else:
        print(f"{shown(report.dataset)}, for {_reader(report)}")
        print_conditions(report)
        print_rules(report, where)
    if report.failed:
        names = ", ".join(one.name for one in report.failed)
        tell(f"pyramidion check: {shown(dataset)}: not shown: {names}")
        raise SystemExit(1)


def print_conditions(report: BucketReport) -> None:
    """Print the conditions of a check, one line each."""
    from pyramidion.cli._print import shown

    for one in report.conditions:
        mend = f": {shown(one.mend)}" if one.mend else ""
        print(f"  {one.state:<11}{one.name:<17}{shown(one.found)}{mend}")


def print_rules(report: BucketReport, dataset: RemotePath) -> None:
    """Print the documents that mend what a check found, and the commands that apply them."""
    from pyramidion.workflows import bucket_commands

    told = {"cors": DOCUMENTS[:2], "policy": DOCUMENTS[2:]}
    for rule in sorted(report.rules):
        if rule == "cors" and dataset.scheme.startswith("http"):
            _print_headers()
        for name in told[rule]:
            print(f"\n{name}:")
            print(_document(name, dataset))
        commands = bucket_commands(dataset, rule)
        print("\nto apply it:" if commands else "")
        for command in commands:
            print(f"  {command}")


def _reader(report: BucketReport) -> str:
    if report.reader == "browser":
        return f"a browser with a page of {report.origin}"
    return f"an {report.reader}"


def _document(name: str, dataset: RemotePath) -> str:
    from pyramidion.core import UsageError
    from pyramidion.workflows import bucket_document

    if name not in DOCUMENTS:
        raise UsageError("--rules", "not one of them", name, ", ".join(DOCUMENTS), id="PYR-ALL-13")
    return bucket_document(dataset, name)


def _print_headers() -> None:
    from pyramidion.workflows import CORS_HEADERS

    print("\nA server of ours: `pyramidion serve --cors ORIGIN`. Another web server sends:")
    for name, value in CORS_HEADERS.items():
        print(f"  {name}: {value}")
    print("If it is a bucket:")
