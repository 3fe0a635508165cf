"""GitHub Actions workflows: whether images are built before they are wanted."""

from __future__ import annotations

from collections.abc import Sequence

from checks.diagnosis.verdict import Verdict
from fixtures.model.source import Workflow

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
