from __future__ import annotations

import pytest

from checks.diagnosis import traces
from fixtures.errors import NotApplicable
from fixtures.model.latency import ServiceGraph, TracedEdge
from tests.diagnosis.facts import container, definition, service


def edge(caller: str, callee: str, mean_s: float = 0.02, faults: int = 0, total: int = 100) -> TracedEdge:
    return TracedEdge(caller, callee, total, mean_s, faults)


@pytest.mark.parametrize(
    ("nodes", "edges", "named"),
    [
        ([], [], []),
        ([], [edge("order", "product", 2.5), edge("order", "user")], ["order → product"]),
        # A node that waits for a slow call, or is the slow call, is not named again.
        ([edge("order", "", 2.6), edge("product", "", 2.4)], [edge("order", "product", 2.5)], ["order → product"]),
        ([edge("order", "", 2.6)], [edge("order", "product")], ["order"]),
        ([edge("user", "", 9.0)], [edge("order", "product", 2.5)], ["user", "order → product"]),
        ([], [edge("a", "b", 2.0), edge("a", "c", 3.0)], ["a → c", "a → b"]),
        # Faults alone are bad as well; a few are not.
        ([], [edge("a", "b", faults=6)], ["a → b"]),
        ([], [edge("a", "b", faults=5)], []),
        # Sampled calls that are too few say nothing; the limit itself is allowed.
        ([], [edge("a", "b", 9.0, total=9)], []),
        ([], [edge("a", "b", 9.0, total=10)], ["a → b"]),
        ([], [edge("a", "b", 1.0)], []),
        ([], [edge("a", "b", 9.0, total=0)], []),
    ],
)
def test_service_graph(nodes: list[TracedEdge], edges: list[TracedEdge], named: list[str]) -> None:
    graph = ServiceGraph(tuple(nodes), tuple(edges))
    assert [e.name for e in traces.slow_edges(graph, 1.0, 5.0, 10)] == named
    verdict = traces.judge(graph, ["order", "user", "a"], "dev", threshold_s=1.0)
    assert verdict.ok is not bool(named)
    assert verdict.name == (named[0] if named else "dev")


def test_what_the_service_graph_says() -> None:
    graph = ServiceGraph((), (edge("order", "user"), edge("order", "product", 2.5, faults=10)))
    verdict = traces.judge(graph, ["order", "product"], "dev", ["order", "product", "user"], threshold_s=1.0)
    assert verdict.summary == (
        "order → product: 2.50 s on average, 10 % faults in 100 traced calls; expected at most 1 s and 5 % faults"
    )
    assert verdict.likely_cause == "product answers slowly or with errors"
    assert verdict.related == ("service/order", "service/product")
    assert verdict.evidence == (
        "order → product: 2.500 s, 10 % faults, 100 calls",
        "order → user: 0.020 s, 0 % faults, 100 calls",
    )
    alone = traces.judge(ServiceGraph((edge("order", "", 2.5),), ()), ["order"], "dev", threshold_s=1.0)
    assert alone.likely_cause == "order answers slowly or with errors"
    fine = traces.judge(ServiceGraph((), ()), ["order"], "dev", threshold_s=1.0)
    assert (fine.resource, fine.observed, fine.likely_cause, fine.related) == ("xray/dev", "no slow calls", "", ())


CALLS = (edge("crm", "crm-db", 2.5), edge("order-service", "product"), edge("product", "cache"))
NODES = tuple(edge(n, "") for n in ("crm", "crm-db", "order-service", "product", "cache"))


def told(*more: TracedEdge, names: tuple[str, ...] = ("order", "product")) -> traces.Verdict:
    return traces.judge(ServiceGraph(NODES, (*CALLS, *more)), names, "dev", threshold_s=1.0)


def test_what_another_application_of_the_account_does_is_its_own_business() -> None:
    assert told()
    # But not whom our services call, directly or in the end, nor those who call them.
    assert told(edge("product", "payments", 2.0)).name == "product → payments"
    assert told(edge("cache", "disk", 2.0)).name == "cache → disk"
    assert told(edge("gateway", "order-service", 2.0)).name == "gateway → order-service"


