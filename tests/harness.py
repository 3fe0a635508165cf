"""Runs the checks against a sandbox world from within a test, and gives back what they found."""

from __future__ import annotations

import contextlib
import functools
import gc
import io
import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from botocore.hooks import EventAliaser

from fixtures import collector, loose_yaml
from fixtures.run import Embedded
from fixtures.sandbox.server import Host, World
from fixtures.service_models import ServiceModels
from reports.finding import Finding, Results
from reports.plugin import RESULTS

ROOT = Path(__file__).resolve().parent.parent


# Checks for which terraform runs, which takes seconds: left out where a fault has nothing to do with them.
RUNS_TERRAFORM = (
    "check_terraform_plan_succeeds",
    "check_terraform_is_valid",
    "check_terraform_is_formatted",
    "check_aws_accepts_the_configuration",
    "check_terraform_has_no_drift",
    "check_terraform_code_is_applied",
)
WITHOUT_TERRAFORM = " and ".join(f"not {c}" for c in RUNS_TERRAFORM)


class Outcomes:
    """How tests ask what a run found."""

    results: Results

    def checks(self, *outcomes: str) -> set[str]:
        """Names of the checks with one of these outcomes on some resource."""
        return {f.check for f in self.results.of(*outcomes)}

    def of(self, check: str, service: str = "") -> Finding:
        """The finding of a check (on a service)."""
        fitting = [f for f in self.results.findings if f.check == check and (not service or f.service == service)]
        assert len(fitting) == 1, [f.id for f in fitting] or sorted({f.check for f in self.results.findings})
        return fitting[0]

    def explained(self) -> str:
        """All that did not pass, for a failing test's message."""
        wrong = self.results.of("failed", "advisory", "unverified")
        return "\n".join(f"{f.outcome:10} {f.id}: {f.summary}" for f in wrong)


@dataclass
class Judged(Outcomes):
    """What a run of the checks found."""

    exit_code: int
    results: Results
    output: str
    findings: dict[str, Finding] = field(default_factory=dict)


# Collecting garbage several times at the end of each inner run takes longer than the run.
LIGHT = ("-p", "no:cacheprovider", "-p", "no:unraisableexception", "-p", "no:threadexception")


@contextlib.contextmanager
def service_models_kept() -> Iterator[None]:
    """Within this process botocore reads each service's model once, and looks up each event's name once, not each run.

    So are the sample's workflows: parsed once, as long as they say the same.
    """
    with (
        mock.patch("fixtures.workflows.load", _load_once),
        mock.patch("fixtures.aws.ServiceModels", lambda *_: _MODELS),
        mock.patch.object(EventAliaser, "_alias_event_name", _alias_event_name),
    ):
        yield


def _alias_event_name(aliaser: EventAliaser, event_name: str) -> str:
    if event_name not in _ALIASES:
        _ALIASES[event_name] = _LOOK_UP(aliaser, event_name)
    return _ALIASES[event_name]


@functools.cache
def _load_once(text: str) -> Mapping[Any, Any]:
    return loose_yaml.load(text)


_MODELS = ServiceModels()
_ALIASES: dict[str, str] = {}
_LOOK_UP = EventAliaser._alias_event_name


def tidy() -> None:
    """Let go of what a run leaves in circles, clients above all; what outlives many runs is not gone through again."""
    # A run within another process gives the collector its own thresholds back, but here more runs follow.
    collector.collect_rarely()
    if next(_RUNS) % 25:
        gc.collect(1)
        return
    gc.collect()
    gc.freeze()


_RUNS = itertools.count(1)


class _Keeper:
    """Takes the results out of the inner pytest before it ends."""

    results: Results | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.results = session.config.stash.get(RESULTS, None)


def run_checks(world: World, *arguments: str, plugins: Sequence[object] = ()) -> Judged:
    """Judge a world with the checks that the arguments select, e.g. ``"-m", "ecs"``; in this process."""
    keeper = _Keeper()
    embedded = Embedded(world.endpoint_url, world.now, world.source, world.github_url, world.database_address)
    with tempfile.TemporaryDirectory() as out, contextlib.redirect_stdout(io.StringIO()) as said:
        given = ["--sandbox", "--out", out, "-c", str(ROOT / "pytest.ini"), *LIGHT, *arguments]
        if not any(a.startswith("checks") or "/check_" in a for a in arguments):
            given.append(str(ROOT / "checks"))
        with service_models_kept():
            code = pytest.main(given, plugins=[embedded, keeper, *plugins])
    tidy()
    assert keeper.results is not None, said.getvalue()
    return Judged(int(code), keeper.results, said.getvalue(), {f.id: f for f in keeper.results.findings})


@contextlib.contextmanager
def judged(
    host: Host, *arguments: str, faults: Sequence[str] = (), deny: Sequence[str] = (), throttle: Sequence[str] = ()
) -> Iterator[Judged]:
    """Fork a world with these faults, judge it, and end it."""
    with host.fork(faults, deny, throttle) as world:
        yield run_checks(world, *arguments)
