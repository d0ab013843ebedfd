"""Write the parts of ``docs/reference`` that the program itself knows.

    python tools/cli_reference.py            write them
    python tools/cli_reference.py --check    name those that are out of step, and exit with 1

``cli.md`` is what ``--help`` says; the table of ``errors.md`` is what the source raises. A test
runs the check.
"""

import ast
import contextlib
import io
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyramidion
from pyramidion import core
from pyramidion.cli._app import COMMANDS, COMPATIBLE, build
from pyramidion.server import _errors
from pyramidion.server._errors import STATUS

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs/reference"
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"
IDENTIFIER = re.compile(r"PYR-[A-Z0-9]+-\d+")
NO_IDENTIFIER = "PYR-ALL-00"
"""What an error has that nobody gave an identifier."""

BY_HAND = {
    "PYR-ALL-09": (
        "1",
        "cannot read; cannot write (permission denied, read-only file system, ...)",
    ),
    "PYR-ALL-99": ("1", "internal error"),
    "PYR-CAM-03": ("1", "in use by another program"),
    "PYR-CAM-04": (
        "1",
        "frame grabber not found; driver not found; DCAM-API is too old; still starting",
    ),
    "PYR-CFG-01": (
        "2",
        "not valid JSON (…); no such file; is a directory; not a regular file; ...",
    ),
    "PYR-CFG-04": ("2", "whole number, true or false, text, object needed; not a time; not a size"),
    "PYR-CFG-05": ("2", "… to …; at least …; must be above 0; one of …"),
    "PYR-CFG-08": ("2", "$… is not set; ~ is not known; not a path"),
    "PYR-HTTP-00": ("HTTP 500", "the server failed"),
    "PYR-HTTP-08": ("HTTP 401", "the token is missing or wrong"),
    "PYR-HTTP-14": ("HTTP 500", "the file could not be read"),
    "PYR-IDX-13": ("1", "more than … B"),
    "PYR-IDX-14": ("1", "offset outside the file"),
    "PYR-TRC-09": ("1", "differs from the first file of the set"),
}
"""Those whose words are put together where no reading of the source finds them."""

MAKERS = {
    "plain_dtype": core.DataError,
    "refused": core.UsageError,
    "self._told": core.CameraError,
    "_UnreadableError": core.DataError,
}
"""What makes an error without being one of the public kinds: the kind that it makes."""

CLI_PAGE = f"""\
# Commands

{BEGIN}
This page is what `--help` says, written by `tools/cli_reference.py`; do not edit it.

* Counts read `1000`, `1e8` and `100_000_000`.
* Results go to stdout; progress, warnings and errors to stderr. `--json` prints the result as JSON.
* A name with `*` is quoted, so that pyramidion and not the shell finds the files.
* `--debug`, anywhere, shows where an error came from and its [identifier](errors.md).
* `python -m pyramidion` is the same as `pyramidion`.

{{commands}}
## Command lines of earlier tools

They work as they did and are not listed by `pyramidion --help`; see [coming from other
tools](../coming-from.md). `convert import A ... export B` is called `convert-steps` here.

{{compatible}}{END}
"""


def help_of(name: str | None) -> str:
    """Return what ``pyramidion [NAME] --help`` prints, 80 columns wide."""
    os.environ["COLUMNS"] = "80"
    app = build([name] if name else list(COMMANDS))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        app([*([name] if name else []), "--help"], prog_name="pyramidion", standalone_mode=False)
    return "\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines())


def cli_page() -> str:
    """Return ``cli.md``."""

    def sections(names: dict) -> str:
        return "".join(f"### {n}\n\n```text\n{help_of(n)}\n```\n\n" for n in names)

    overview = f"```text\n{help_of(None)}\n```\n\n## Each command\n\n"
    return CLI_PAGE.format(commands=overview + sections(COMMANDS), compatible=sections(COMPATIBLE))


def raised() -> dict[str, tuple[str, str]]:
    """Return exit or HTTP statuses, and messages, of every identifier that the source raises."""
    statuses: dict[str, set[str]] = defaultdict(set)
    messages: dict[str, set[str]] = defaultdict(set)
    for path in sorted(Path(pyramidion.__file__).parent.rglob("*.py")):
        for scope in _functions(ast.parse(path.read_text())):
            variables = _variables(scope)
            for node in ast.walk(scope):
                for identifier, status, text in _faults(node):
                    statuses[identifier].add(status)
                    messages[identifier] |= _texts(text, variables)
    found = {i: (", ".join(sorted(s)), "; ".join(sorted(messages[i]))) for i, s in statuses.items()}
    return found | BY_HAND


