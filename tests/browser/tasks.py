"""How long the page's main thread is busy in one go, in its own time: what else runs on the machine does not count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TASKS = ("ThreadControllerImpl::RunTask", "RunTask")


def busiest_task(view: Any, act: Callable[[], None]) -> float:
    """Milliseconds of processor time that the longest task of the main thread took while `act` ran."""
    session = view.page.context.new_cdp_session(view.page)
    events: list[dict[str, Any]] = []
    complete: list[Any] = []
    session.on("Tracing.dataCollected", lambda part: events.extend(part["value"]))
    session.on("Tracing.tracingComplete", lambda done: complete.append(done))  # noqa: PLW0108 - it must be a function
    config = {"includedCategories": ["toplevel", "devtools.timeline"]}
    session.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": config})
    act()
    session.send("Tracing.end")
    while not complete:
        view.page.wait_for_timeout(50)
    session.detach()
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    times = [
        event["tdur"] / 1000
        for event in events
        if event["name"] in TASKS and "tdur" in event and (event["pid"], event["tid"]) in main
    ]
    assert times, "the browser told nothing about its tasks"
    return max(times)
