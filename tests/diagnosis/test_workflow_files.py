from __future__ import annotations

import pytest

from checks.diagnosis.workflow_files import builds_before_merge, scan_stops
from fixtures.errors import NotApplicable, Unavailable
from fixtures.model.source import Scan, Workflow

DEPLOY = Workflow(".github/workflows/deploy.yml", ("push",), ("docker build",))
CHECK = Workflow(".github/workflows/check.yml", ("push", "pull_request"), ("docker/build-push-action",))
LINT = Workflow(".github/workflows/lint.yml", ("pull_request",), ())
EVERY_BRANCH = Workflow(".github/workflows/build.yml", ("push",), ("docker build",), before_merge=True)
BROKEN = Workflow(".github/workflows/broken.yml", (), (), "line 3: tabs")


@pytest.mark.parametrize(
    ("workflows", "observed", "resource"),
    [
        ([CHECK], "builds images before the merge", CHECK.path),
        ([DEPLOY, CHECK], "builds images before the merge", CHECK.path),
        ([DEPLOY], "builds images only after the merge", DEPLOY.path),
        ([DEPLOY, EVERY_BRANCH], "builds images before the merge", EVERY_BRANCH.path),
        # A workflow for pull requests that builds no image finds no broken Dockerfile.
        ([DEPLOY, LINT], "builds images only after the merge", DEPLOY.path),
        ([LINT], "no workflow builds images", ".github/workflows"),
        ([], "no workflow builds images", ".github/workflows"),
        ([BROKEN], "no workflow builds images", ".github/workflows"),
    ],
)
def test_builds_before_the_merge(workflows: list[Workflow], observed: str, resource: str) -> None:
    verdict = builds_before_merge(workflows)
    assert (verdict.ok, verdict.observed, verdict.resource) == (
        observed.endswith("before the merge"),
        observed,
        resource,
    )


@pytest.mark.parametrize(
    ("event", "early"),
    [
        ("pull_request", True), ("pull_request_target", True), ("merge_group", True), ("push", False),
        ("workflow_dispatch", False), ("pull_request_review", False),
    ],
)  # fmt: skip
def test_events_before_the_merge(event: str, early: bool) -> None:
    assert bool(builds_before_merge([Workflow("w.yml", (event,), ("docker build",))])) is early


def test_evidence_and_places() -> None:
    verdict = builds_before_merge([DEPLOY, BROKEN, Workflow("w.yml", (), ("docker build",))])
    assert verdict.evidence == (
        ".github/workflows/deploy.yml: docker build on push",
        "w.yml: docker build on nothing",
        ".github/workflows/broken.yml: cannot be read: line 3: tabs",
    )
    assert verdict.locations == (".github/workflows/deploy.yml:1", "w.yml:1")
    assert verdict.names == {"workflow": "deploy.yml"}
    assert builds_before_merge([CHECK, DEPLOY]).locations == ()
    assert builds_before_merge([]).names == {}


STOPS = Scan("deploy", "Trivy scan", "Trivy")
PASSES = Scan("deploy", "Report", "Trivy", "its exit code is 0 whatever it finds")


def deploying(*scans: Scan, calls: tuple[str, ...] = (), builds: tuple[str, ...] = ("docker build",)) -> Workflow:
    return Workflow(DEPLOY.path, ("push",), builds, scans=scans, calls=calls)


def other(*scans: Scan, builds: tuple[str, ...] = ()) -> Workflow:
    return Workflow(CHECK.path, ("push",), builds, scans=scans)


@pytest.mark.parametrize(
    ("workflows", "stops", "observed"),
    [
        ([deploying(STOPS)], True, "what it finds stops the job"),
        ([deploying(PASSES, STOPS)], True, "step 'Trivy scan'"),
        ([deploying(PASSES)], False, "job 'deploy' scans with Trivy in step 'Report': its exit code is 0"),
        ([deploying()], False, "no step scans"),
        # A scan in a workflow of its own neither stops this one, nor sees its images.
        ([deploying(), other(STOPS)], False, "no step scans"),
        ([deploying(calls=(CHECK.path,)), other(STOPS)], True, "what it finds stops the job"),
        ([deploying(builds=()), other(STOPS, builds=("docker build",))], True, "what it finds stops the job"),
        ([deploying(builds=()), other(builds=("docker build",))], False, "no step scans"),
    ],
)
def test_a_scan_stops_what_it_is_in(workflows: list[Workflow], stops: bool, observed: str) -> None:
    verdict = scan_stops(workflows, "deploy.yml")
    assert verdict.ok is stops
    assert observed in verdict.observed
    assert bool(verdict.locations) is not stops


@pytest.mark.parametrize("calls", ["org/shared/.github/workflows/build.yml@v1", ".github/actions/scan"])
def test_what_is_elsewhere_may_scan(calls: str) -> None:
    for builds in ((), ("docker build",)):
        with pytest.raises(NotApplicable, match=calls):
            scan_stops([deploying(builds=builds, calls=(calls,))], "deploy.yml")


def test_nothing_to_scan_and_nothing_to_read() -> None:
    with pytest.raises(NotApplicable, match="builds images"):
        scan_stops([LINT], "deploy.yml")
    with pytest.raises(Unavailable, match="tabs"):
        scan_stops([BROKEN], "broken.yml")