def mentioned() -> set[str]:
    """Return every identifier that the source mentions anywhere."""
    sources = Path(pyramidion.__file__).parent.rglob("*.py")
    return {i for p in sources for i in IDENTIFIER.findall(p.read_text())} - {NO_IDENTIFIER}


def errors_table() -> str:
    """Return the table of ``errors.md``."""
    rows = ["| id | status | what it says |", "|---|---|---|"]
    rows += [f"| {i} | {status} | {what} |" for i, (status, what) in sorted(raised().items())]
    return "\n".join(rows)


def pages() -> dict[Path, str]:
    """Return each generated page as it should be."""
    errors = REFERENCE / "errors.md"
    before, _, rest = errors.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    return {
        REFERENCE / "cli.md": cli_page(),
        errors: f"{before}{BEGIN}\n{errors_table()}\n{END}{after}",
    }


def out_of_step() -> list[Path]:
    """Return the pages that differ from what they should be."""
    return [p for p, text in pages().items() if not p.exists() or p.read_text() != text]


Fault = tuple[str, str, ast.expr]
"""Identifier, status, and the expression that makes the message."""


def _functions(module: ast.Module) -> list[ast.AST]:
    return [n for n in ast.walk(module) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def _variables(function: ast.AST) -> dict[str, set[str]]:
    """Return the texts that each variable of a function is given."""
    texts: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=True))
            for name, value in pairs:
                if isinstance(name, ast.Name):
                    texts[name.id] |= _texts(value, {})
    return texts


def _faults(node: ast.AST) -> Iterator[Fault]:
    """Find ``SomeError(..., id="PYR-...")`` and the server's ``(status, "PYR-...", text)``."""
    if isinstance(node, ast.Call):
        identifier = next((k.value for k in node.keywords if k.arg == "id"), None)
        if isinstance(identifier, ast.Constant) and ast.unparse(node.func) != "super().__init__":
            name = ast.unparse(node.func)
            yield identifier.value, _status(name), _message(name, node.args)
        yield from _header_faults(node)
    row = node.args if isinstance(node, ast.Call) else getattr(node, "elts", [])
    for status, identifier, text in zip(row, row[1:], row[2:], strict=False):
        if isinstance(identifier, ast.Constant) and IDENTIFIER.match(str(identifier.value)):
            yield identifier.value, f"HTTP {ast.unparse(status)}", text


def _header_faults(node: ast.Call) -> Iterator[Fault]:
    """Find ``header_error(where, key, text, row=5)``, which is ``PYR-IDX-05``."""
    number = next((k.value for k in node.keywords if k.arg == "row"), None)
    is_header = isinstance(node.func, ast.Name) and node.func.id == "header_error"
    if is_header and isinstance(number, ast.Constant) and isinstance(number.value, int):
        yield f"PYR-IDX-{number.value:02}", str(core.DataError.status), node.args[2]


def _status(name: str) -> str:
    if name in MAKERS:
        return str(MAKERS[name].status)
    if hasattr(core, name):
        return str(getattr(core, name).status)
    return next(f"HTTP {s}" for kind, s in STATUS.items() if kind.__name__ in _bases(name))


def _bases(name: str) -> set[str]:
    """Return the names of a request error and of what it derives from."""
    kind = getattr(_errors, name)
    return {base.__name__ for base in kind.__mro__}


def _message(name: str, arguments: list[ast.expr]) -> ast.expr:
    if name == "plain_dtype":
        return ast.Constant("unsupported type")
    return arguments[1] if name in MAKERS or hasattr(core, name) else arguments[0]


def _texts(node: ast.expr, variables: dict[str, set[str]]) -> set[str]:
    """Return the texts that an expression can be, with ``…`` where a value stands."""
    if isinstance(node, ast.IfExp):
        return _texts(node.body, variables) | _texts(node.orelse, variables)
    if isinstance(node, ast.Name):
        return variables.get(node.id, set())
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.JoinedStr):
        parts = (v.value if isinstance(v, ast.Constant) else "…" for v in node.values)
        return {"".join(map(str, parts))}
    return set()


def main() -> int:
    """Write the pages, or check them."""
    if "--check" in sys.argv[1:]:
        for path in (late := out_of_step()):
            print(f"{path.relative_to(ROOT)}: out of step: run python tools/cli_reference.py")
        return bool(late)
    for path, text in pages().items():
        path.write_text(text)
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
