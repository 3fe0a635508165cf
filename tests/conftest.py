"""Shared by all tests: one seeded sandbox for each worker, forked per case."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.sandbox.server import Host
from tests.real.apply import provider_mirror


def pytest_configure(config: pytest.Config) -> None:
    """Terraform gets its providers from a mirror on this machine where there is one; workers inherit the answer."""
    if hasattr(config, "workerinput"):
        return
    directory = tempfile.TemporaryDirectory(prefix="runbook-mirror-")
    config.add_cleanup(directory.cleanup)
    found = provider_mirror(Path(directory.name))
    if found is None:
        os.environ.pop("TF_CLI_CONFIG_FILE", None)
    else:
        os.environ["TF_CLI_CONFIG_FILE"] = str(found)


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """A seeded, healthy sandbox; ``host.fork(faults=…)`` makes a world of it."""
    with Host.start() as started:
        yield started
