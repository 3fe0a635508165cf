"""What Terraform's code does to a service that others change, too: autoscaling its count, deployments its revision.

Terraform sets every argument that its code gives unless ``lifecycle.ignore_changes`` names it; ``desired_count`` it
sets to 0 where the code leaves it out (AWS provider, resource ``aws_ecs_service``).
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import Service
from fixtures.model.latency import Scaling
from fixtures.model.terraform import Resource

_TYPE = "aws_ecs_service"


def block_of(service: Service, resources: Sequence[Resource]) -> Resource | None:
    """The resource block that makes a service; None where none does, or where several might.

    Names are mostly put together from expressions: of the blocks whose name may be the service's, the one that says
    most of it in plain letters counts.
    """
    blocks = [r for r in resources if r.type == _TYPE and fnmatchcase(service.service, r.pattern)]
    plain = {r.address: len(r.pattern.replace("*", "")) for r in blocks}
    most = max(plain.values(), default=0)
    best = [r for r in blocks if plain[r.address] == most]
    return best[0] if len(best) == 1 else None


def ignores(block: Resource, argument: str) -> bool:
    """Whether Terraform leaves an argument alone once the resource is made."""
    return argument in block.ignored or "all" in block.ignored


def keeps_count(service: Service, scaling: Scaling, block: Resource) -> Verdict:
    """An apply does not set back how many tasks autoscaling has decided on."""
    ok = ignores(block, "desired_count")
    said = block.values.get("desired_count")
    if "desired_count" not in block.given:
        how = "leaves desired_count out, which means 0"
    else:
        how = f"sets desired_count{f' = {said}' if said is not None else ''}"
    where = block.location or block.address
    between = f"autoscaling keeps it between {scaling.minimum} and {scaling.maximum}, now {service.desired}"
    return Verdict(
        ok=ok,
        resource=service.arn,
        name=service.service,
        observed=f"{where} {how} and does not ignore changes of it, while {between}"
        if not ok
        else f"{where} leaves desired_count to autoscaling",
        expected="desired_count in lifecycle.ignore_changes of a service that scales",
        evidence=(
            f"{block.address}: ignore_changes = [{', '.join(block.ignored)}]",
            *(f"policy {p.name}: {p.metric or p.kind}" for p in scaling.policies),
        ),
        related=service.related,
        signs=("configuration", "capacity"),
        names={"service": service.service, "cluster": service.cluster},
        likely_cause="" if ok else "the next apply takes away tasks in the middle of the load that called for them",
        locations=(block.location,) if block.location and not ok else (),
    )
