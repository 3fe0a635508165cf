from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from checks.diagnosis.access_log import are_on, no_spike
from checks.diagnosis.http_errors import Limits
from fixtures.model.access_log import AccessLog, Counter503, Malformed, bucket_of, parse
from fixtures.model.alb import AccessLogSettings
from tests.diagnosis.balancers import ARN, NOW, balancer, group_arn

LINE = (
    "http {at} app/alb/50dc6c49 {client} {target} 0.001 0.018 0.000 {status} {answered} 178 337 "
    '"GET http://alb-1.us-east-1.elb.amazonaws.com:80{path} HTTP/1.1" "{agent}" - - {group} "Root=1-69" "-" "-" '
    '{priority} 2026-11-20T11:15:32.122000Z "{action}" "-" "-" "-" "-" "-" "-"{more}'
)


def line(at: dt.datetime = NOW, status: int = 200, answered: str = "200", more: str = "", **changes: str) -> str:
    fields = {
        "client": "203.0.113.10:54321",
        "target": "10.0.11.5:8000",
        "path": "/api/1?token=abc",
        "agent": "curl/8.5.0",
        "group": group_arn("api"),
        "priority": "10",
        "action": "forward",
    }
    return LINE.format(
        at=f"{at:%Y-%m-%dT%H:%M:%S.%f}Z", status=status, answered=answered, more=more, **fields | changes
    )


MORE = (' TID_1 "-" "-" "-" 203.0.113.250', ' TID_1 "-" "-" "-"', " TID_1", "")


@pytest.mark.parametrize("more", MORE)
def test_lines_of_every_length_are_read(more: str) -> None:
    entry = parse(line(status=503, answered="-", target="-", more=more))

    assert (entry.status, entry.target_status, entry.target) == (503, None, "")
    assert (entry.group, entry.path, entry.priority, entry.actions) == (group_arn("api"), "/api/1", "10", "forward")
    assert (entry.at, entry.maker) == (NOW, "load balancer")


@pytest.mark.parametrize(
    ("client", "address"),
    [
        ("203.0.113.10:54321", "203.0.113.10"),
        ("[2001:db8::7]:54321", "2001:db8::7"),
        ("2001:db8::7:54321", "2001:db8::7"),
        ("-", "-"),
    ],
)
def test_the_port_follows_the_last_colon(client: str, address: str) -> None:
    assert parse(line(client=client)).client == address


@pytest.mark.parametrize(
    "agent", ["Mozilla/5.0 (X11; Linux) Gecko", '\\"quoted\\" agent', 'un"balanced', "back\\slash", "", "日本語"]
)
def test_agents_do_not_hide_which_group_failed(agent: str) -> None:
    assert parse(line(status=503, answered="503", agent=agent)).group == group_arn("api")


def test_who_made_a_503() -> None:
    assert parse(line(status=503, answered="503")).maker == "target"
    assert parse(line(status=503, answered="200")).maker == "load balancer"
    assert parse(line(status=503, answered="-", action="fixed-response", group="-")).group == ""


def test_a_query_is_not_kept() -> None:
    assert "token" not in repr(parse(line(status=503, answered="-")))


@pytest.mark.parametrize(
    "bad", ["", "x", "Enable AccessLog for ELB: app/alb at 2026-11-20", "a b c d e f g h i j k l m"]
)
def test_other_lines_are_refused(bad: str) -> None:
    with pytest.raises(Malformed):
        parse(bad)


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    counter = Counter503(NOW - dt.timedelta(hours=1), NOW)
    counter.add(text.split("\n"))

    assert counter.malformed <= text.count("\n") + 1


PRINTED = st.text(st.characters(codec="utf-8", exclude_characters='"\\\r\n'), max_size=40)


@given(PRINTED, PRINTED, st.sampled_from(MORE), st.sampled_from([200, 404, 502, 503]))
def test_quoted_text_never_moves_the_other_fields(agent: str, path: str, more: str, status: int) -> None:
    entry = parse(line(status=status, answered=str(status), agent=agent, path=f"/{path}", more=more))

    assert (entry.status, entry.target_status, entry.maker) == (status, status, "target")
    assert entry.group == (group_arn("api") if status >= 500 else "")


