"""GitHub Actions workflows: whether images are built before they are wanted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from checks.diagnosis.verdict import Verdict
from fixtures.model.source import Workflow

_BUILDS = re.compile(r"docker(?:\s+buildx)?\s+build|docker/build-push-action|docker compose build", re.IGNORECASE)
_EARLY = re.compile(r"^\s*(?:-\s*)?[\"']?pull_request[\"']?\s*(?::|$)|\bon:\s*\[[^\]]*pull_request", re.MULTILINE)


def builds_before_merge(workflows: Sequence[Workflow], source: str) -> Verdict:
    """Some workflow builds the images of a pull request, before a broken Dockerfile reaches the deploy branch."""
    building = [w for w in workflows if _BUILDS.search(w.text)]
    early = [w for w in building if _EARLY.search(w.text)]
    return Verdict(
        ok=bool(early),
        resource=building[0].path if building else ".github/workflows",
        name=building[0].path if building else source,
        observed=f"{early[0].path} builds pull requests"
        if early
        else f"{building[0].path} builds images only after the merge"
        if building
        else "no workflow builds images",
        expected="a workflow that builds images for pull_request",
        evidence=tuple(w.path for w in workflows),
        locations=tuple(f"{w.path}:1" for w in building if not early),
        related=("build",),
        names={"workflow": building[0].path if building else "deploy.yml"},
    )
