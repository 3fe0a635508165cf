"""Ctrl-C, and the SIGTERM that a cancelled job gets: complete reports of what was judged, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from fixtures.sandbox.server import ROOT

PATIENCE_S = 90.0
# A check that is judged for long enough to be interrupted, found through what it waits for.
SLOW = """
import time, pathlib, pytest
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    if item.originalname == "check_no_tasks_stop":
        pathlib.Path({flag!r}).touch()
        time.sleep(60)
"""


def _started(tmp_path: Path, *args: str) -> subprocess.Popen[str]:
    own = tmp_path / "plugins"
    own.mkdir()
    (own / "slow.py").write_text(SLOW.format(flag=str(tmp_path / "judging")), encoding="utf-8")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "--sandbox", "-m", "ecs", "-p", "slow", "--out", str(tmp_path / "out"), *args],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(own)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _wait_until_judging(tmp_path: Path, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not (tmp_path / "judging").exists():
        assert process.poll() is None, process.stdout and process.stdout.read()
        assert time.monotonic() < until
        time.sleep(0.05)


def _processes_of(session: int) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "sid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split()[0] == str(session)]


def _sandboxes(temporary: Path) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(temporary) in line]


# One handler serves both signals, so each is sent once.
@pytest.mark.parametrize(
    ("number", "workers"),
    [(signal.SIGTERM, ()), (signal.SIGINT, ("-n", "2"))],
    ids=["SIGTERM-one-process", "SIGINT-two-workers"],
)
def test_a_signal_leaves_complete_reports_and_nothing_else(
    tmp_path: Path, number: signal.Signals, workers: tuple[str, ...]
) -> None:
    process = _started(tmp_path, *workers)
    _wait_until_judging(tmp_path, process)
    process.send_signal(number)
    said, _ = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 2, said
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    schema = json.loads((ROOT / "reports" / "results.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(results, schema)
    assert results["checks"]
    assert results["not_judged"] > 0
    assert "STOPPED EARLY" in said
    assert "</html>" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert (tmp_path / "out" / "junit.xml").read_text(encoding="utf-8").rstrip().endswith(">")
    assert _processes_of(process.pid) == []
    assert _sandboxes(tmp_path) == []
    assert list((tmp_path / "tmp").glob("runbook-*")) == []
