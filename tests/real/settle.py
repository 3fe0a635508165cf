"""What happens by itself once Terraform has built the environment: the first deployment, and some days of use.

Terraform's work is left as it is. Added are the images that the deploy workflow pushes, what ECS does with a
service (tasks with network interfaces, registered targets, a completed deployment), logs, metrics and a bill.
"""

from __future__ import annotations

import hashlib
import json
import math

from fixtures.sandbox import world
from fixtures.sandbox.state import SERVICES, Sandbox
from tests.real.writes import _KEPT

# The tasks may not be older than the secret that they started with, and that is as old as the apply.
TASK_AGE_MIN = 0.5
_MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


def settle(sandbox: Sandbox) -> None:
    """Let an applied environment come into use."""
    for service in SERVICES:
        _push_image(sandbox, service)
        _deploy(sandbox, service)
    _confirm_alarms(sandbox)
    world._healthy_lines(sandbox)
    world._metrics(sandbox)
    for day in range(46):
        # Today has only begun.
        share = 0.1 if day == 0 else 1 + 0.05 * math.sin(day)
        for service, usd in world._DAILY_USD.items():
            sandbox.spend(day, service, round(usd * share, 4))


def _push_image(sandbox: Sandbox, service: str) -> None:
    definition = sandbox.task_definition(sandbox.described(service)["taskDefinition"])
    image = definition["containerDefinitions"][0]["image"]
    repository, _, tag = image.rpartition("/")[2].partition(":")
    pushed = sandbox.client("ecr").put_image(
        repositoryName=repository,
        imageTag=tag,
        imageManifest=_manifest(repository),
        imageManifestMediaType=_MANIFEST_TYPE,
    )
    digest = pushed["image"]["imageId"]["imageDigest"]
    sandbox.overlay.scan_findings[repository, digest] = {"status": "COMPLETE", "counts": {"LOW": 3}}


def _manifest(repository: str) -> str:
    digest = "sha256:" + hashlib.sha256(repository.encode()).hexdigest()
    config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 7023, "digest": digest}
    return json.dumps({"schemaVersion": 2, "mediaType": _MANIFEST_TYPE, "config": config, "layers": []})


def _deploy(sandbox: Sandbox, service: str) -> None:
    """The sandbox's own deployment, without the days of history that this service does not have."""
    asked = {k: v for k, v in sandbox.service(service).items() if k in _KEPT}
    definition = sandbox.described(service)["taskDefinition"]
    world.settle(sandbox, service, definition, days_ago=TASK_AGE_MIN / 60 / 24)
    overlay = sandbox.service(service)
    overlay.update(asked)
    born = overlay["createdAt"]
    now = sandbox.now
    own = [e for e in overlay["events"] if e["createdAt"] >= born]
    # This deployment took seconds, where the sandbox's took minutes.
    overlay["events"] = [{**e, "createdAt": min(e["createdAt"], now)} for e in own]
    overlay["deployments"][0]["updatedAt"] = now
    sandbox.service_event(service, "has reached a steady state.", 0)


def _confirm_alarms(sandbox: Sandbox) -> None:
    cloudwatch = sandbox.client("cloudwatch")
    for alarm in cloudwatch.describe_alarms()["MetricAlarms"]:
        cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue="OK", StateReason="within the threshold")
