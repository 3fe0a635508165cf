"""The healthy world is healthy whenever one looks: at month ends, in leap years, when clocks change, at midnight.

``make instants`` looks at a hundred random ones besides.
"""

from __future__ import annotations

import datetime as dt
import os
import random

import pytest

from fixtures.sandbox.server import Host
from tests.harness import WITHOUT_TERRAFORM, judged

TRICKY = (
    dt.datetime(2027, 1, 1, 0, 0, 1, tzinfo=dt.UTC),  # a new year, of which nothing has been billed
    dt.datetime(2028, 2, 29, 23, 59, 59, tzinfo=dt.UTC),
    dt.datetime(2027, 10, 31, 1, 0, 0, tzinfo=dt.UTC),  # clocks go back in Europe
)
RANDOM = random.Random(20270101)
FIRST = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def _some(count: int) -> list[dt.datetime]:
    return [FIRST + dt.timedelta(seconds=RANDOM.randrange(4 * 365 * 86_400)) for _ in range(count)]


@pytest.mark.parametrize("now", (*TRICKY, *_some(int(os.environ.get("INSTANTS", "0")))), ids=str)
def test_the_healthy_world_is_green_at_any_instant(now: dt.datetime) -> None:
    with Host.start(now=now) as host, judged(host, "-k", WITHOUT_TERRAFORM) as found:
        assert found.exit_code == 0, found.explained()
        assert found.checks("failed", "unverified") == set(), found.explained()
