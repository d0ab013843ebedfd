"""The pages of the documentation, and how their examples are run.

In a page, a block of ``console`` holds commands (lines that begin with ``$ ``) and what they print;
a block of ``python`` is run as it stands, and a block of ``output`` behind it is what it prints.
The blocks of a page run in order in one empty folder, which holds copies of ``tests/data`` and of the
samples where a clone beside it would have them: ``pyramidion/tests/data`` and
``pyramidion/src/pyramidion/samples``. ``console skip WHY`` is not run.

What differs from run to run (seconds, sizes, ports, how far an interrupted run came) is not
compared; a line ``...`` stands for any lines. The folder is called ``/home/ada``. A command that
shows ``^C`` first is interrupted when it has stored something; a server runs until the next one, or
the end of the page.

A page whose commands name ``s3://`` has an object store: ``https://s3.example.org``, where the
profile ``lab`` (and ``AWS_PROFILE`` says so) may write the bucket ``lab``.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 120
HOME = "/home/ada"
DATA = ("tests/data", "src/pyramidion/samples")
"""What a reader finds in a clone."""
STORE = "https://s3.example.org"
"""The address of the object store in the pages; its user and its bucket are called LAB."""
LAB = "lab"

NOT_RUN = {
    "docs/how-to/serve-behind-nginx.md": "serves a folder and a name that only its reader has",
    "docs/reference/server.md": "its program serves until Ctrl-C",
}
"""Pages whose examples are not run, and why."""

_HELD = f"PYTHONPATH={shlex.quote(str(ROOT))} {shlex.quote(sys.executable)} -m tests.fault.held 2"

_BLOCK = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.M | re.S)
_ADDRESS = re.compile(r"127\.0\.0\.1:\d+")
_SERVER = re.compile(r"(pyramidion|python -m pyramidion) (serve|view|demo|cors_server)\b")
_VARIES = [
    (re.compile(r"\d[\d.]* [kMGT]?B\b(/s)?"), "SIZE"),
    (re.compile(r"\b\d[\d ]* bytes\b"), "SOME bytes"),
    (re.compile(r"\bin \d+\.\d s\b"), "in SOME s"),
    (re.compile(r"\d+ of \d+ parts"), "SOME parts"),
    (re.compile(r"\d+ shards stored"), "SOME shards stored"),
    (re.compile(r"\bid [0-9a-f]{32}\b"), "id SOME"),
    (_ADDRESS, "127.0.0.1:PORT"),
]


@dataclass(frozen=True)
class Block:
    """A fenced block: the words behind its fence, its text, and its line in the page."""

    info: tuple[str, ...]
    text: str
    line: int

    @property
    def is_run(self):
        return self.info[:1] in (("console",), ("python",)) and self.info[1:2] != ("skip",)


def pages():
    """Return every page."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "CONTRIBUTING.md"]


def blocks(page):
    """Return the fenced blocks of a page."""
    text = page.read_text()
    return [
        Block(tuple(m["info"].split()), m["text"], text.count("\n", 0, m.start()) + 1)
        for m in _BLOCK.finditer(text)
    ]


def prose(page):
    """Return a page without its fenced blocks."""
    return _BLOCK.sub("", page.read_text())


def needs_a_store(page):
    """Tell whether the examples of a page work with an object store."""
    return any(block.is_run and "s3://" in block.text for block in blocks(page))


def profiles(server):
    """Return the text of an AWS file with the profile of the pages."""
    return (
        f"[profile {LAB}]\nendpoint_url = {server.endpoint}\nregion = {server.region}\n"
        f"aws_access_key_id = {server.access_key}\naws_secret_access_key = {server.secret_key}\n"
    )


