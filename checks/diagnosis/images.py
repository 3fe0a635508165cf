"""Whether the images that run can still be pulled, and what their scans found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import Service, TaskDefinition
from fixtures.model.images import ContainerImage

# Scan states in which ECR answers findings, and those that say that it never will.
_SCANNED = ("COMPLETE", "ACTIVE")
# ECR knows the image and has no scan of it: nobody asked for one, and none will come by itself.
_NOT_SCANNED = "NOT_SCANNED"
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
    waiting = [f"{c}: {s['status']}" for c, s in scans.items() if s["status"] not in (*_SCANNED, _NOT_SCANNED, *_NEVER)]
    return ", ".join(waiting)


def scannable(scans: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Scans that have findings, or would have them, had anybody asked for a scan."""
    return {c: s for c, s in scans.items() if s["status"] in (*_SCANNED, _NOT_SCANNED)}


def judge_scan(service: Service, scans: Mapping[str, Mapping[str, Any]], severities: Sequence[str]) -> Verdict:
    """The images that run have no findings of the severities that the target does not accept.

    Milder: ECR does not scan them; something else may.
    """
    missing = [c for c, scan in scans.items() if scan["status"] == _NOT_SCANNED]
    bad = {c: {s: n for s, n in scan["counts"].items() if s in severities and n} for c, scan in scans.items()}
    found = {c: counts for c, counts in bad.items() if counts}
    told = "; ".join(f"{c}: {', '.join(f'{n} {s}' for s, n in counts.items())}" for c, counts in found.items())
    return Verdict(
        ok=not (found or missing),
        resource=service.arn,
        name=service.service,
        observed=_of_scans(told, missing),
        expected=f"no {' or '.join(severities)} findings{' of a scan, here or in CI' if missing else ''}",
        evidence=tuple(
            f"{c} {scans[c]['digest']}: {', '.join(scans[c].get('names', ())) or 'see the scan'}" for c in found
        ),
        severity="medium" if missing and not found else None,
        related=service.related,
        names={"service": service.service},
    )


def _of_scans(told: str, missing: Sequence[str]) -> str:
    if told:
        return f"vulnerabilities in what runs: {told}"
    if missing:
        why = "its repository does not scan on push, or did not then"
        return f"ECR has no scan of what runs in {', '.join(missing)}: {why}"
    return "no such findings"
