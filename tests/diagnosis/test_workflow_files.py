from __future__ import annotations

import pytest

from checks.diagnosis.workflow_files import builds_before_merge
from fixtures.model.source import Workflow

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
