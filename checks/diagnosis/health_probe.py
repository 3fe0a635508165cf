"""What a service's health path answers through the load balancer, to a client like this suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from checks.diagnosis.listener_rules import Outcome, Request, evaluate
from checks.diagnosis.verdict import Severity, Verdict
from fixtures.model.alb import Attachment, ProbeAnswer, Routing
from fixtures.model.ecs import Service

_BY_BALANCER = "awselb"
_OTHER_VERSIONS = {"GRPC": "gRPC", "HTTP2": "HTTP/2"}
# To the login page, or straight away.
_ASKS_TO_LOG_IN = (302, 401)
_MEANINGS = {
    502: "the target refused or closed the connection, or its answer was malformed",
    503: "no usable target, or a rule that answers so",
    504: "the target did not answer in time",
}


def relevant(
    routing: Routing, answers: Sequence[ProbeAnswer], attachments: Sequence[Attachment]
) -> tuple[ProbeAnswer, Outcome] | str:
    """The answer that tells about a service, and what its request meets; or why none does.

    A request that another service's targets, a redirect, a login or a fixed answer below 500 takes says nothing about
    this one. Of several that reach it, one to which there was a connection tells more.
    """
    groups = [a.group_arn for a in attachments]
    versions = {a.group_arn: a.group.version for a in attachments if a.group is not None}
    taken: list[str] = []
    reached: list[tuple[ProbeAnswer, Outcome]] = []
    refused: list[tuple[ProbeAnswer, Outcome]] = []
    for answer in answers:
        listener = next((one for one in routing.listeners if one.listener.arn == answer.listener_arn), None)
        if listener is None:
            continue
        outcome = evaluate(routing, listener, Request(answer.path, answer.host))
        here = len(outcome.hops) == 1
        other = _other_protocol(outcome, versions) or _login(answer, outcome)
        if here and outcome.reaches(groups) and not other:
            reached.append((answer, outcome))
        if here and outcome.kind == "fixed-response" and outcome.detail.startswith("5"):
            refused.append((answer, outcome))
        taken.append(f"{answer.path}: {outcome.words}{other}")
    if reached or refused:
        return min(reached or refused, key=lambda told: bool(told[0].error))
    with_certificate = [one.listener.name for one in routing.listeners if one.listener.mutual]
    if not taken and with_certificate:
        return f"{', '.join(with_certificate)} lets in only clients with a certificate"
    return taken[0] if taken else "no listener to ask"


def _other_protocol(outcome: Outcome, versions: Mapping[str, str]) -> str:
    """Such targets get no HTTP/1.1 request, which is what is asked: the load balancer answers 464 by itself."""
    spoken = {versions.get(g, "") for g, weight in outcome.groups.items() if weight > 0}
    other = sorted(_OTHER_VERSIONS[v] for v in spoken if v in _OTHER_VERSIONS)
    return f", which speaks {other[0]}" if other else ""


def _login(answer: ProbeAnswer, outcome: Outcome) -> str:
    return ", after a login" if outcome.login and answer.status in _ASKS_TO_LOG_IN else ""


def answers(service: Service, routing: Routing, answer: ProbeAnswer, outcome: Outcome, matcher: str) -> Verdict:
    """The health path answers with a code that the health check accepts (and any below 400 is an answer).

    401 and 403 are milder: a login or a firewall answers in its place, and the service may be well.
    """
    balancer = routing.load_balancer
    ok = 200 <= answer.status < 400 or accepts(matcher, answer.status)
    who = "the load balancer itself" if answer.server.startswith(_BY_BALANCER) else "the target"
    observed = f"{answer.url} answers {answer.status}" if answer.status else f"{answer.url} gives no answer in time"
    return Verdict(
        ok=ok,
        resource=balancer.arn,
        name=service.service,
        observed=observed,
        expected=f"an answer of {matcher or '200-399'}",
        evidence=(
            f"GET {answer.url} (Host: {answer.host}) → {answer.status or 'nothing'} after {answer.elapsed_ms:.0f} ms, "
            f"answered by {who if answer.status else 'nobody'}"
            + (f" (Server: {answer.server})" if answer.server else ""),
            outcome.words,
            *((f"{answer.status}: {_MEANINGS[answer.status]}",) if answer.status in _MEANINGS else ()),
        ),
        related=(*service.related, balancer.arn, *outcome.groups),
        names={
            "service": service.service,
            "cluster": service.cluster,
            "load_balancer": balancer.name,
            "load_balancer_arn": balancer.arn,
            "health_url": answer.url,
        },
        severity=_severity(answer.status, outcome),
    )


def _severity(status: int, outcome: Outcome) -> Severity | None:
    return "medium" if status in (401, 403) or outcome.login else None


def accepts(matcher: str, status: int) -> bool:
    """Whether a matcher (``200``, ``200-399``, ``200,301``) accepts a status."""
    return any(_in_range(part.strip(), status) for part in matcher.split(",") if part.strip())


def _in_range(part: str, status: int) -> bool:
    first, _, last = part.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        return False
    return int(first) <= status <= int(last or first)
