from __future__ import annotations

import pytest
from msgspec import structs

from checks.diagnosis import sessions
from fixtures.errors import Unavailable
from fixtures.model.latency import Session, Sessions, SlowStatement
from tests.diagnosis.database_facts import database
from tests.diagnosis.facts import ago

FINE = Session(1, "app", "web", "active", "", 0.1, 0.2, (), "SELECT 1")


def session(pid: int, **changes: object) -> Session:
    return structs.replace(FINE, pid=pid, **changes)  # type: ignore[arg-type]


def judged(*found: Session) -> sessions.Verdict:
    return judged_within(0, *found)


def judged_within(lock_wait_s: float, *found: Session, complete: bool = True) -> sessions.Verdict:
    seen = Sessions(found, complete, "exec")
    return sessions.judge(seen, database(), query_age_s=60, lock_wait_s=lock_wait_s, idle_s=300)


IDLE = "idle in transaction"


@pytest.mark.parametrize(
    ("found", "observed", "severity"),
    [
        ((), "", "medium"),
        ((FINE,), "", "medium"),
        ((session(7, query_age_s=95),), "1 statements run longer than 60 s", None),
        ((session(7, query_age_s=60),), "", "medium"),
        # The query of an idle session is the one it ran last, however long ago.
        ((session(7, state="idle", query_age_s=9000),), "", "medium"),
        ((session(7, state=IDLE, transaction_age_s=301),), "1 transactions are idle for more than 300 s", "medium"),
        ((session(7, state=IDLE, transaction_age_s=300),), "", "medium"),
        ((session(7, state=f"{IDLE} (aborted)", transaction_age_s=301),), "1 transactions are idle for more than 300 s", "medium"),
        ((session(7, wait="Lock: transactionid"),), "1 sessions wait for locks", None),
        ((session(7, wait="LWLock: WALWrite"),), "", "medium"),
        ((session(7, wait="Client: ClientRead"),), "", "medium"),
        (
            (session(7, blocked_by=(8,), query_age_s=95), session(8, state=IDLE, transaction_age_s=400)),
            "1 sessions wait for locks of pid 8; 1 transactions are idle for more than 300 s",
            None,
        ),
        # Who waits for a lock is not slow by itself.
        ((session(7, blocked_by=(8,), query_age_s=95), session(8)), "1 sessions wait for locks of pid 8", None),
        # A chain of locks ends at the one that waits for nobody.
        (
            (session(7, blocked_by=(8,)), session(8, blocked_by=(9,)), session(9)),
            "2 sessions wait for locks of pid 9",
            None,
        ),
        # The one that blocks may be hidden from us, or a prepared transaction (pid 0).
        ((session(7, blocked_by=(0,)),), "1 sessions wait for locks", None),
    ],
)  # fmt: skip
def test_sessions(found: tuple[Session, ...], observed: str, severity: str | None) -> None:
    verdict = judged(*found)
    assert bool(verdict) is not bool(observed)
    assert verdict.observed == (observed or "no long, blocked or idle transactions")
    if observed:
        assert verdict.severity == severity


@pytest.mark.parametrize(("query_age_s", "ok"), [(0.02, True), (5.0, True), (5.1, False)])
def test_a_lock_that_is_passed_on_in_time_blocks_nobody(query_age_s: float, ok: bool) -> None:
    found = (session(7, blocked_by=(8,), wait="Lock:tuple", query_age_s=query_age_s), session(8))
    assert bool(judged_within(5, *found)) is ok


def test_hidden_sessions_hide_nothing_that_is_seen() -> None:
    assert not judged_within(5, FINE, session(7, query_age_s=95), complete=False)
    with pytest.raises(Unavailable, match="hidden"):
        judged_within(5, FINE, complete=False)


def test_whoever_blocks_is_shown_first() -> None:
    verdict = judged(
        session(5, query_age_s=95),
        session(7, blocked_by=(8,), wait="Lock: tuple", query_age_s=70, query="UPDATE stock"),
        session(8, state=IDLE, user="", application="psql", transaction_age_s=400, query="SELECT stock"),
    )
    assert verdict.evidence == (
        "pid 8 psql idle in transaction for 400 s: SELECT stock",
        "pid 7 app web active for 70 s, blocked by 8, waits for Lock: tuple: UPDATE stock",
        "pid 5 app web active for 95 s: SELECT 1",
    )
    login = {"host": database().endpoint, "port": "5432", "user": "shop_admin", "dbname": "shop"}
    assert verdict.names == login | {"pid": "8"}
    assert verdict.likely_cause == "a lock that a transaction keeps"


@pytest.mark.parametrize(
    ("one", "cause", "pid"),
    [
        (session(7, query_age_s=95), "a missing index or too much data", "7"),
        (session(7, state=IDLE, transaction_age_s=400), "an application that does not commit", "7"),
        (session(7, wait="Lock: tuple"), "a lock that a transaction keeps", "7"),
        (FINE, "", ""),
    ],
)
def test_causes(one: Session, cause: str, pid: str) -> None:
    verdict = judged(one)
    assert (verdict.likely_cause, verdict.names["pid"]) == (cause, pid)


def test_evidence_is_bounded() -> None:
    assert len(judged(*(session(n, query_age_s=95) for n in range(20))).evidence) == 6


def test_blockers() -> None:
    found = [
        session(1, blocked_by=(2,)),
        session(2),
        session(3),
        session(4, blocked_by=(5,)),
        session(5, blocked_by=(4,)),
    ]
    assert [s.pid for s in sessions.blockers(found)] == [2]


@pytest.mark.parametrize(("duration_s", "ok"), [(0.5, True), (1.0, True), (4.002, False)])
def test_slow_log(duration_s: float, ok: bool) -> None:
    logged = SlowStatement(ago(3), duration_s, "SELECT * FROM orders")
    verdict = sessions.judge_log([logged], database(), query_age_s=1)
    assert bool(verdict) is ok
    assert (verdict.likely_cause != "") is not ok
    assert verdict.observed == (
        "no logged statement took longer than 1 s" if ok else "1 statements were logged over 1 s, the longest 4.0 s"
    )


def test_the_slowest_statements_come_first() -> None:
    logged = [SlowStatement(ago(n), float(n), f"q{n}") for n in range(10)]
    verdict = sessions.judge_log(logged, database(), query_age_s=1)
    assert verdict.evidence[0] == "03-02 11:51:00Z 9.0 s: q9"
    assert len(verdict.evidence) == 6
    assert sessions.judge_log([], database(), query_age_s=1)
