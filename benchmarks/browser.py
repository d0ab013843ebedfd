"""A headless Chromium before our own server: what a step of the wheel costs, and what went over the wire."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyramidion

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
VIEWPORT = {"width": 1280, "height": 800}
VIEWER = Path(pyramidion.__file__).parent / "server" / "viewer"

# A process of its own, and reached through a proxy at another port as well.
SERVER = """
import sys
from pyramidion.server import ServerSettings, build_app, run

settings = ServerSettings(port=0, allowed_hosts=("127.0.0.1",))
run(build_app([sys.argv[1]], settings), settings, lambda url: print(url, flush=True))
"""

# A frame is judged when it has been handed to the compositor: in the first task behind it, when the
# page's own callbacks have run. Times begin when the event reaches the page; what the browser itself
# takes to bring it, 24 ms to a page that does nothing, is `brought`.
WATCH = """(() => {
  const page = () => window.__pyramidion;
  const channel = new MessageChannel();
  const behind = [];
  channel.port1.onmessage = () => behind.shift()();
  const frame = (act) => requestAnimationFrame(() => { behind.push(act); channel.port2.postMessage(0); });

  window.__long = [];
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) window.__long.push({ at: startTime, ms: duration });
  }).observe({ type: 'longtask' });

  // Everything that the page asks for, to be asked for again as plainly as can be.
  window.__fetched = [];
  const fetch = window.fetch;
  window.fetch = (url, init) => {
    window.__fetched.push([String(url), new Headers(init?.headers).get('Range')]);
    return fetch(url, init);
  };
  window.__fetchPlainly = async (list) => {
    const start = performance.now();
    await Promise.all(list.map(async ([url, range]) => (await fetch(url, { cache: 'no-store', headers: range ? { Range: range } : {} })).arrayBuffer()));
    return performance.now() - start;
  };

  window.__first = new Promise((resolve) => {
    const look = () => (page()?.stats().complete ? resolve(performance.now()) : frame(look));
    frame(look);
  });

  // The next event of a kind: when the first frame after it was drawn, when one that stayed was
  // complete, and what was asked for. Watches until the picture is complete, or until all is quiet.
  window.__watch = (kind, untilQuiet) => new Promise((resolve) => {
    const before = page().stats();
    const asked = window.__fetched.length;
    let start = 0;
    let brought = 0;
    addEventListener(kind, ({ timeStamp }) => {
      start = performance.now();
      brought = start - timeStamp;
    }, { once: true, capture: true });
    addEventListener(kind, () => {
      let first = null;
      let sharp = null;
      let cold = false;
      let quiet = !untilQuiet;
      const done = () => {
        const { requests, bytes, complete } = page().stats();
        resolve({
          first, sharp, brought, cold, complete, requests: requests - before.requests, bytes: bytes - before.bytes,
          asked: window.__fetched.slice(asked),
        });
      };
      const look = () => {
        const now = performance.now() - start;
        const { complete } = page().stats();
        if (first === null) [first, cold] = [now, !complete];
        sharp = complete ? sharp ?? now : null;
        if (now > 20000 || (complete && quiet)) done();
        else frame(look);
      };
      frame(look); // behind the page's own request for a frame
      if (untilQuiet) void page().idle().then(() => (quiet = true));
    }, { once: true });
  });
})();"""


@contextlib.contextmanager
def chromium(playwright: Any) -> Iterator[Any]:
    """The browser, without a GPU."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        sys.exit("chromium: not installed: apt-get install chromium")
    browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
    yield browser
    browser.close()


def fresh_page(browser: Any) -> Any:
    """A page whose browser has nothing in its cache."""
    page = browser.new_context(viewport=VIEWPORT).new_page()
    page.add_init_script(WATCH)
    return page


def open_data(page: Any, address: str) -> float:
    """Open a dataset; return the milliseconds from navigating to the first complete picture."""
    page.goto(address, wait_until="commit")
    first: float = page.evaluate("window.__first")
    page.evaluate("__pyramidion.idle()")
    return first


def step(page: Any, kind: str, act: Any, *, until_quiet: bool = False) -> dict[str, Any]:
    """Do something with the mouse and watch what the page makes of it."""
    page.evaluate(
        "([kind, quiet]) => { window.__step = window.__watch(kind, quiet); }", [kind, until_quiet]
    )
    act()
    found: dict[str, Any] = page.evaluate("window.__step")
    if not found["complete"]:
        raise SystemExit(f"the picture never became complete: {page.evaluate('location.href')}")
    return found


def fetch_plainly(page: Any, asked: list[Any]) -> float:
    """Fetch again what the page asked for in a step, all at once; return the milliseconds."""
    found: float = page.evaluate("(list) => window.__fetchPlainly(list)", asked)
    return found


