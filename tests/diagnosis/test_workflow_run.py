from __future__ import annotations

import pytest
from msgspec import structs

from checks.diagnosis import workflow_run
from fixtures.model.github import Job, LastBuild, Release, Step, WorkflowRun
from tests.diagnosis.facts import ago, service

COMMIT = "3f2a9c1d7b603f2a9c1d7b603f2a9c1d7b603f2a"
RUN = WorkflowRun(7, "Deploy", "https://github.com/shop/app/actions/runs/7", COMMIT, "failure", ago(60))
GOOD = structs.replace(RUN, conclusion="success")
LINES = ("RUN pip install", "ERROR: No matching distribution found for flask==99.9.9")


def job(*steps: tuple[str, str], name: str = "build", conclusion: str = "failure", **changes: object) -> Job:
    return Job(name, conclusion, tuple(Step(*s) for s in steps), **changes)  # type: ignore[arg-type]


def build(*jobs: Job, run: WorkflowRun = RUN, newer: bool = False) -> LastBuild:
    return LastBuild(run, "shop/app", jobs, newer_is_running=newer)


FAILED = job(("checkout", "success"), ("build", "failure"), ("Trivy scan", "skipped"), lines=LINES)


@pytest.mark.parametrize(
    ("given", "observed", "severity"),
    [
        (build(run=GOOD), "its last run succeeded", None),
        (build(FAILED), "its last run failed in step 'build' of 'build': dependency version", None),
        (
            build(FAILED, structs.replace(FAILED, name="web")),
            "its last run failed in step 'build' of 2 jobs: dependency version",
            None,
        ),
        # A job that succeeded besides says nothing.
        (
            build(job(name="lint", conclusion="success"), FAILED),
            "its last run failed in step 'build' of 'build': dependency version",
            None,
        ),
        (build(job(lines=("no such host",))), "its last run failed of 'build': network", "medium"),
        (build(job(lines=("fine",))), "its last run failed of 'build': unknown", None),
        (build(), "its last run failed: unknown", None),
        (
            build(job(log_problem="could not look: is gone")),
            "its last run failed of 'build': its log cannot be read",
            None,
        ),
        (
            build(run=structs.replace(RUN, conclusion="startup_failure")),
            "its last run failed: the workflow file",
            None,
        ),
        (
            build(FAILED, run=structs.replace(RUN, conclusion="timed_out")),
            "its last run failed in step 'build' of 'build': time",
            "medium",
        ),
    ],
)
def test_last_run(given: LastBuild, observed: str, severity: str | None) -> None:
    verdict = workflow_run.judge(given)
    assert (verdict.observed, verdict.severity) == (observed, severity)
    assert verdict.ok is observed.endswith("succeeded")
    assert verdict.names == {"run_url": RUN.url, "run_id": "7", "github_repository": "shop/app"}


def test_evidence_of_a_failed_run() -> None:
    verdict = workflow_run.judge(build(FAILED, newer=True))
    assert verdict.evidence == ("run 7 of 2026-03-02 11:00 UTC, commit 3f2a9c1d7b60; a newer run is under way", *LINES)
    blind = job(name="web", log_problem="could not look: is gone")
    several = workflow_run.judge(build(FAILED, blind))
    assert several.evidence == (
        "run 7 of 2026-03-02 11:00 UTC, commit 3f2a9c1d7b60",
        "build, step 'build':",
        *LINES,
        "web: its log is gone",
    )
    assert workflow_run.judge(build(run=GOOD)).evidence == ()


def test_a_log_file_has_no_run() -> None:
    with pytest.raises(ValueError, match="has no run"):
        workflow_run.judge(LastBuild(None, log="build.txt"))


def test_a_run_without_an_address() -> None:
    verdict = workflow_run.judge(build(run=structs.replace(GOOD, url="")))
    assert verdict.resource == "shop/app/actions/runs/7"


STARTUP = structs.replace(RUN, conclusion="startup_failure")


@pytest.mark.parametrize(
    ("given", "known"),
    [
        (build(FAILED), True),
        (build(job(("build", "failure"))), False),
        (build(job(name="trivy scan", conclusion="skipped")), True),
        # Jobs that never began list no steps; the scan may be one of theirs.
        (build(job(("build", "failure")), job(name="push", conclusion="skipped")), None),
        (build(), None),
        (build(run=STARTUP), True),
    ],
)
def test_whether_a_scan_is_known(given: LastBuild, known: bool | None) -> None:
    assert workflow_run.scan_is_known(given, "Trivy") is known


@pytest.mark.parametrize(
    ("given", "observed"),
    [
        (build(FAILED), "it failed in 'build', before the scan"),
        # The scan itself found something: it was reached.
        (build(job(("build", "success"), ("Trivy scan", "failure"))), "it reached the scan"),
        (build(job(("Trivy scan", "success"), ("push", "failure"))), "it reached the scan"),
        # A scan that is left out of a run that succeeded is left out on purpose.
        (build(job(("Trivy scan", "skipped"), conclusion="success"), run=GOOD), "it succeeded"),
        (build(job(("build", "failure"), ("trivy", "cancelled"))), "it failed in 'build', before the scan"),
        (build(job(("build", "failure"), ("trivy", ""))), "it failed in 'build', before the scan"),
        # The scan is a job of its own, skipped because another one failed.
        (
            build(job(("test", "failure"), name="test"), job(name="Trivy", conclusion="skipped")),
            "it failed in 'test', before the scan",
        ),
        (build(FAILED, structs.replace(FAILED, name="web")), "it failed in 'build', before the scan (2 jobs)"),
        (build(run=STARTUP), "it never began, so nothing was scanned"),
    ],
)
def test_before_the_scan(given: LastBuild, observed: str) -> None:
    verdict = workflow_run.reached_scan(given, "Trivy")
    assert (verdict.ok, verdict.observed) == (observed in ("it reached the scan", "it succeeded"), observed)
    assert bool(verdict.likely_cause) is not verdict.ok


def test_the_way_of_a_job() -> None:
    verdict = workflow_run.reached_scan(build(FAILED), "trivy")
    assert verdict.evidence == ("build: checkout (success) → build (failure) → Trivy scan (skipped)",)
    assert verdict.expected == "no failure before 'trivy'"
    unfinished = workflow_run.reached_scan(build(job(("build", "failure"), ("trivy", ""))), "trivy")
    assert unfinished.evidence == ("build: build (failure) → trivy (never began)",)


@pytest.mark.parametrize(
    ("tag", "in_registry", "ok", "observed", "cause"),
    [
        ("3f2a9c1d7b60", True, True, "it runs commit 3f2a9c1d7b60", ""),
        ("main-3f2a9c1", True, True, "it runs commit 3f2a9c1", ""),
        (
            "main-aaaaaaa",
            True,
            False,
            "it runs commit aaaaaaa; main-3f2a9c1 is in web",
            "it was rolled back, or deployed past the workflow",
        ),
        (
            "main-aaaaaaa",
            False,
            False,
            "it runs commit aaaaaaa; main-3f2a9c1 is not in web",
            "the workflow did not push the image, or a lifecycle policy deleted it",
        ),
    ],
)
def test_what_runs(tag: str, in_registry: bool, ok: bool, observed: str, cause: str) -> None:
    verdict = workflow_run.deployed(service(), Release("web", tag, GOOD, in_registry))
    assert (verdict.ok, verdict.observed, verdict.likely_cause) == (ok, observed, cause)
    assert bool(verdict.evidence) is not ok
    assert verdict.expected.endswith(", which Deploy last deployed")
    assert "repository/web" in verdict.related
