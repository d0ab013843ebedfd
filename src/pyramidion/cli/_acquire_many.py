"""Several cameras: each is recorded by a program of its own, on one clock.

The programs are children of this one, which prints what they say with the camera's name before it.
Their standard input is a pipe from here: they stop, cleanly, when it is closed, be it by Ctrl-C here
or because this process is gone.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from pyramidion.cli._acquire_values import Request, Typed
from pyramidion.cli._print import print_json, tell
from pyramidion.core import UsageError
from pyramidion.instruments import split_address
from pyramidion.workflows import check_out
from pyramidion.workflows._host_clock import CLOCK_VARIABLE, HostClock

CHILD_VARIABLE = "PYRAMIDION_STOP_WITH_INPUT"
"""Set in the environment of a child: the end of its standard input stops it."""

_WORST = (1, 2, 143, 130, 0)
"""Exit statuses, the worst first; any other one is a crash, which is worse."""


def stop_with_parent() -> None:
    """End this program as SIGTERM does when its standard input ends, if a parent wants that."""
    if not os.environ.pop(CHILD_VARIABLE, ""):
        return

    def watch() -> None:
        while os.read(0, 4096):  # not sys.stdin, whose lock would be held while the program ends
            pass
        signal.raise_signal(signal.SIGTERM)

    # The children of this program inherit neither the variable nor the wish.
    threading.Thread(target=watch, name="parent", daemon=True).start()


def record_each(requests: Sequence[Request], typed: Typed) -> None:
    """Record several cameras at once.

    Parameters
    ----------
    requests : sequence of Request
        One for each.
    typed : Typed
        What was typed, to be typed again for each.

    Raises
    ------
    SystemExit
        With the worst status of all, unless all ended well.
    KeyboardInterrupt
        After the clean end that Ctrl-C or SIGTERM asked for, when nothing else went wrong.
    """
    _check(requests)
    clock = str(HostClock.now())
    is_json = bool(typed.options.get("--json"))
    children = [
        _Child(request, command_of(request, n, typed), clock, is_json=is_json)
        for n, request in enumerate(requests)
    ]
    stop: KeyboardInterrupt | None = None
    try:
        for child in children:
            child.wait()
    except KeyboardInterrupt as asked:
        stop = asked
        for child in children:
            child.stop()
        for child in children:
            child.wait()
    if is_json:
        print_json({"cameras": [child.report() for child in children]})
    statuses = [child.wait() for child in children]
    if stop is not None and all(status in (0, 130, 143) for status in statuses):
        from pyramidion.cli._signals import stopped_status

        raise SystemExit(stopped_status(stop))
    raise SystemExit(worst(statuses))


def _check(requests: Sequence[Request]) -> None:
    """Refuse what can be seen to be wrong before the first camera is opened."""
    seen: set[Path] = set()
    for request in requests:
        split_address(request.camera)
        if request.out is None:
            continue
        if request.out.exists():
            check_out(request.out, request.camera, request.options)
        if request.out in seen:
            mend = "put {camera} into the name"
            raise UsageError(str(request.out), "given to two cameras", mend=mend, id="PYR-ALL-10")
        seen.add(request.out)


def worst(statuses: Sequence[int]) -> int:
    """Return the worst of some exit statuses.

    Examples
    --------
    >>> worst([0, 143, 0]), worst([2, 1]), worst([0, -9])
    (143, 1, 1)
    """
    return next((s for s in _WORST if s in statuses and set(statuses) <= set(_WORST)), 1)


def command_of(request: Request, n: int, typed: Typed) -> list[str]:
    """Return the command that records one of the cameras.

    Parameters
    ----------
    request : Request
        Camera and store.
    n : int
        Its place; a port that was asked for is the first one's.
    typed : Typed
        Everything else.
    """
    command = [sys.executable, "-m", "pyramidion", "acquire", request.camera]
    options = {k: v for k, v in typed.given.items() if k not in ("--output", "--port", "--live")}
    if request.out is not None:
        options["--output"] = str(request.out)
        options["--parents"] = True
    port = request.values.get("--port")
    if port:
        options["--port"] = str(port + n)
    elif port == 0:
        options["--port"] = "0"
    for option, value in options.items():
        if value is True:
            command.append(option)
        else:
            texts = value if isinstance(value, (list, tuple)) else [value]
            command += [f"{option}={text}" for text in texts]
    live = typed.given.get("--live")
    return command + ([] if live is None else ["--live" if live == "yes" else "--no-live"])


class _Child:
    """One program that records one camera.

    Parameters
    ----------
    request : Request
        The camera.
    command : list of str
        The program.
    clock : str
        For its environment.
    is_json : bool
        What it prints is collected.
    """

    def __init__(self, request: Request, command: list[str], clock: str, *, is_json: bool) -> None:
        self._name = request.camera
        self._printed: list[str] = []
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, CLOCK_VARIABLE: clock, CHILD_VARIABLE: "1"},
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C comes to us alone, and from us once
        )
        self._readers = [
            self._reader(self._process.stdout, None if is_json else _print),
            self._reader(self._process.stderr, tell),
        ]

    def stop(self) -> None:
        """Ask for a clean end."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def wait(self) -> int:
        """Return the exit status, once it is there."""
        status = self._process.wait()
        for reader in self._readers:
            reader.join()
        return status

    def report(self) -> dict[str, Any]:
        """Return what it printed as JSON."""
        try:
            told = json.loads("\n".join(self._printed))
        except ValueError:
            told = {"error": {"line": "no report"}}
        return {"address": self._name, **told}

    def _reader(self, stream: IO[str] | None, pass_on: Any) -> threading.Thread:
        def read() -> None:
            for line in stream or ():
                text = line.rstrip("\n")
                if pass_on is None:
                    self._printed.append(text)
                else:
                    pass_on(f"{self._name}: {text}")

        thread = threading.Thread(target=read, name=self._name, daemon=True)
        thread.start()
        return thread


def _print(line: str) -> None:
    print(line, flush=True)