@given(st.lists(st.tuples(st.integers(0, 7200), st.sampled_from(["200", "own", "target"])), max_size=60))
def test_every_line_of_the_window_is_counted_once(requests: list[tuple[int, str]]) -> None:
    start = NOW - dt.timedelta(hours=1)
    counter = Counter503(start, NOW)
    status = {"200": (200, "200"), "own": (503, "-"), "target": (503, "503")}
    counter.add(line(NOW - dt.timedelta(seconds=s), *status[kind]) for s, kind in requests)
    inside = [kind for s, kind in requests if 0 < s <= 3600]

    assert sum(b.requests for b in counter.buckets()) == len(inside)
    assert sum(b.by_load_balancer.count for b in counter.buckets()) == inside.count("own")
    assert sum(b.by_target.count for b in counter.buckets()) == inside.count("target")


def test_buckets_start_every_five_minutes() -> None:
    assert bucket_of(NOW + dt.timedelta(minutes=4, seconds=59)) == NOW
    assert bucket_of(NOW + dt.timedelta(minutes=5)) == NOW + dt.timedelta(minutes=5)


def log(*lines: str, unread: int = 0) -> AccessLog:
    start = NOW - dt.timedelta(hours=1)
    counter = Counter503(start, NOW)
    counter.add(lines)
    return AccessLog(ARN, "s3://logs/x/", start, NOW, start, 3, unread, counter.malformed, counter.buckets())


LIMITS = Limits(5, 1.0)
AT = NOW - dt.timedelta(minutes=41)
NAMES = {group_arn("api"): "api"}


@pytest.mark.parametrize(
    ("own", "targets", "good", "by_balancer", "by_target"),
    [
        (0, 0, 300, True, True),
        (60, 0, 240, False, True),
        (0, 60, 240, True, False),
        (4, 0, 0, True, True),
        (5, 0, 495, False, True),
        (5, 0, 496, True, True),
    ],
)
def test_a_spike_needs_a_number_and_a_share(
    own: int, targets: int, good: int, by_balancer: bool, by_target: bool
) -> None:
    lines = [line(AT)] * good + [line(AT, 503, "-")] * own + [line(AT, 503, "503")] * targets

    assert bool(no_spike(balancer(), log(*lines), "load balancer", LIMITS, NAMES)) is by_balancer
    assert bool(no_spike(balancer(), log(*lines), "target", LIMITS, NAMES)) is by_target


def test_a_spike_tells_time_group_path_and_who() -> None:
    lines = [line(AT, 503, "503", path="/orders/")] * 9
    verdict = no_spike(balancer(), log(*lines), "target", LIMITS, NAMES)

    assert "11:15 to 11:20 UTC" in verdict.observed
    assert {"target group: api × 9", "path: /orders/ × 9"} <= set(verdict.evidence)
    assert "application behind api" in verdict.likely_cause
    assert group_arn("api") in verdict.related


def test_a_fixed_response_is_named_by_its_rule() -> None:
    lines = [line(AT, 503, "-", action="fixed-response", priority="1", group="-")] * 9
    verdict = no_spike(balancer(), log(*lines), "load balancer", LIMITS, NAMES)

    assert verdict.likely_cause == "listener rule 1 answers 503 by itself"


def test_one_bucket_inside_a_deployment_is_milder_and_two_are_not() -> None:
    deployment = ((AT - dt.timedelta(minutes=2), AT + dt.timedelta(minutes=10)),)
    one = [line(AT, 503, "-")] * 9
    two = [*one, *[line(AT + dt.timedelta(minutes=5), 503, "-")] * 9]

    assert no_spike(balancer(), log(*one), "load balancer", LIMITS, NAMES, deployment).severity == "medium"
    assert no_spike(balancer(), log(*one), "load balancer", LIMITS, NAMES).severity is None
    assert no_spike(balancer(), log(*two), "load balancer", LIMITS, NAMES, deployment).severity is None


def test_what_was_left_out_is_said() -> None:
    verdict = no_spike(balancer(), replace(log(line(AT)), unread=2), "target", LIMITS, NAMES)

    assert "2 older files were left out" in verdict.evidence[-1]


def test_logs_are_on_or_off() -> None:
    assert are_on(balancer(), AccessLogSettings(True, "logs", ""))
    assert not are_on(balancer(), AccessLogSettings(False, "", ""))
