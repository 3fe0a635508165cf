"""One applied world for the whole run, shared by every worker and started while other tests still run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.real.apply import APPLY_TIMEOUT_S, INIT_TIMEOUT_S, ROOT, AppliedWorld


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the apply as soon as it is known to be needed; the first worker to get here does it for all."""
    if session.config.option.collectonly or not any(map(needs_world, session.items)):
        return
    directory = _shared_directory()
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        return
    subprocess.Popen(
        [sys.executable, "-m", "tests.real.apply", str(directory), "--owner", str(_owner())],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.fixture(scope="session")
def shared_world() -> AppliedWorld:
    """The world that the background process applies; an error, never a skip, where it could not."""
    directory = _shared_directory()
    deadline = time.monotonic() + INIT_TIMEOUT_S + APPLY_TIMEOUT_S + 60
    while time.monotonic() < deadline:
        if (directory / "world.json").exists():
            return AppliedWorld.load(directory / "world.json")
        if (directory / "error.txt").exists():
            pytest.fail((directory / "error.txt").read_text(encoding="utf-8"), pytrace=False)
        time.sleep(0.1)
    pytest.fail("the sample was not applied in time; see 'python -m tests.real.apply --help'", pytrace=False)


@pytest.fixture
def applied_world(shared_world: AppliedWorld) -> Iterator[AppliedWorld]:
    """The applied world, to oneself: a test may change it, and puts back what it changed."""
    with world_lock():
        yield shared_world


def world_lock() -> FileLock:
    """Holds the applied world for one test, whichever worker it runs on."""
    return FileLock(_shared_directory() / "in-use.lock")


def needs_world(item: pytest.Item) -> bool:
    """Whether a test needs the applied world, which takes a minute and a half to come up."""
    return "shared_world" in getattr(item, "fixturenames", ())


def _owner() -> int:
    """The process that lives as long as the run: under xdist a worker's parent, as workers may end earlier."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


def _shared_directory() -> Path:
    return Path(tempfile.gettempdir()) / f"runbook-checks-real-{_owner()}"