def long_tasks(page: Any, since: float = 0.0) -> list[float]:
    """Milliseconds of the page's tasks over 50 ms."""
    found: list[float] = page.evaluate(
        "(since) => window.__long.filter(({ at }) => at >= since).map(({ ms }) => ms)", since
    )
    return found


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Our server with a folder, as a process; yields its address."""
    with running([SERVER, str(folder)]) as process:
        yield address_of(process)


@contextlib.contextmanager
def running(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A Python program that runs while the block does."""
    command = [sys.executable, "-c", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def address_of(process: subprocess.Popen[str]) -> str:
    """The line that a program says when it is ready."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise SystemExit("a program of this benchmark did not start")
    return line


class Asked(NamedTuple):
    """One request that passed the proxy."""

    at: float  # Unix seconds
    path: str
    status: int
    bytes: int
    is_packed: bool

    @property
    def is_page(self) -> bool:
        return self.path.startswith("/viewer/")


class Proxy:
    """Stands between browser and server, keeps account, and lets requests wait.

    `delay` is what each request waits, in seconds; `delay_page` what those for the page's own files
    wait.
    """

    def __init__(self, origin: str) -> None:
        self._port = int(origin.rpartition(":")[2])
        self.delay = self.delay_page = 0.0
        self.log: list[Asked] = []
        self.origin = ""

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of the browser until it ends."""
        back, forth = await asyncio.open_connection("127.0.0.1", self._port)
        # The browser hangs up as it likes, and so do we in the end.
        gone = (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError)
        with contextlib.suppress(*gone):
            while True:
                await self._exchange(reader, writer, back, forth)
        for one in (forth, writer):
            one.close()

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back: asyncio.StreamReader,
        forth: asyncio.StreamWriter,
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b" ", 2)
        path = target.partition(b"?")[0].decode()
        came = time.time()
        await asyncio.sleep(self.delay_page if path.startswith("/viewer/") else self.delay)
        forth.write(head)
        answer = await back.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in answer.split(b"\r\n")[1:] if line)
        status = int(answer.split(b" ", 2)[1])
        has_body = method != b"HEAD" and status not in (204, 304)
        length = int(fields[b"content-length"]) if has_body else 0
        # Before the bytes, so that a page that has them always finds them logged.
        self.log.append(Asked(came, path, status, length, b"content-encoding" in fields))
        writer.write(answer)
        while length:
            part = await back.read(min(length, 1 << 18))
            if not part:
                raise ConnectionResetError
            length -= len(part)
            writer.write(part)
            await writer.drain()


@contextlib.contextmanager
def proxied(origin: str) -> Iterator[Proxy]:
    """A proxy before a server, in a thread of its own."""
    proxy = Proxy(origin)
    ready, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
        proxy.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        await over.wait()
        server.close()

    def run() -> None:
        loop.run_until_complete(serve())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    yield proxy
    loop.call_soon_threadsafe(over.set)
    thread.join()


def raw_size(one: Asked) -> int:
    """Bytes of one of the page's own files before it was compressed; none for what was known."""
    if one.status != 200:
        return 0
    name = one.path.removeprefix("/viewer/") or "index.html"
    return (VIEWER / name).stat().st_size


def quantile(values: list[float], share: float) -> float:
    """Linear between the sorted values; NaN for none."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def spread(values: list[float]) -> dict[str, float]:
    """Number, median, 95th percentile and largest, rounded."""
    return {
        "of": len(values),
        "p50": round(quantile(values, 0.5), 1),
        "p95": round(quantile(values, 0.95), 1),
        "max": round(max(values, default=float("nan")), 1),
    }


class Others:
    """What else ran on the machine meanwhile: a busy one says little about times."""

    def before(self) -> float:
        """Begin; return the load."""
        self._since, self._busy, self._ours = time.time(), busy_seconds(), our_seconds()
        return round(os.getloadavg()[0], 2)

    def after(self) -> int:
        """Return what others took since, in percent of a core."""
        theirs = busy_seconds() - self._busy - (our_seconds() - self._ours)
        return round(100 * theirs / (time.time() - self._since))


class Quiet:
    """Runs things while nobody else uses the machine, as long as that can be waited for.

    What was disturbed is done again, until `limit_s` seconds have gone in waiting.
    """

    MOST = 25
    """Percent of a core."""

    def __init__(self, limit_s: float) -> None:
        self._until = time.monotonic() + limit_s
        self.taken: list[float] = []

    def run(self, act: Callable[[], Any]) -> Any:
        """Return what `act` returns."""
        while True:
            while (
                time.monotonic() < self._until and self._watch(lambda: time.sleep(2))[1] > self.MOST
            ):
                pass
            found, taken = self._watch(act)
            if taken <= self.MOST or time.monotonic() >= self._until:
                self.taken.append(taken)
                return found

    def _watch(self, act: Callable[[], Any]) -> tuple[Any, int]:
        others = Others()
        others.before()
        return act(), others.after()


def busy_seconds() -> float:
    """CPU seconds of the whole machine since it started."""
    user, nice, system, _, _, irq, soft_irq, *_ = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + irq + soft_irq) / os.sysconf("SC_CLK_TCK")


def our_seconds() -> float:
    return sum(seconds_of(pid, with_ended=True) for pid in descendants(os.getpid()))


def fields_of(pid: int) -> list[str]:
    """What Linux tells of a process, from its state on; nothing if it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return ["", "0", *["0"] * 20]


def name_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text()
    return ""


def seconds_of(pid: int, *, with_ended: bool = False) -> float:
    """CPU seconds of a process; those of its children that have ended as well, if so asked."""
    fields = fields_of(pid)[11:15] if with_ended else fields_of(pid)[11:13]
    return sum(map(int, fields)) / os.sysconf("SC_CLK_TCK")


def descendants(root: int) -> list[int]:
    """A process and all that it started, and they."""
    parents = {
        int(each.name): int(fields_of(int(each.name))[1]) for each in Path("/proc").glob("[0-9]*")
    }
    found = [root]
    for one in found:
        found += [pid for pid, parent in parents.items() if parent == one]
    return found


def report(found: dict[str, Any], goals: dict[str, str]) -> None:
    """Print the numbers, each with what was asked for."""
    for name, value in found.items():
        if isinstance(value, dict):
            text = "   ".join(f"{key} {number:>8}" for key, number in value.items())
        else:
            text = str(value)
        goal = f"   (asked for: {goals[name]})" if name in goals else ""
        print(f"{name:40}{text}{goal}")
