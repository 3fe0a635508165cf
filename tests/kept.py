"""A pytest session whose checks are collected once and judged in one world after another.

Configuring pytest, collecting the checks and writing reports is half of what a run of them takes; it is the same for
every world. What happens in between, from gathering to conclusions, is the suite's own, hooks included.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.pool import ThreadPool
from typing import Any

import pytest
from _pytest.config import _prepareconfig
from _pytest.runner import runtestprotocol
from msgspec import structs

from fixtures import plugin
from fixtures.aws import ApiCount, Aws
from fixtures.run import Embedded, Environment, Run, facts_of
from fixtures.sandbox.server import Host, World
from fixtures.selection import RUN
from fixtures.target import Target
from reports import ending
from reports.finding import Finding, Results
from reports.plugin import RESULTS, Collector
from tests.harness import LIGHT, ROOT, service_models_kept, tidy

# Which of the checks need not be judged in a world, by what is known of them already.
Known = Callable[[pytest.Item, Run], Finding | None]


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a world's run found, and what it rests on.

    Args:
        facts: every fact's outcome.
        asked: the facts that each check was judged on, by its id.
    """

    results: Results
    facts: dict[str, Any]
    asked: dict[str, tuple[str, ...]]


# Nobody reads what worlds log, or their HTML, so that pytest's plugins for it would only take time.
_UNREAD = ("-p", "no:html", "-p", "no:logging")


class KeptSession:
    """The checks that some options select, ready to be judged. Ends with ``close``."""

    def __init__(self, host: Host, options: Sequence[str]) -> None:
        self._out = tempfile.TemporaryDirectory()
        given = ["--sandbox", "--out", self._out.name, "-c", str(ROOT / "pytest.ini"), *LIGHT, *_UNREAD]
        nowhere = Embedded("http://127.0.0.1:9", host.now)
        with contextlib.redirect_stdout(io.StringIO()):
            # Without capturing: it would take the output of the tests that go on meanwhile.
            self._config = _prepareconfig([*given, "-s", *options, str(ROOT / "checks")], [nowhere])
            self._config._do_configure()
            self._session = pytest.Session.from_config(self._config)
            self._config.hook.pytest_sessionstart(session=self._session)
            self._config.hook.pytest_collection(session=self._session)
        self._doors: dict[tuple[str, frozenset[str]], Aws] = {}
        self._asked = {i.nodeid: facts_of(i.fixturenames) for i in self._session.items}  # type: ignore[attr-defined]

    def judge(self, world: World, known: Known, answers: dict[Any, Any]) -> Seen:
        """Gather and judge. What is known of a check beforehand is not judged again.

        Args:
            answers: what AWS is known to answer in this world; what else it answers is added.
        """
        run, results = self._config.stash[RUN], Results()
        self._config.stash[RESULTS] = results
        self._lead_to(run, world, answers)
        try:
            with service_models_kept(), contextlib.redirect_stdout(io.StringIO()):
                plugin._start(self._config, self._session.items)
                self._judge(run, results, known)
                broken = results.of("failed", "unverified")
                ending.conclude(self._session, results, int(bool(broken)))
            _all_answered(run)
            outcomes = {n: o for environment in run for n, o in environment.outcomes().items()}
        finally:
            run.close()
            run.environments = {}
            tidy()
        return Seen(results, outcomes, self._asked)

    def _lead_to(self, run: Run, world: World, answers: dict[Any, Any]) -> None:
        # The run itself stays: fixtures were made for it.
        run.endpoint, run.now = world.endpoint_url, world.now
        run.options = structs.replace(
            run.options,
            source=world.source,
            github_url=world.github_url,
            database_address=world.database_address,
        )
        run.environments = {t.name: Environment(t, run) for t in run.targets}
        run.aws = partial(self._door, answers)  # type: ignore[method-assign]

    def _door(self, answers: dict[Any, Any], target: Target, allowed: frozenset[str]) -> Aws:
        """A door to AWS that knows these answers. Its clients lead to every world, since all have the same address."""
        run = self._config.stash[RUN]
        key = (run.endpoint, allowed)
        if key in self._doors:
            self._doors[key]._pool = ThreadPool(self._doors[key].connection.threads)
        else:
            self._doors[key] = Run.aws(run, target, allowed)
        door = self._doors[key]
        door.count, door._memo = ApiCount(), answers
        # The next world may ask the same.
        door.release = lambda operation: None  # type: ignore[method-assign]
        return door

    def _judge(self, run: Run, results: Results, known: Known) -> None:
        before = {i.nodeid: known(i, run) for i in self._session.items}
        collector = Collector(results)
        results.findings += [f for f in before.values() if f is not None]
        items = [i for i in self._session.items if before[i.nodeid] is None]
        for item, following in zip(items, (*items[1:], None), strict=True):
            for report in runtestprotocol(item, log=False, nextitem=following):
                collector.pytest_runtest_logreport(report)
        order = {i: n for n, i in enumerate(self._asked)}
        results.findings.sort(key=lambda f: order[f.id])

    def close(self) -> None:
        """Leave nothing behind."""
        self._config._ensure_unconfigure()
        self._out.cleanup()


def _all_answered(run: Run) -> None:
    """A check ends at the first thing that it cannot have; no request for another may reach the next world."""
    for environment in run:
        if environment._gatherer is not None:
            environment._gatherer.wait()
