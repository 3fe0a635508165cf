"""Whether the images that run can still be pulled, and what their scans found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import Service, TaskDefinition
from fixtures.model.images import ContainerImage

# Scan states in which ECR answers findings, and those that say that it never will.
_SCANNED = ("COMPLETE", "ACTIVE")
_NEVER = ("UNSUPPORTED_IMAGE", "IMAGE_ARCHIVED", "IMAGE_SIZE_EXCEEDED", "SCAN_ELIGIBILITY_EXPIRED")


def judge(service: Service, definition: TaskDefinition, images: Sequence[ContainerImage]) -> Verdict:
    """Every image of the running revision is in its repository: a task that is replaced must pull it again."""
    wrong = [(i, _problem(i)) for i in images if _problem(i)]
    first = wrong[0] if wrong else None
    return Verdict(
        ok=not wrong,
        resource=f"image/{first[0].reference.text}" if first else definition.arn,
        name=service.service,
        observed=f"container {first[0].container} of {definition.short}: {first[1]}"
        if first
        else "all images are there",
        expected="every image in its repository",
        evidence=tuple(f"{i.container}: {i.reference.text}: {why}" for i, why in wrong),
        related=(*service.related, *(f"repository/{i.reference.repository}" for i in images)),
        signs=("image",),
        likely_cause="it was never pushed, or a lifecycle policy deleted it" if wrong else "",
        names={
            "service": service.service,
            "repository": first[0].reference.repository if first else "",
            "revision": definition.short,
        },
    )


def _problem(image: ContainerImage) -> str:
    if not image.repository_exists:
        return f"repository {image.reference.repository} does not exist"
    if not image.found:
        return f"{image.reference.repository} has no {image.reference.digest or 'tag ' + image.reference.tag}"
    return "the image is archived" if image.archived else ""


def unscanned(scans: Mapping[str, Mapping[str, Any]]) -> str:
    """Why the findings of some image cannot be known yet, "" when all can."""
    waiting = [f"{c}: {s['status']}" for c, s in scans.items() if s["status"] not in (*_SCANNED, *_NEVER)]
    return ", ".join(waiting)


def scannable(scans: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Scans that have findings."""
    return {c: s for c, s in scans.items() if s["status"] in _SCANNED}


def judge_scan(service: Service, scans: Mapping[str, Mapping[str, Any]], severities: Sequence[str]) -> Verdict:
    """The images that run have no findings of the severities that the target does not accept."""
    bad = {c: {s: n for s, n in scan["counts"].items() if s in severities and n} for c, scan in scans.items()}
    found = {c: counts for c, counts in bad.items() if counts}
    told = "; ".join(f"{c}: {', '.join(f'{n} {s}' for s, n in counts.items())}" for c, counts in found.items())
    return Verdict(
        ok=not found,
        resource=service.arn,
        name=service.service,
        observed=f"vulnerabilities in what runs: {told}" if found else "no such findings",
        expected=f"no {' or '.join(severities)} findings",
        evidence=tuple(
            f"{c} {scans[c]['digest']}: {', '.join(scans[c].get('names', ())) or 'see the scan'}" for c in found
        ),
        related=service.related,
        names={"service": service.service},
    )
