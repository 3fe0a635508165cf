"""The steps of the guide that would fail when they are needed, as each report lists them."""

from __future__ import annotations

import pytest

from fixtures.sandbox.server import Host
from reports import conclusions
from reports.finding import Finding, Results
from reports.to_html import opening
from reports.to_markdown import markdown
from tests.harness import judged


def finding(step: str, outcome: str, service: str = "", target: str = "shop") -> Finding:
    return Finding(
        id=f"checks/check_x.py::check_x[{service}]",
        check="check_x",
        title="Title.",
        scenario="ecs",
        severity="low",
        stage="prevention",
        outcome=outcome,  # type: ignore[arg-type]
        target=target,
        service=service,
        step=step,
    )


def told(*findings: Finding, targets: tuple[str, ...] = ("shop",)) -> list[str]:
    return conclusions.impossible_steps(Results(findings=list(findings), targets=targets))


@pytest.mark.parametrize("outcome", ["passed", "unverified", "not_applicable"])
def test_what_works_or_is_not_known_is_not_listed(outcome: str) -> None:
    assert told(finding("traces", outcome), finding("", "failed")) == []


@pytest.mark.parametrize("outcome", ["failed", "advisory"])
def test_a_step_is_listed_once_with_where(outcome: str) -> None:
    found = [finding("ECS Exec", outcome, "order"), finding("traces", outcome), finding("ECS Exec", outcome, "product")]

    assert told(*found) == ["ECS Exec (order, product)", "traces"]


def test_several_targets_are_told_apart() -> None:
    found = (finding("traces", "advisory"), finding("traces", "advisory", target="other"))

    assert told(*found, targets=("shop", "other")) == ["traces (shop)", "traces (other)"]


def test_every_report_lists_them_and_a_green_terminal_stays_short(host: Host) -> None:
    with judged(host, "-k", "entered or traces_are_recorded") as found:
        steps = "; ".join(conclusions.impossible_steps(found.results))
    with judged(host, "-v", "-k", "entered or traces_are_recorded") as verbose:
        output = " ".join(verbose.output.split())

    assert steps == "ECS Exec into a task (product, order); X-Ray traces"
    assert f"Steps of the guide that would fail when needed: {steps}" in output
    assert "would fail when needed" not in found.output
    assert "would fail when needed" in markdown(found.results)
    assert "X-Ray traces" in opening(found.results)
