"""Shared by all tests: one seeded sandbox for each worker, forked per case."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.sandbox.server import Host


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """A seeded, healthy sandbox; ``host.fork(faults=…)`` makes a world of it."""
    with Host.start() as started:
        yield started