def test_where_names_tell_nothing_all_is_judged_mildly() -> None:
    verdict = told(names=("web",))
    assert (verdict.ok, verdict.severity, verdict.name) == (False, "medium", "crm → crm-db")
    assert "another application's" in verdict.evidence[-1]
    assert told(edge("product", "payments", 2.0)).severity is None


def test_waiting_for_messages_is_not_slow() -> None:
    assert told(TracedEdge("order-service", "jobs", 100, 19.0, 0, "AWS::SQS::Queue"))
    assert not told(TracedEdge("order-service", "jobs", 100, 19.0, 50, "AWS::SQS::Queue"))


@pytest.mark.parametrize(
    ("node", "names", "same"),
    [
        ("product", ("product-service",), True),
        ("Product_Service", ("product",), True),
        ("product.shop.local", ("product",), True),
        ("shop-dev-product", ("shop-dev-product",), True),
        ("crm-product", ("product",), False),
        ("products", ("product",), False),
        ("service", ("product-service",), False),
    ],
)
def test_what_nodes_are_called(node: str, names: tuple[str, ...], same: bool) -> None:
    assert bool(traces.called(ServiceGraph((edge(node, ""),), ()), names)) is same


def expecting(image: str = "shop:1", **environment: str) -> str:
    return traces.expects(definition(container(name="web", image=image, environment=environment)))


def test_what_expects_traces() -> None:
    assert expecting("public.ecr.aws/xray/aws-xray-daemon:3") == (
        "container web runs public.ecr.aws/xray/aws-xray-daemon:3"
    )
    assert expecting(AWS_XRAY_DAEMON_ADDRESS="127.0.0.1:2000") == "container web has AWS_XRAY_DAEMON_ADDRESS"
    assert expecting(OTEL_AWS_APPLICATION_SIGNALS_ENABLED="true")
    assert expecting(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="https://xray.us-east-1.amazonaws.com/v1/traces")
    # Somebody else's collector.
    assert expecting(OTEL_EXPORTER_OTLP_ENDPOINT="https://api.example.com:4317") == ""
    assert expecting(OTEL_AWS_APPLICATION_SIGNALS_ENABLED="false") == ""
    assert expecting() == ""


def arriving(*nodes: str, **environment: str) -> traces.Verdict:
    graph = ServiceGraph(tuple(edge(n, "") for n in nodes), ())
    return traces.arrive(service(), definition(container(environment=environment)), graph, "it has a daemon")


def test_whether_the_traces_that_arrive_are_the_services_own() -> None:
    assert arriving("web", "other")
    assert arriving("storefront", OTEL_SERVICE_NAME="storefront")
    assert arriving().observed == "no traces arrive, although it has a daemon"
    missing = arriving("other", OTEL_SERVICE_NAME="storefront")
    assert missing.observed == "no traces of storefront (OTEL_SERVICE_NAME) arrive, although it has a daemon"
    with pytest.raises(NotApplicable, match="X-Ray has traces of other"):
        arriving("other")


@pytest.mark.parametrize(
    ("slow", "waiting"),
    [
        # Whoever calls the caller waits as well, over any number of calls; whoever calls others does not.
        (("shop-order", "product-service"), ("frontend", "order", "product")),
        (("frontend", "shop-order"), ("frontend", "order")),
        (("product-service", "S3"), ("frontend", "order", "product")),
        (("billing-cron", "product-service"), ()),
    ],
)
def test_who_waits_for_a_slow_call(slow: tuple[str, str], waiting: tuple[str, ...]) -> None:
    calls = (edge("frontend", "shop-order"), edge("shop-order", "product-service"), edge("user", "frontend"))
    graph = ServiceGraph((), (*(c for c in calls if (c.caller, c.callee) != slow), edge(*slow, 2.5)))
    names = ["frontend", "shop-order", "product-service", "billing-cron"]
    verdict = traces.judge(graph, names, "dev", ["frontend", "order", "product", "search"], threshold_s=1.0)
    assert verdict.related == tuple(f"service/{s}" for s in waiting)
