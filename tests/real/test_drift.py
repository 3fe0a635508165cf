"""What the suite says of changes behind Terraform's back, in an environment that the real terraform has applied."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from checks.diagnosis import plan as plans
from checks.diagnosis import refused_configuration
from fixtures.aws import Aws, Connection
from fixtures.gather import Gatherer, Options, closure, operations
from fixtures.model.terraform import Plan, Source
from fixtures.run import load_facts
from fixtures.target import load_target
from tests.real.apply import REGION, STATE_BUCKET, AppliedWorld

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("running_provider")]

WANTED = ("terraform_plan", "terraform_source", "terraform_configuration", "state_locks", "terraform_validation")
GROUP = "/ecs/order-service"


@contextmanager
def gathered(world: AppliedWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gatherer]:
    """Facts about the applied world, gathered in this process as in live mode."""
    load_facts()
    for name, value in world.settings.items():
        monkeypatch.setenv(name, value)
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    aws = Aws(Connection(region=REGION, endpoint_url=world.endpoint_url, credentials=keys), operations(closure(WANTED)))
    gatherer = Gatherer(aws, load_target("ecommerce-dev"), dt.datetime.now(dt.UTC), Options(source=str(world.workdir)))
    try:
        yield gatherer
    finally:
        gatherer.close()


def planned(world: AppliedWorld, monkeypatch: pytest.MonkeyPatch) -> tuple[Plan, Source]:
    with gathered(world, monkeypatch) as gatherer:
        return gatherer.get("terraform_plan"), gatherer.get("terraform_source")


def kept(world: AppliedWorld) -> Any:
    """What must not change by looking: the state's versions, and every file of the repository."""
    versions = world.client("s3").list_object_versions(Bucket=STATE_BUCKET)["Versions"]
    files = {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in Path(world.workdir).rglob("*") if p.is_file()}
    return [(v["Key"], v["VersionId"]) for v in versions], files


def test_what_was_applied_has_neither_drift_nor_waiting_code(
    applied_world: AppliedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept(applied_world)
    with gathered(applied_world, monkeypatch) as gatherer:
        plan, source = gatherer.get("terraform_plan"), gatherer.get("terraform_source")
        configuration = gatherer.get("terraform_configuration")
        assert gatherer.get("terraform_validation").valid
        assert gatherer.get("state_locks").locks == ()

    assert plan.in_state > 50
    assert plans.has_no_drift(plan, source).ok, plans.has_no_drift(plan, source)
    assert plans.is_applied(plan, source).ok, plans.is_applied(plan, source)
    assert configuration.origin == "a plan against the state"
    assert refused_configuration.is_accepted(configuration, source).ok
    assert "any-value-will-do" not in repr(plan)
    assert kept(applied_world) == before


def test_console_edits_are_drift_with_old_and_new(applied_world: AppliedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    logs, ec2 = applied_world.client("logs"), applied_world.client("ec2")
    named = [{"Name": "group-name", "Values": ["ecommerce-dev-alb-sg"]}]
    (group,) = ec2.describe_security_groups(Filters=named)["SecurityGroups"]
    opened = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "203.0.113.9/32"}]}]
    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=opened)
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=3)
    try:
        plan, source = planned(applied_world, monkeypatch)
    finally:
        ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=opened)
        logs.put_retention_policy(logGroupName=GROUP, retentionInDays=30)

    verdict = plans.has_no_drift(plan, source)
    assert (verdict.ok, verdict.severity) == (False, None)
    assert 'aws_cloudwatch_log_group.service["order"]: retention_in_days: 30 → 3' in verdict.evidence
    added = [line for line in verdict.evidence if line.startswith("aws_security_group.alb: ingress: added")]
    assert len(added) == 1
    assert '"203.0.113.9/32"' in added[0]
    assert group["GroupId"] in verdict.related
    assert plans.is_applied(plan, source).ok, "undoing drift is not code that waits"


def test_code_that_was_merged_and_not_applied_is_no_drift(
    applied_world: AppliedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(applied_world.workdir) / "terraform" / "monitoring.tf"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("retention_in_days = 30", "retention_in_days = 90"), encoding="utf-8")
    try:
        plan, source = planned(applied_world, monkeypatch)
    finally:
        file.write_text(text, encoding="utf-8")

    assert plans.has_no_drift(plan, source).ok
    verdict = plans.is_applied(plan, source)
    assert not verdict.ok
    assert 'aws_cloudwatch_log_group.service["order"]: retention_in_days: 30 → 90' in verdict.evidence
    assert verdict.locations[0].startswith("terraform/monitoring.tf:")


def test_what_was_deleted_by_hand_is_drift(applied_world: AppliedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    cloudwatch = applied_world.client("cloudwatch")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["ecommerce-dev-rds-cpu-high"])["MetricAlarms"]
    arn = alarm["AlarmArn"]
    tags = cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]
    accepted = cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
    cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"]])
    try:
        plan, source = planned(applied_world, monkeypatch)
    finally:
        cloudwatch.put_metric_alarm(**{k: v for k, v in alarm.items() if k in accepted}, Tags=tags)

    verdict = plans.has_no_drift(plan, source)
    assert verdict.observed == "aws_cloudwatch_metric_alarm.rds_cpu was deleted outside Terraform"
    assert plans.is_applied(plan, source).ok
