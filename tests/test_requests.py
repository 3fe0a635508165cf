"""How many API requests a selection costs, as exact numbers: one more is a regression, and so is one twice.

The numbers are what AWS's page and batch sizes allow for the sandbox's three services: see docs/scaling.md.
"""

from __future__ import annotations

import pytest

from fixtures.sandbox.server import Host
from reports import conclusions, to_json
from reports.finding import Results
from tests.harness import WITHOUT_TERRAFORM, judged

NUMBERS = {
    "ecs": 29,
    "database": 27,
    "alb": 22,
    "latency": 21,
    "docker": 0,
    "cost": 31,
    "smoke": 35,
}


@pytest.mark.parametrize(("selection", "requests"), NUMBERS.items())
def test_a_selection_asks_only_what_it_needs(host: Host, selection: str, requests: int) -> None:
    with judged(host, "-m", selection) as found:
        api = found.results.api

    assert api["requests"] == requests, api["by_operation"]
    assert api["distinct"] == requests, "asked again what it knew"


def test_all_together_ask_nothing_twice(host: Host) -> None:
    with judged(host, "-k", WITHOUT_TERRAFORM) as found:
        api = found.results.api

    assert (api["requests"], api["distinct"]) == (80, 80), api["by_operation"]


def test_of_the_services_that_are_not_selected_as_little_is_asked_as_it_takes(host: Host) -> None:
    """One of three: task definitions of all say which database they share; health, logs and images of two are spared."""
    with judged(host, "-k", f"[product] and {WITHOUT_TERRAFORM}") as found:
        api = found.results.api

    assert {f.service for f in found.results.findings} == {"product"}
    assert (api["requests"], api["distinct"]) == (46, 46), api["by_operation"]
    each = ("elbv2:DescribeTargetHealth", "logs:FilterLogEvents", "ecs:ListServiceDeployments", "ecr:DescribeImageScanFindings")  # fmt: skip
    assert [api["by_operation"][o] for o in each] == [1, 1, 1, 1]
    assert api["by_operation"]["ecs:DescribeTaskDefinition"] == 3


def test_two_environments_ask_for_themselves(host: Host) -> None:
    """They share nothing but the process: here both are the same account, and still each asks its own."""
    with judged(host, "-m", "alb", "--target", "ecommerce-dev", "--target", "tests/second.toml") as found:
        api = found.results.api

    assert api["requests"] == api["distinct"] == 2 * NUMBERS["alb"], api["by_operation"]


def test_what_aws_bills_is_said() -> None:
    results = Results(mode="live")
    results.api |= {"requests": 9, "distinct": 9, "by_operation": {"ce:GetCostAndUsage": 3, "ecs:ListTasks": 6}}

    assert conclusions.asked(results) == "9 API requests, billed $0.03"
    assert to_json.as_dict(results)["api"]["billed_usd"] == 0.03
    results.mode = "sandbox"
    assert conclusions.asked(results) == "9 API requests"
    results.api["waited_s"] = 41.7
    assert conclusions.asked(results) == "9 API requests, waiting 42 s in all for AWS's limits and retries"