def commands(text):
    """Return the (command, lines it prints) of a console block."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.startswith("> "):
            found[-1] = (f"{found[-1][0]}\n{line[2:]}", [])
        else:
            found[-1][1].append(line)
    return found


def agrees(printed, shown):
    """Tell whether printed lines are those shown, but for what differs from run to run."""
    pattern = "".join(r"(?:.*\n)*" if s == "..." else re.escape(_even(s)) + r"\n" for s in shown)
    return re.fullmatch(pattern, "".join(f"{_even(line)}\n" for line in printed)) is not None


def _is_server(command, shown):
    """Tell whether a command runs on behind what it prints first."""
    if shown[-1:] == ["Ctrl-C ends it."]:
        return True
    return _SERVER.match(command) and any("http://" in line for line in shown)


def _even(line):
    for varies, word in _VARIES:
        line = varies.sub(word, line)
    return line.rstrip()


class Reader:
    """Somebody who types what a page says, in a folder of their own.

    Parameters
    ----------
    folder : Path
        Empty.
    store : S3Server, optional
        The object store of the pages; keys and profiles are those of the environment.
    """

    def __init__(self, folder, store=None):
        self.folder = folder
        self._store = {store.endpoint: STORE} if store else {}
        for data in DATA:
            shutil.copytree(ROOT / data, folder / "pyramidion" / data)
        hidden = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")  # no page opens a window
        self._env = {k: v for k, v in os.environ.items() if k not in hidden}
        self._env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._env["COLUMNS"] = "80"
        self._server = None
        self._address = {}

    def follow(self, page):
        """Run the blocks of a page and compare what they print."""
        previous = None
        for block in blocks(page):
            where = f"{page.relative_to(ROOT)}:{block.line}"
            if block.info[:1] == ("output",):
                assert agrees(previous.splitlines(), block.text.splitlines()), (
                    f"{where}: printed was\n{previous}"
                )
            elif block.is_run and block.info[0] == "python":
                previous = self.run_python(block.text, where)
            elif block.is_run:
                for command, shown in commands(block.text):
                    printed = self.type(command, shown)
                    assert agrees(printed, shown), "\n".join([f"{where}: $ {command}", *printed])

    def type(self, command, shown):
        """Run a command; return the lines that it prints."""
        command = self._here(command)
        if _is_server(command, shown):
            return self._serve(command, len(shown))
        if shown[:1] == ["^C"]:
            command = command.replace("pyramidion", _HELD, 1)  # or it may be over before the Ctrl-C
        process = self._start(command, stderr=subprocess.STDOUT)
        if shown[:1] == ["^C"]:
            self._wait_for_a_part(process)
            os.killpg(process.pid, signal.SIGINT)
        printed = self._as_shown(self._finish(process))
        failed = any(": error: " in line for line in shown)
        assert (process.returncode != 0) == failed, (command, process.returncode, printed)
        lines = printed.splitlines()
        return ["^C", *lines] if shown[:1] == ["^C"] else lines

    def run_python(self, code, where):
        """Run a program; return what it prints. A warning is a failure."""
        done = subprocess.run(
            [sys.executable, "-c", self._here(code)],
            cwd=self.folder, env=self._env, capture_output=True, text=True, timeout=TIMEOUT_S,
            check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), f"{where}: {done.stderr}"
        return self._as_shown(done.stdout)

    def leave(self):
        """Press Ctrl-C where a server runs; it must end as servers do."""
        server, self._server = self._server, None
        if server is None:
            return
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGINT)
        self._finish(server)
        assert server.returncode == 130

    def _start(self, command, stderr):
        return subprocess.Popen(
            ["bash", "-c", command],
            cwd=self.folder, env=self._env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=stderr, text=True, start_new_session=True,
        )  # fmt: skip

    @staticmethod
    def _finish(process):
        try:
            return process.communicate(timeout=TIMEOUT_S)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise

    def _serve(self, command, n_lines):
        """Start a server, leaving it to run; return its first lines."""
        self.leave()
        self._server = process = self._start(command, stderr=subprocess.DEVNULL)
        limit = threading.Timer(TIMEOUT_S, process.kill)
        limit.start()
        printed = [process.stdout.readline().rstrip("\n") for _ in range(n_lines)]
        limit.cancel()
        found = _ADDRESS.search("".join(printed))
        # The port may be taken here; then the page's address is another one.
        shown = ("127.0.0.1:8000", "127.0.0.1:8080", "localhost:8080")
        self._address = dict.fromkeys(shown, found[0]) if found else {}
        return [self._as_shown(line) for line in printed]

    def _here(self, text):
        """Put the names of this machine in place of those of the page."""
        store = {shown: real for real, shown in self._store.items()}
        for shown, real in {**self._address, **store}.items():
            text = text.replace(shown, real)
        return text

    def _as_shown(self, text):
        """Put the names of the page in place of those of this machine."""
        for real, shown in {**self._store, str(self.folder): HOME}.items():
            text = text.replace(real, shown)
        return text

    def _wait_for_a_part(self, process):
        """Wait until an interrupted run would leave something to go on with."""
        end = time.monotonic() + TIMEOUT_S
        while process.poll() is None and time.monotonic() < end:
            parts = self.folder.glob("*.partial/raw/c/**/*")
            if any(p.is_file() and not p.name.startswith(".") for p in parts):
                return
            time.sleep(0.005)
