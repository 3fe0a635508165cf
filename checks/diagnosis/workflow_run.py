"""The deploy workflow's last run: whether it succeeded, how far it came, and whether what it built is what runs."""

from __future__ import annotations

from collections.abc import Sequence

from checks.diagnosis.build_log import Failure, classify, telling_lines
from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import Service
from fixtures.model.github import Job, LastBuild, Release, WorkflowRun, commit_in

_UNKNOWN = Failure("unknown", "nothing in its log is known to this suite", signs=())
# What a step or job did not do at all.
_NOT_RUN = ("skipped", "cancelled", "")


def judge(build: LastBuild) -> Verdict:
    """The last finished run of the deploy workflow succeeded."""
    run = _run(build)
    failed = [j for j in build.jobs if j.failed]
    good = run.conclusion == "success"
    failure = _failure(run, failed)
    return Verdict(
        ok=good,
        resource=run.url or f"{build.repository}/actions/runs/{run.id}",
        name=run.name,
        observed="its last run succeeded" if good else f"its last run failed{_where(failed)}: {failure.what}",
        expected="a successful run",
        evidence=() if good else (_when(build), *(line for j in failed[:3] for line in _shown(j, len(failed) > 1))),
        likely_cause="" if good else failure.cause,
        severity="medium" if not good and failure.elsewhere else None,
        signs=() if good else failure.signs,
        related=("build",),
        names=_names(build),
    )


def _run(build: LastBuild) -> WorkflowRun:
    if build.run is None:
        raise ValueError("a build known from a log has no run")
    return build.run


def _failure(run: WorkflowRun, failed: Sequence[Job]) -> Failure:
    if run.conclusion == "startup_failure":
        return Failure(
            "the workflow file", "GitHub refuses the workflow file: it is not valid", signs=("configuration",)
        )
    if run.conclusion == "timed_out":
        return Failure("time", "a job ran out of time", elsewhere=True, signs=())
    said = classify(line for j in failed for line in j.lines)
    if said is None and failed and all(j.log_problem for j in failed):
        return Failure("its log cannot be read", "", signs=())
    return said or _UNKNOWN


def _where(failed: Sequence[Job]) -> str:
    """In which step of which jobs."""
    if not failed:
        return ""
    step = f" in step {failed[0].failed_step!r}" if failed[0].failed_step else ""
    jobs = f" of {failed[0].name!r}" if len(failed) == 1 else f" of {len(failed)} jobs"
    return f"{step}{jobs}"


def _when(build: LastBuild) -> str:
    run = _run(build)
    newer = "; a newer run is under way" if build.newer_is_running else ""
    return f"run {run.id} of {run.created_at:%Y-%m-%d %H:%M} UTC, commit {run.commit[:12]}{newer}"


def _shown(job: Job, several: bool) -> tuple[str, ...]:
    if job.log_problem:
        return (f"{job.name}: its log {job.log_problem.removeprefix('could not look: ')}",)
    head = (f"{job.name}, step {job.failed_step!r}:",) if several else ()
    return (*head, *telling_lines(job.lines))


def _names(build: LastBuild) -> dict[str, str]:
    run = _run(build)
    return {"run_url": run.url, "run_id": str(run.id), "github_repository": build.repository}


def scan_is_known(build: LastBuild, scan_step: str) -> bool | None:
    """Whether the run shows a scan.

    Returns:
        None where that cannot be told: jobs that never began have no steps.
    """
    if _never_began(build) or any(_scan_of(j, scan_step) is not None for j in build.jobs):
        return True
    return None if any(not j.steps for j in build.jobs) or not build.jobs else False


def _never_began(build: LastBuild) -> bool:
    """GitHub refused the workflow file, so the run has no jobs."""
    return _run(build).conclusion == "startup_failure" and not build.jobs


def _scan_of(job: Job, scan_step: str) -> str | None:
    """Conclusion of the job's scan; None where it has none."""
    wanted = scan_step.lower()
    found = next((s for s in job.steps if wanted in s.name.lower()), None)
    if found is not None:
        return found.conclusion
    return job.conclusion if wanted in job.name.lower() else None


def reached_scan(build: LastBuild, scan_step: str) -> Verdict:
    """A failing run got as far as the scan of its images; one that succeeded did."""
    run = _run(build)
    jobs = [j for j in build.jobs if _scan_of(j, scan_step) in _NOT_RUN]
    early = [j for j in jobs if j.failed] or jobs
    failed = [j for j in build.jobs if j.failed]
    before = (bool(early) and run.conclusion != "success") or _never_began(build)
    first = early[0] if early and early[0].failed else failed[0] if failed else None
    step = first.failed_step or first.name if first else "a job"
    more = f" ({len(early)} jobs)" if len(early) > 1 else ""
    return Verdict(
        ok=not before,
        resource=run.url or f"{build.repository}/actions/runs/{run.id}",
        name=run.name,
        observed=_how_far(build, f"failed in {step!r}, before the scan{more}") if before else _reached(run),
        expected=f"no failure before {scan_step!r}",
        evidence=tuple(f"{j.name}: {_path(j)}" for j in early or failed) if before else (),
        likely_cause="the images were neither scanned nor pushed: what runs is older" if before else "",
        related=("build",),
        names=_names(build),
    )


def _reached(run: WorkflowRun) -> str:
    """Which steps a successful run had is not asked."""
    return "it succeeded" if run.conclusion == "success" else "it reached the scan"


def _how_far(build: LastBuild, otherwise: str) -> str:
    return "it never began, so nothing was scanned" if _never_began(build) else f"it {otherwise}"


def _path(job: Job) -> str:
    return " → ".join(f"{s.name} ({s.conclusion or 'never began'})" for s in job.steps) or job.conclusion


# -- what runs ----------------------------------------------------------------------------------------------------


def deployed(service: Service, release: Release) -> Verdict:
    """A service runs the image of the commit that the deploy workflow last deployed."""
    running, run = commit_in(release.tag), release.run
    good = run.commit.startswith(running)
    there = "is in" if release.in_registry else "is not in"
    return Verdict(
        ok=good,
        resource=service.arn,
        name=service.service,
        observed=f"it runs commit {running}" + ("" if good else f"; {release.wanted_tag} {there} {release.repository}"),
        expected=f"commit {run.commit[: len(running)]}, which {run.name} last deployed",
        evidence=() if good else (f"run {run.id} of {run.created_at:%Y-%m-%d %H:%M} UTC succeeded: {run.url}",),
        likely_cause="" if good else _why_not(release),
        related=(*service.related, "build", f"repository/{release.repository}"),
        signs=("image",),
        names={
            "service": service.service,
            "repository": release.repository,
            "tag": release.wanted_tag,
            "run_url": run.url,
        },
    )


def _why_not(release: Release) -> str:
    if release.in_registry:
        return "it was rolled back, or deployed past the workflow"
    return "the workflow did not push the image, or a lifecycle policy deleted it"
