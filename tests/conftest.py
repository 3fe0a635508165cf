"""Shared by all tests: one seeded sandbox for each worker, forked per case."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from fixtures import collector, temporary
from fixtures.sandbox.server import Host
from tests import matrix
from tests.attached import running_provider as running_provider
from tests.real.apply import provider_mirror
from tests.real.conftest import needs_world

# How long an example takes depends on what else the machine does.
settings.register_profile("untimed", settings.default, deadline=None)
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """Terraform gets its providers from a mirror on this machine where there is one; workers inherit the answer."""
    # Botocore's models stay for as long as the tests run; runs are tidied up after (harness.py).
    collector.collect_rarely()
    # So does Go, of which Terraform and its provider are made: a quarter of their time, for memory that they have.
    os.environ |= {"GOGC": "off", "GOMEMLIMIT": "1GiB"}
    if hasattr(config, "workerinput"):
        return
    os.environ[matrix.DIRECTORY] = str(temporary.make("matrix"))
    directory = tempfile.TemporaryDirectory(prefix="runbook-mirror-")
    config.add_cleanup(directory.cleanup)
    found = provider_mirror(Path(directory.name))
    if found is None:
        os.environ.pop("TF_CLI_CONFIG_FILE", None)
    else:
        os.environ["TF_CLI_CONFIG_FILE"] = str(found)


# What takes longest comes first, so that it does not keep one worker busy when the others are done.
_FIRST = ("tests/test_matrix.py", "tests/reports/test_page.py", "tests/checks/", "tests/test_")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Under xdist, what belongs together stays together (together.py), whatever --dist says."""
    from tests.together import Scheduler

    return Scheduler(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first; those of the applied world, which one after the other may change it, when it will be there."""
    waiting = [i for i in items if needs_world(i)]
    others = sorted((i for i in items if not needs_world(i)), key=_rank)
    begin = sum(1 for i in others if _rank(i) < len(_FIRST)) // 3
    items[:] = [*others[:begin], *waiting, *others[begin:]]


def _rank(item: pytest.Item) -> int:
    return next((n for n, beginning in enumerate(_FIRST) if item.nodeid.startswith(beginning)), len(_FIRST))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What the fault matrix adds up to, where all of it was run."""
    lines = matrix.table(Path(os.environ[matrix.DIRECTORY]))
    if len(lines) > 6:
        terminalreporter.write_sep("=", "fault matrix")
        terminalreporter.write_line("\n".join(lines))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Forget the matrix's cases."""
    matrix.close()
    if not hasattr(config, "workerinput"):
        temporary.remove(Path(os.environ[matrix.DIRECTORY]))


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """A seeded, healthy sandbox; ``host.fork(faults=…)`` makes a world of it."""
    with Host.start() as started:
        yield started
