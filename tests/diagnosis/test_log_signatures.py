from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.diagnosis.log_signatures import group_exists, grouped, judge, recognise
from fixtures.facts.logs import COMPLAINTS
from fixtures.model.ecs import Task
from fixtures.model.logs import LogEvent, ServiceLogs
from tests.diagnosis.facts import ago, service, stopped_task

PYTHON = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    x()\nsqlalchemy.exc.OperationalError: (psycopg2) gone'
NODE = "TypeError: Cannot read properties of undefined (reading 'id')\n    at handler (/app/index.js:10:15)\n    at next (/app/x.js:1:2)"
JAVA = 'Exception in thread "main" java.lang.IllegalStateException: no config\n\tat com.shop.Main.run(Main.java:10)'
GO = "panic: runtime error: index out of range [3] with length 3\n\ngoroutine 1 [running]:\nmain.main()"


@pytest.mark.parametrize(
    ("message", "language", "title"),
    [
        (PYTHON, "python", "sqlalchemy.exc.OperationalError: (psycopg2) gone"),
        (NODE, "node", "TypeError: Cannot read properties of undefined (reading 'id')"),
        (JAVA, "java", "java.lang.IllegalStateException: no config"),
        (GO, "go", "panic: runtime error: index out of range [3] with length 3"),
        ("UnhandledPromiseRejectionWarning: boom", "node", "UnhandledPromiseRejectionWarning: boom"),
        ("2026-03-02 FATAL  cannot bind port", "", "FATAL: cannot bind port"),
        ("FATAL 12:00:01 cannot bind port", "", "FATAL: 12:00:01 cannot bind port"),
        ("FATAL 2026-03-02 cannot bind port", "", "FATAL: 2026-03-02 cannot bind port"),
        ("FATAL: 3 of 3 workers died", "", "FATAL: 3 of 3 workers died"),
        ("2027-01-02 03:00:00 FATAL 1 --- [main] Main : no port", "", "FATAL: 1 --- [main] Main : no port"),
        ("[2027-01-02 03:00:00,000: CRITICAL/MainProcess] Unrecoverable: no", "", "CRITICAL: Unrecoverable: no"),
        ("retried after ERROR 2\nFATAL cannot bind port", "", "FATAL: cannot bind port"),
        ("CRITICAL 0 HIGH 2\nFATAL: cannot report", "", "FATAL: cannot report"),
        ('{"level": "CRITICAL", "msg": "out of ids"}', "", 'CRITICAL: , "msg": "out of ids"}'),
        ("Traceback (most recent call last):", "python", "Traceback"),
    ],
)
def test_languages(message: str, language: str, title: str) -> None:
    trace = recognise(message)

    assert trace is not None
    assert (trace.language, trace.title) == (language, title)
    assert re.search(COMPLAINTS.strip("%"), message), "in a busy log it would not be found"


@pytest.mark.parametrize(
    "message",
    [
        'INFO: 10.0.1.2 - "GET /health HTTP/1.1" 200 OK',
        "handled 3 errors in 5 ms",
        "GET /errors/TypeError 404",
        "no fatal problems found",
        "scan finished: CRITICAL 0 HIGH 2",
        "Total: 3 (HIGH: 2, CRITICAL: 1)",
        "Total: 3 HIGH 2 CRITICAL 1",
        "events by level: FATAL=0, ERROR=2",
        "findings of level CRITICAL: 3",
        "scanning with --severity CRITICAL,HIGH",
        "gate: CRITICAL/HIGH findings stop it",
        "found 0 CRITICAL and no FATAL findings",
        "",
    ],
)
def test_ordinary_lines(message: str) -> None:
    assert recognise(message) is None


def logs(*events: LogEvent, missing: tuple[str, ...] = ()) -> ServiceLogs:
    return ServiceLogs(("/ecs/web",), missing, events)


def line(minutes: float, message: str = PYTHON, task: str = "t1") -> LogEvent:
    return LogEvent(ago(minutes), task, "web", message)


def test_the_same_failure_is_one_group_whatever_its_numbers() -> None:
    many = [line(n, PYTHON.replace("gone", f"gone after {n} s")) for n in (1, 2, 3)]

    assert [len(g.events) for g in grouped(many)] == [3]


def running(name: str = "t1", started_min_ago: float = 300) -> Task:
    values = {"arn": f"task/shop/{name}", "status": "RUNNING", "stop_code": "", "started_at": ago(started_min_ago)}
    return stopped_task(**values)


def test_only_the_present_deployment_counts() -> None:
    assert judge(service(), logs(line(10), line(20)), ago(5), [running()])
    assert not judge(service(), logs(line(1), line(20)), ago(5), [])


BAD_INPUT = PYTHON.replace("sqlalchemy.exc.OperationalError: (psycopg2) gone", "ValueError: bad quantity")
REFUSED = PYTHON.replace("gone", "connection refused")


@pytest.mark.parametrize(
    ("lines", "severity"),
    [
        ([line(1, REFUSED)], "medium"),
        ([line(1, BAD_INPUT), line(2, BAD_INPUT)], "medium"),
        ([line(5.0 * n, BAD_INPUT) for n in range(1, 12)], "medium"),
        ([line(30 + 0.9 * n, BAD_INPUT) for n in range(10)], None),
        ([line(1, REFUSED), line(2, REFUSED)], None),
        ([line(1, BAD_INPUT, task="gone")], None),
        ([line(1, BAD_INPUT), line(2, BAD_INPUT, task="gone")], None),
        ([line(1, BAD_INPUT), line(299, BAD_INPUT)], None),
    ],
    ids=["one", "two", "seldom", "often", "of a connection", "its task stopped", "one's task stopped", "at the start"],
)
def test_handled_errors_are_milder(lines: list[LogEvent], severity: str | None) -> None:
    assert judge(service(), logs(*lines), ago(600), [running()]).severity == severity


def test_what_the_trace_says_becomes_a_sign() -> None:
    assert judge(service(), logs(line(1, REFUSED)), ago(60), []).signs == ("refused",)


def test_a_failed_request_does_not_explain_what_stops_or_hangs() -> None:
    assert judge(service(), logs(line(1, BAD_INPUT)), ago(60), [running()]).signs == ("request",)
    assert judge(service(), logs(line(1, BAD_INPUT)), ago(60), []).signs == ("crash",)


def test_a_missing_group_is_named() -> None:
    assert group_exists(service(), logs())
    assert "does not exist" in group_exists(service(), logs(missing=("/ecs/web",))).summary


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    recognise(text)


def test_a_group_that_ecs_makes_by_itself_may_be_missing_until_a_task_starts() -> None:
    absent = ServiceLogs(("/ecs/web",), ("/ecs/web",), ())

    assert not group_exists(service(), absent)
    assert group_exists(service(), absent, {"/ecs/web"})
