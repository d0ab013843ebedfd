"""Running the real program, and what every error must look like."""

import os
import subprocess
import sys

CLI = [sys.executable, "-m", "pyramidion"]


def run(*arguments, cwd=None, env=None, timeout=120, stdin=subprocess.DEVNULL):
    """Run ``pyramidion`` with these arguments; return the finished process."""
    return subprocess.run(
        [*CLI, *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="replace",
        cwd=cwd,
        env={**os.environ, **(env or {})},
        timeout=timeout,
        stdin=stdin,
        check=False,
    )


def succeed(*arguments, **options):
    """Run and expect success; return stdout."""
    done = run(*arguments, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fail(*arguments, status, words, most_lines=1, **options):
    """Run and expect one line with these words, this status and no traceback; return it."""
    done = run(*arguments, **options)
    lines = [line for line in done.stderr.splitlines() if ": warning: " not in line]
    assert done.returncode == status, (done.returncode, done.stderr)
    assert 1 <= len(lines) <= most_lines, done.stderr
    assert lines[0].startswith("pyramidion"), lines
    assert ": error: " in lines[0], lines
    assert "Traceback" not in done.stderr
    for word in [words] if isinstance(words, str) else words:
        assert word in lines[0], (word, lines[0])
    return lines[0]
