"""GitHub Actions workflows: whether images are built before they are wanted, and scanned before they are pushed."""

from __future__ import annotations

from collections.abc import Sequence

from checks.diagnosis.verdict import Verdict
from fixtures.errors import NotApplicable, Unavailable
from fixtures.model.source import Scan, Workflow

_EARLY = ("pull_request", "pull_request_target", "merge_group")


def builds_before_merge(workflows: Sequence[Workflow]) -> Verdict:
    """Some workflow builds the images of a pull request, before a broken Dockerfile reaches the deploy branch."""
    building = [w for w in workflows if w.builds]
    early = [w for w in building if w.before_merge or set(w.events) & set(_EARLY)]
    shown = next(iter((*early, *building)), None)
    broken = [w for w in workflows if w.problem]
    return Verdict(
        ok=bool(early),
        resource=shown.path if shown else ".github/workflows",
        observed=_observed(early, building),
        expected="a workflow that builds the images of a pull request",
        evidence=(
            *(f"{w.path}: {', '.join(w.builds)} on {', '.join(w.events) or 'nothing'}" for w in building),
            *(f"{w.path}: cannot be read: {w.problem}" for w in broken),
        ),
        locations=tuple(f"{w.path}:1" for w in building if not early),
        related=("build",),
        names={"workflow": building[0].path.rpartition("/")[2]} if building else {},
    )


def _observed(early: Sequence[Workflow], building: Sequence[Workflow]) -> str:
    if early:
        return "builds images before the merge"
    return "builds images only after the merge" if building else "no workflow builds images"


def scan_stops(workflows: Sequence[Workflow], deploying: str) -> Verdict:
    """Where the deploy workflow builds images, a scan that finds something stops it.

    Where it builds none, the workflows that do are looked at instead.

    Args:
        deploying: file name of the deploy workflow.

    Raises:
        NotApplicable: nothing here builds images, or what does is not all in this repository's workflows.
        Unavailable: a file is no YAML.
    """
    own, unread = _with_called([w for w in workflows if w.path.rpartition("/")[2] == deploying], workflows)
    broken = next((w for w in own if w.problem), None)
    if broken is not None:
        raise Unavailable("the workflows", "incomplete", f"{broken.path}: {broken.problem}")
    if not any(w.builds for w in own):
        own, more = _with_called([w for w in workflows if w.builds], workflows)
        unread = [*unread, *more]
    scans = [(w, s) for w in own for s in w.scans]
    stopping = [(w, s) for w, s in scans if not s.lets_pass]
    if not stopping and unread:
        raise NotApplicable(f"what {', '.join(dict.fromkeys(unread))} does is not read")
    if not own:
        raise NotApplicable("no workflow of the repository builds images")
    shown, observed = next(((w, _outcome(s)) for w, s in stopping or scans), (own[0], "no step scans its images"))
    return Verdict(
        ok=bool(stopping),
        resource=shown.path,
        observed=observed,
        expected="a scan that fails the job, such as Trivy's with exit code 1",
        evidence=tuple(f"{w.path}: {s.job}, {s.step}: {s.lets_pass or 'stops the job'}" for w, s in scans),
        locations=() if stopping else (f"{shown.path}:1",),
        related=("build",),
        names={"workflow": shown.path.rpartition("/")[2]},
    )


def _outcome(scan: Scan) -> str:
    said = scan.lets_pass or "what it finds stops the job"
    return f"job {scan.job!r} scans with {scan.tool} in step {scan.step!r}: {said}"


def _with_called(first: Sequence[Workflow], workflows: Sequence[Workflow]) -> tuple[list[Workflow], list[str]]:
    """Workflows with those that they call, and what they use that is no workflow of this repository."""
    by_path = {w.path: w for w in workflows}
    reached = list(first)
    for one in reached:
        reached.extend(by_path[c] for c in one.calls if c in by_path and by_path[c] not in reached)
    return reached, [c for one in reached for c in one.calls if c not in by_path]
