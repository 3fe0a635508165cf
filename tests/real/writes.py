"""What Terraform writes and moto forgets: without these a plan right after the apply would show differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fixtures.sandbox.gaps import answering

if TYPE_CHECKING:
    from fixtures.sandbox.state import Sandbox

# Fields of a service that moto accepts and drops; the fixed ones are AWS's defaults.
_DEFAULTS = {
    "availabilityZoneRebalancing": "DISABLED",
    "enableExecuteCommand": False,
    "healthCheckGracePeriodSeconds": 0,
}
_KEPT = (*_DEFAULTS, "deploymentConfiguration")


def load() -> None:
    """Importing this module registers its answers; this names what the import is for."""


@answering("ecs:CreateService")
def create_service(sandbox: Sandbox, parameters: dict[str, Any]) -> dict[str, Any]:
    """A new service with everything that was asked for."""
    asked = _DEFAULTS | {k: parameters[k] for k in _KEPT if k in parameters}
    answer = sandbox.moto("ecs:CreateService", parameters)
    sandbox.service(parameters["serviceName"]).update(asked)
    return {"service": answer["service"] | asked}


@answering("ecs:UpdateService")
def update_service(sandbox: Sandbox, parameters: dict[str, Any]) -> dict[str, Any]:
    """The same for a change."""
    asked = {k: parameters[k] for k in _KEPT if k in parameters}
    answer = sandbox.moto("ecs:UpdateService", parameters)
    overlay = sandbox.service(answer["service"]["serviceName"])
    overlay.update(asked)
    return {"service": answer["service"] | overlay}


@answering("rds:DescribeDBParameters")
def describe_db_parameters(sandbox: Sandbox, parameters: dict[str, Any]) -> dict[str, Any]:
    """moto knows those parameters only that somebody has set."""
    answer = sandbox.moto("rds:DescribeDBParameters", parameters)
    for one in answer["Parameters"]:
        one["Source"] = "user"
    return answer


@answering("elbv2:CreateLoadBalancer")
def create_load_balancer(sandbox: Sandbox, parameters: dict[str, Any]) -> dict[str, Any]:
    """A load balancer faces the internet unless told otherwise."""
    return sandbox.moto("elbv2:CreateLoadBalancer", {"Scheme": "internet-facing", **parameters})
