from __future__ import annotations

import pytest
from msgspec.structs import replace

from checks.diagnosis.health_probe import accepts, answers, relevant
from fixtures.model.alb import Action, ProbeAnswer, Routing, Rule
from tests.diagnosis.balancers import (
    DNS,
    attachment,
    fixed,
    forward,
    group,
    hosts,
    listener,
    paths,
    redirect,
    routing,
    rule,
    service,
)

WEB = rule(None, forward(web=1))


def probe(status: int = 200, *, port: int = 80, host: str = DNS, server: str = "", silent: bool = False) -> ProbeAnswer:
    return ProbeAnswer(
        f"listener/{port}", f"http://{DNS}:{port}/health", host, "/health", status, server, silent=silent
    )


@pytest.mark.parametrize(
    ("matcher", "status", "accepted"),
    [
        ("200", 200, True),
        ("200-399", 301, True),
        ("200,404", 404, True),
        ("200", 201, False),
        ("", 200, False),
        ("0", 0, True),
        ("2xx", 200, False),
    ],
)
def test_matchers(matcher: str, status: int, accepted: bool) -> None:
    assert accepts(matcher, status) is accepted


@pytest.mark.parametrize(
    ("status", "ok", "severity"),
    [
        (200, True, None),
        (302, True, None),
        (404, False, None),
        (401, False, "medium"),
        (403, False, "medium"),
        (500, False, None),
        (503, False, None),
        (0, False, None),
    ],
)
def test_answers(status: int, ok: bool, severity: str | None) -> None:
    found = routing(listener(rule(None, forward(api=1))))
    told = relevant(found, [probe(status, silent=not status)], [attachment()])
    assert not isinstance(told, str)
    verdict = answers(service(), found, *told, "200-399")

    assert (bool(verdict), verdict.severity) == (ok, severity)


@pytest.mark.parametrize(
    ("version", "why"), [("GRPC", "which speaks gRPC"), ("HTTP2", "which speaks HTTP/2"), ("HTTP1", None)]
)
def test_targets_that_speak_something_else_are_not_judged_by_http(version: str, why: str | None) -> None:
    own = attachment(group=group("api", version=version))
    told = relevant(routing(listener(rule(None, forward(api=1)))), [probe(464)], [own])

    assert (why in told) if why and isinstance(told, str) else why is None


@pytest.mark.parametrize(("status", "judged"), [(302, False), (401, False), (500, True), (200, True)])
def test_a_login_page_is_no_answer_of_the_service(status: int, judged: bool) -> None:
    actions = (Action("authenticate-oidc", 1), forward(api=1))
    found = routing(listener(Rule("rule/default", None, (), (actions[0], replace(actions[1], order=2)))))
    told = relevant(found, [probe(status)], [attachment()])

    assert isinstance(told, str) is not judged
    assert judged or "after a login" in told


def test_a_listener_that_cannot_be_reached_does_not_hide_another() -> None:
    own = rule(None, forward(api=1))
    found = routing(listener(own, port=8080), listener(own))
    closed = replace(probe(0, port=8080), error="ConnectTimeout")
    told = relevant(found, [closed, probe(503)], [attachment()])

    assert not isinstance(told, str)
    assert told[0].status == 503
    alone = relevant(found, [closed], [attachment()])
    assert not isinstance(alone, str)
    assert alone[0] is closed


def test_who_asks_for_certificates_is_named() -> None:
    found = routing(listener(rule(None, forward(api=1)), port=443, protocol="HTTPS", mutual=True))

    assert relevant(found, [], [attachment()]) == "HTTPS:443 lets in only clients with a certificate"


def test_who_answered_is_said() -> None:
    found = routing(listener(rule(None, forward(api=1))))
    told = relevant(found, [probe(503, server="awselb/2.0")], [attachment()])
    assert not isinstance(told, str)

    assert "the load balancer itself" in answers(service(), found, *told, "200").evidence[0]


@pytest.mark.parametrize(
    ("found", "probes", "which"),
    [
        (routing(listener(WEB)), [probe()], "forwards to web"),
        (routing(listener(rule(None, fixed(404)))), [probe(404)], "answers 404"),
        (routing(listener(rule(None, fixed(503)))), [probe(503)], 0),
        (routing(listener(rule(1, forward(api=1), paths("/health")), WEB)), [probe()], 0),
        (
            routing(listener(rule(None, redirect())), listener(rule(None, forward(api=1)), port=443, protocol="HTTPS")),
            [probe(301), probe(port=443)],
            1,
        ),
        (
            routing(listener(rule(1, forward(api=1), hosts("api.shop.com")), WEB)),
            [probe(), probe(host="api.shop.com")],
            1,
        ),
        (routing(), [probe()], "no listener"),
    ],
)
def test_only_the_answer_that_is_about_the_service_counts(
    found: Routing, probes: list[ProbeAnswer], which: int | str
) -> None:
    told = relevant(found, probes, [attachment()])

    if isinstance(which, str):
        assert isinstance(told, str)
        assert which in told
    else:
        assert not isinstance(told, str)
        assert told[0] is probes[which]
