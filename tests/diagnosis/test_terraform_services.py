"""Autoscaling and deployments against Terraform's code."""

from __future__ import annotations

import pytest

from checks.diagnosis import terraform_services
from fixtures.model.latency import Scaling
from fixtures.model.terraform import Resource
from tests.diagnosis.facts import service

SCALING = Scaling(1, 4, False, False, (), ())


def block(name: str = "shop-web", ignored: tuple[str, ...] = (), **values: object) -> Resource:
    given = ("name", *values)
    return Resource(f"aws_ecs_service.{name}", "aws_ecs_service", values, "ecs.tf:7", given, ignored, name)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (("shop-web",), "shop-web"),
        (("*",), "*"),
        (("*-*", "shop-*"), "shop-*"),
        (("*", "shop-web"), "shop-web"),
        (("shop-api",), None),
        (("*-web", "shop*"), None),
        ((), None),
    ],
)
def test_the_block_that_says_most_of_the_name(patterns: tuple[str, ...], expected: str | None) -> None:
    found = terraform_services.block_of(service(), [block(p) for p in patterns])

    assert (found.pattern if found else None) == expected


def test_other_resources_are_no_services() -> None:
    other = Resource("aws_ecs_cluster.shop", "aws_ecs_cluster", {"name": "shop-web"}, pattern="shop-web")

    assert terraform_services.block_of(service(), [other]) is None


@pytest.mark.parametrize(
    ("ignored", "ok"),
    [
        (("desired_count",), True),
        (("task_definition", "desired_count"), True),
        (("all",), True),
        (("task_definition",), False),
        ((), False),
    ],
)
def test_a_count_that_is_ignored_is_left_alone(ignored: tuple[str, ...], ok: bool) -> None:
    verdict = terraform_services.keeps_count(service(desired=3), SCALING, block(ignored=ignored, desired_count=2))

    assert bool(verdict) is ok
    if not ok:
        assert "ecs.tf:7 sets desired_count = 2" in verdict.observed
        assert "between 1 and 4, now 3" in verdict.observed
        assert verdict.locations == ("ecs.tf:7",)


def test_a_count_that_is_left_out_means_none() -> None:
    verdict = terraform_services.keeps_count(service(), SCALING, block())

    assert not verdict
    assert "leaves desired_count out, which means 0" in verdict.observed


def test_a_count_that_is_an_expression_is_set_all_the_same() -> None:
    given = Resource("aws_ecs_service.s", "aws_ecs_service", {}, "ecs.tf:7", ("name", "desired_count"), (), "*")

    assert "sets desired_count and does not" in terraform_services.keeps_count(service(), SCALING, given).observed
