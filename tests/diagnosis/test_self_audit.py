"""Whether what the guide looks at would be there."""

from __future__ import annotations

import pytest

from checks.diagnosis import self_audit
from fixtures.model.latency import ServiceGraph, TracedEdge
from tests.diagnosis.database_facts import database

NODE = TracedEdge("order", "", 10, 0.1, 0)


@pytest.mark.parametrize(
    ("nodes", "expected", "ok", "said"),
    [
        ((NODE,), (), True, "1 services in X-Ray's graph"),
        ((), ("container otel runs adot",), True, "container otel runs adot"),
        ((), (), False, "no task definition is set up"),
    ],
)
def test_traces(nodes: tuple[TracedEdge, ...], expected: tuple[str, ...], ok: bool, said: str) -> None:
    verdict = self_audit.traces(ServiceGraph(nodes, ()), expected, "shop")

    assert bool(verdict) is ok
    assert said in verdict.observed


@pytest.mark.parametrize(
    ("engine", "size", "insights", "expected"),
    [
        ("postgres", "db.t4g.micro", True, True),
        ("postgres", "db.t4g.micro", False, False),
        ("mysql", "db.t4g.micro", False, None),
        ("mysql", "db.m7g.large", False, False),
        ("mariadb", "db.t3.small", False, None),
    ],
)
def test_performance_insights(engine: str, size: str, insights: bool, expected: bool | None) -> None:
    one = database(engine=engine, instance_class=size, insights=insights)
    verdict = self_audit.performance_insights(one)

    assert (None if verdict is None else bool(verdict)) is expected


@pytest.mark.parametrize("enabled", [True, False])
def test_cost_explorer(enabled: bool) -> None:
    assert bool(self_audit.cost_explorer(enabled, "123456789012")) is enabled
