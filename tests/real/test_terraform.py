"""The sample's Terraform, as the real terraform binary sees it before and after it is applied."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.real import apply
from tests.real.apply import SAMPLE, STATE_BUCKET, AppliedWorld, ApplyError, apply_sample

pytestmark = pytest.mark.real


def nowhere(directory: Path) -> dict[str, str]:
    """An environment for what asks AWS nothing."""
    endpoint_url = "http://127.0.0.1:9"
    return AppliedWorld(endpoint_url, directory, apply.world_settings(endpoint_url, directory)).environment


def test_sample_is_formatted_and_valid(tmp_path: Path) -> None:
    directory = tmp_path / "terraform"
    directory.mkdir()
    for file in [*SAMPLE.glob("terraform/*.tf"), *SAMPLE.glob("terraform/.terraform.lock.hcl")]:
        (directory / file.name).write_bytes(file.read_bytes())
    (directory / "policies").symlink_to(SAMPLE / "terraform" / "policies")
    environment = nowhere(tmp_path)

    def terraform(*arguments: str) -> tuple[int, str]:
        result = apply.run_terraform(arguments, directory, environment, timeout_s=120)
        return result.returncode, result.stdout + result.stderr

    assert terraform("fmt", "-check", "-recursive", "-no-color") == (0, "")
    code, said = terraform("init", "-backend=false", "-input=false", "-lockfile=readonly", "-no-color")
    assert code == 0, said
    code, said = terraform("validate", "-json")
    assert (code, json.loads(said)["diagnostics"]) == (0, [])


def test_missing_terraform_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ApplyError) as e:
        apply_sample(tmp_path / "world")
    assert "terraform is not on the PATH" in str(e.value)
    assert "\n" not in str(e.value)


def test_failing_terraform_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text("resource {", encoding="utf-8")
    environment = nowhere(tmp_path)
    result = apply.run_terraform(("validate", "-no-color"), tmp_path, environment, timeout_s=60)
    with pytest.raises(
        ApplyError, match=r"^terraform validate failed: .*Unclosed|^terraform validate failed: .+$"
    ) as e:
        apply._demand(result, "validate")
    assert "\n" not in str(e.value)


def test_hanging_terraform_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "terraform"
    fake.write_text("#!/bin/sh\nsleep 60 & wait\n", encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    environment = nowhere(tmp_path)
    with pytest.raises(ApplyError, match="terraform apply did not end within 1 s"):
        apply.run_terraform(("apply",), tmp_path, environment, timeout_s=1)


def test_state_holds_no_password(applied_world: AppliedWorld) -> None:
    s3 = applied_world.client("s3")
    versions = s3.list_object_versions(Bucket=STATE_BUCKET)["Versions"]
    secret = applied_world.client("secretsmanager").get_secret_value(SecretId="ecommerce/dev/database")
    password = json.loads(secret["SecretString"])["password"]
    keys = {version["Key"] for version in versions}
    assert "ecommerce/dev/terraform.tfstate" in keys
    for version in versions:
        body = s3.get_object(Bucket=STATE_BUCKET, Key=version["Key"], VersionId=version["VersionId"])["Body"].read()
        assert password.encode() not in body


def test_state_is_unlocked_after_the_apply(applied_world: AppliedWorld) -> None:
    listed = applied_world.client("s3").list_objects_v2(Bucket=STATE_BUCKET)["Contents"]
    assert [o["Key"] for o in listed] == ["ecommerce/dev/terraform.tfstate"]


def test_outputs_are_the_documented_ones(applied_world: AppliedWorld) -> None:
    outputs = json.loads(applied_world.terraform("output", "-json").stdout)
    assert set(outputs) == {"alb_dns_name", "ecr_repository_urls", "db_endpoint"}
    assert {name for name, output in outputs.items() if output["sensitive"]} == {"db_endpoint"}
    assert set(outputs["ecr_repository_urls"]["value"]) == {"product", "order", "frontend"}


def test_network_is_what_the_target_says(applied_world: AppliedWorld) -> None:
    ec2 = applied_world.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.0.0.0/16"]}])["Vpcs"]
    here = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    subnets = {subnet["CidrBlock"] for subnet in ec2.describe_subnets(Filters=here)["Subnets"]}
    assert subnets == {f"10.0.{n}.0/24" for n in (1, 2, 3, 11, 12, 13)}
    assert len(ec2.describe_nat_gateways(Filter=here)["NatGateways"]) == 1
    groups = {g["GroupName"]: g for g in ec2.describe_security_groups(Filters=here)["SecurityGroups"]}
    ids = {name: group["GroupId"] for name, group in groups.items()}

    def admitted(name: str) -> set[tuple[int, int, str]]:
        rules = groups[name]["IpPermissions"]
        return {
            (rule["FromPort"], rule["ToPort"], source.get("GroupId") or source["CidrIp"])
            for rule in rules
            for source in [*rule["UserIdGroupPairs"], *rule["IpRanges"]]
        }

    assert admitted("ecommerce-dev-alb-sg") == {(80, 80, "0.0.0.0/0"), (443, 443, "0.0.0.0/0")}
    alb = ids["ecommerce-dev-alb-sg"]
    assert admitted("ecommerce-dev-ecs-sg") == {(8000, 8002, alb), (3000, 3000, alb)}
    assert admitted("ecommerce-dev-db-sg") == {(5432, 5432, ids["ecommerce-dev-ecs-sg"])}


def test_load_balancer_is_what_the_target_says(applied_world: AppliedWorld) -> None:
    elb = applied_world.client("elbv2")
    (balancer,) = elb.describe_load_balancers(Names=["ecommerce-dev-alb"])["LoadBalancers"]
    # Terraform leaves the scheme to AWS, whose default this is.
    assert balancer.get("Scheme", "internet-facing") == "internet-facing"
    groups = {g["TargetGroupArn"]: g for g in elb.describe_target_groups()["TargetGroups"]}
    assert {(g["TargetGroupName"], g["Port"]) for g in groups.values()} == {
        ("ecommerce-dev-product-service", 8000),
        ("ecommerce-dev-order-service", 8001),
        ("ecommerce-dev-frontend", 3000),
    }
    assert {(g["HealthCheckPath"], g["Matcher"]["HttpCode"], g["TargetType"]) for g in groups.values()} == {
        ("/health", "200-399", "ip")
    }
    (listener,) = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    rules = elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    routes = {
        tuple(value for condition in rule["Conditions"] for value in condition["PathPatternConfig"]["Values"]): groups[
            rule["Actions"][0]["TargetGroupArn"]
        ]["TargetGroupName"]
        for rule in rules
    }
    assert routes == {
        ("/products/*",): "ecommerce-dev-product-service",
        ("/orders/*",): "ecommerce-dev-order-service",
        (): "ecommerce-dev-frontend",
    }


def test_services_are_what_the_target_says(applied_world: AppliedWorld) -> None:
    ecs = applied_world.client("ecs")
    names = [f"ecommerce-dev-{name}" for name in ("product", "order", "frontend")]
    services = ecs.describe_services(cluster="ecommerce-dev-cluster", services=names)["services"]
    assert {s["serviceName"]: s["desiredCount"] for s in services} == dict.fromkeys(names, 1)
    containers = {}
    for service in services:
        definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
        assert definition["family"] == service["serviceName"]
        (container,) = definition["containerDefinitions"]
        assert container["portMappings"][0]["containerPort"] == service["loadBalancers"][0]["containerPort"]
        containers[container["name"]] = container
    assert {
        name: (
            c["portMappings"][0]["containerPort"],
            c["cpu"],
            c["memory"],
            c["logConfiguration"]["options"]["awslogs-group"],
        )
        for name, c in containers.items()
    } == {
        "product-service": (8000, 512, 1024, "/ecs/product-service"),
        "order-service": (8001, 512, 1024, "/ecs/order-service"),
        "frontend": (3000, 256, 512, "/ecs/frontend"),
    }
    variables = {name: {e["name"] for e in c["environment"]} for name, c in containers.items()}
    database = {"DB_HOST", "DB_PORT", "DB_NAME", "DB_USER"}
    assert variables == {
        "product-service": database,
        "order-service": database | {"PRODUCT_SERVICE_URL"},
        "frontend": {"PRODUCT_SERVICE_URL", "ORDER_SERVICE_URL"},
    }
    secret = applied_world.client("secretsmanager").describe_secret(SecretId="ecommerce/dev/database")["ARN"]
    secrets = {name: {s["name"]: s["valueFrom"] for s in c.get("secrets", [])} for name, c in containers.items()}
    from_secret = {"DB_PASSWORD": f"{secret}:password::"}
    assert secrets == {"product-service": from_secret, "order-service": from_secret, "frontend": {}}


def test_database_and_registries_are_what_the_target_says(applied_world: AppliedWorld) -> None:
    (database,) = applied_world.client("rds").describe_db_instances()["DBInstances"]
    assert database["DBInstanceIdentifier"] == "ecommerce-dev-db"
    assert (database["Engine"], database["EngineVersion"].split(".")[0]) == ("postgres", "15")
    assert (database["DBInstanceClass"], database["PubliclyAccessible"]) == ("db.t4g.micro", False)
    ecr = applied_world.client("ecr")
    repositories = ecr.describe_repositories()["repositories"]
    assert {r["repositoryName"] for r in repositories} == {
        f"ecommerce-dev-{name}" for name in ("product-service", "order-service", "frontend")
    }
    assert all(r["imageScanningConfiguration"]["scanOnPush"] for r in repositories)
    for repository in repositories:
        assert ecr.get_lifecycle_policy(repositoryName=repository["repositoryName"])["lifecyclePolicyText"]


def test_alarms_are_what_the_target_says(applied_world: AppliedWorld) -> None:
    alarms = applied_world.client("cloudwatch").describe_alarms()["MetricAlarms"]
    (topic,) = applied_world.client("sns").list_topics()["Topics"]
    assert topic["TopicArn"].endswith(":ecommerce-dev-alerts")
    assert all(a["AlarmActions"] == [topic["TopicArn"]] for a in alarms)
    assert sorted((a["Namespace"], a["MetricName"]) for a in alarms) == [
        ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"),
        ("AWS/Billing", "EstimatedCharges"),
        ("AWS/ECS", "CPUUtilization"),
        ("AWS/ECS", "CPUUtilization"),
        ("AWS/ECS", "CPUUtilization"),
        ("AWS/RDS", "CPUUtilization"),
    ]
