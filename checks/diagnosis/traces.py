"""What X-Ray's service graph says of the target's services, among all that an account and Region has traces of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from checks.diagnosis.service_urls import meant
from checks.diagnosis.verdict import Verdict
from fixtures.errors import NotApplicable
from fixtures.model.ecs import Service, TaskDefinition
from fixtures.model.latency import ServiceGraph, TracedEdge

_SHOWN = 5
# What a task definition shows of X-Ray: the daemon or collector beside the application, or its settings.
_IMAGES = ("xray-daemon", "aws-otel-collector", "adot")
_NAMED_BY = ("AWS_XRAY_TRACING_NAME", "OTEL_SERVICE_NAME")
# Words behind a service's name that some leave out.
_SUFFIXES = ("service", "svc", "server", "app")
# Whoever waits for messages waits long, and for nothing.
_WAITED_FOR = ("AWS::SQS",)


def expects(definition: TaskDefinition) -> str:
    """Why X-Ray should have traces of a task definition's containers, a clause; "" where nothing says so."""
    for container in definition.containers:
        if any(image in container.image for image in _IMAGES):
            return f"container {container.name} runs {container.image}"
        named = [name for name, value in container.environment.items() if _sends(name, value)]
        if named:
            return f"container {container.name} has {named[0]}"
    return ""


def _sends(name: str, value: str) -> bool:
    # OpenTelemetry's own variables lead anywhere: to X-Ray only where the address is X-Ray's.
    signals = name == "OTEL_AWS_APPLICATION_SIGNALS_ENABLED" and value.lower() == "true"
    return signals or name.startswith("AWS_XRAY_") or (name.startswith("OTEL_EXPORTER_OTLP") and "//xray." in value)


def names_of(service: Service, definition: TaskDefinition | None = None) -> tuple[str, ...]:
    """Names under which a service may appear in the graph, what it is told to be called first."""
    containers = definition.containers if definition is not None else ()
    told = (c.environment[v] for c in containers for v in _NAMED_BY if c.environment.get(v))
    family = (definition.family,) if definition is not None else ()
    return tuple(dict.fromkeys((*told, service.name, service.service, *family, *(c.name for c in containers))))


def called(graph: ServiceGraph, names: Iterable[str]) -> set[str]:
    """Names of the graph's nodes that are called like one of these."""
    wanted = {_core(n) for n in names}
    known = {name for one in (*graph.nodes, *graph.edges) for name in (one.caller, one.callee) if name}
    return {n for n in known if {_core(n), _core(n.partition(".")[0])} & wanted}


def _core(name: str) -> tuple[str, ...]:
    words = [w for w in re.split(r"[^a-z0-9]+", name.lower()) if w]
    return tuple(words[:-1] if len(words) > 1 and words[-1] in _SUFFIXES else words)


def arrive(service: Service, definition: TaskDefinition, graph: ServiceGraph, expected: str) -> Verdict:
    """A service that is set up for X-Ray appears in its graph.

    Raises:
        NotApplicable: there are traces, and nothing tells under which name this service's would be.
    """
    own = called(graph, names_of(service, definition))
    told = [(v, c.environment[v]) for c in definition.containers for v in _NAMED_BY if c.environment.get(v)]
    others = ", ".join(sorted(n.caller for n in graph.nodes)[:_SHOWN])
    if others and not own and not told:
        raise NotApplicable(f"X-Ray has traces of {others}; which are {service.service}'s, no {_NAMED_BY[1]} says")
    missing = f"no traces of {told[0][1]} ({told[0][0]}) arrive" if told else "no traces arrive"
    return Verdict(
        ok=bool(own),
        resource=service.arn,
        name=service.service,
        observed=f"traces of {', '.join(sorted(own))} arrive" if own else f"{missing}, although {expected}",
        expected="traces of the window in X-Ray",
        evidence=(f"X-Ray has traces of {others}",) if others else (),
        related=service.related,
        names={"service": service.service},
    )


def slow_edges(graph: ServiceGraph, threshold_s: float, fault_percent: float, min_calls: int) -> list[TracedEdge]:
    """Calls that are slow or faulty, the slowest first. A node is slow by itself only if none of its calls is."""
    edges = [e for e in graph.edges if _bad(e, threshold_s, fault_percent, min_calls)]
    callers = {e.caller for e in edges}
    nodes = [n for n in graph.nodes if _bad(n, threshold_s, fault_percent, min_calls) and n.caller not in callers]
    reached = {e.callee for e in edges}
    return sorted((*edges, *(n for n in nodes if n.caller not in reached)), key=lambda e: -e.mean_s)


def _bad(edge: TracedEdge, threshold_s: float, fault_percent: float, min_calls: int) -> bool:
    slow = edge.mean_s > threshold_s and not edge.kind.startswith(_WAITED_FOR)
    return edge.total >= min_calls and (slow or edge.fault_percent > fault_percent)


def around(graph: ServiceGraph, own: set[str]) -> ServiceGraph:
    """The part of the graph that concerns some nodes: themselves, whom they call in the end, and who calls them."""
    reach, new = set(own), set(own)
    while new:
        new = {e.callee for e in graph.edges if e.caller in new} - reach
        reach |= new
    edges = tuple(e for e in graph.edges if e.caller in reach or e.callee in own)
    return ServiceGraph(tuple(n for n in graph.nodes if n.caller in reach), edges)


def judge(
    graph: ServiceGraph,
    names: Sequence[str],
    target: str,
    services: Sequence[str] = (),
    *,
    threshold_s: float,
    fault_percent: float = 5.0,
    min_calls: int = 10,
) -> Verdict:
    """No call of the target's services is slow or faulty; the one that is, is named.

    Args:
        names: of the services. Where no node is called like one, all of the graph is judged, but more mildly: it may be
            another application's.
        services: short names of the target's services, to tell which of them wait for that call.
    """
    own = called(graph, names)
    concerned = around(graph, own) if own else graph
    found = slow_edges(concerned, threshold_s, fault_percent, min_calls)
    first = found[0] if found else None
    doubt = () if own else ("no node is called like a service of the target: this may be another application's",)
    return Verdict(
        ok=not found,
        resource=f"xray/{first.name}" if first else f"xray/{target}",
        name=first.name if first else target,
        observed=f"{first.mean_s:.2f} s on average, {first.fault_percent:.0f} % faults in {first.total} traced calls"
        if first
        else "no slow calls",
        expected=f"at most {threshold_s:g} s and {fault_percent:g} % faults",
        evidence=(
            *(
                f"{e.name}: {e.mean_s:.3f} s, {e.fault_percent:.0f} % faults, {e.total} calls"
                for e in sorted(concerned.edges, key=lambda e: -e.mean_s)[:_SHOWN]
            ),
            *doubt,
        ),
        likely_cause=f"{first.callee or first.caller} answers slowly or with errors" if first else "",
        related=_waiting(concerned, first, services) if first else (),
        severity=None if own or not found else "medium",
    )


def _waiting(graph: ServiceGraph, slow: TracedEdge, services: Sequence[str]) -> tuple[str, ...]:
    """The services at a call's two ends, and those whose own calls lead there; none where its caller is not known.

    Applications choose the names of their nodes, which only resemble those of their services.
    """
    if not meant(slow.caller, services):
        return ()
    nodes = {slow.caller}
    while more := {e.caller for e in graph.edges if e.callee in nodes} - nodes:
        nodes |= more
    named = {meant(n, services) for n in (*nodes, slow.callee) if n}
    return tuple(f"service/{s}" for s in sorted(named - {""}))
