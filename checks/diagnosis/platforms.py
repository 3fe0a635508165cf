"""Whether images were built for the machines that tasks run on: if not, every start ends in ``exec format error``."""

from __future__ import annotations

from collections.abc import Sequence

from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import Service, TaskDefinition
from fixtures.model.platforms import ImagePlatforms


def fit(service: Service, definition: TaskDefinition, images: Sequence[ImagePlatforms]) -> Verdict:
    """Every image was built for the platform of the revision's ``runtimePlatform``."""
    platform = definition.platform
    wrong = [i for i in images if i.platforms and platform not in i.platforms]
    first = wrong[0] if wrong else None
    said = f"{definition.operating_system}/{definition.cpu_architecture}"
    return Verdict(
        ok=not wrong,
        resource=f"image/{first.image}" if first else definition.arn,
        name=service.service,
        observed=f"the image of {first.container} is for {' and '.join(first.platforms)}, "
        f"while {definition.short} runs on {said}"
        if first
        else f"all images are for {platform}, or run on it",
        expected=f"an image for {platform}",
        evidence=tuple(
            f"{i.container}: {i.image} {'is an index for' if i.index else 'is for'} {', '.join(i.platforms)}"
            for i in wrong
        ),
        related=(*service.related, *(f"image/{i.image}" for i in images)),
        signs=("image", "crash"),
        names={
            "service": service.service,
            "cluster": service.cluster,
            "family": definition.family,
            "revision": definition.short,
            "platform": platform,
            "container": first.container if first else "",
            "image": first.image if first else "",
        },
        likely_cause="it was built on another kind of machine; tasks end with exec format error" if first else "",
    )
