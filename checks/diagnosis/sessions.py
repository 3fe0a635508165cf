"""What the database's sessions say: statements that run long, transactions that idle, locks that block."""

from __future__ import annotations

from collections.abc import Sequence

from checks.diagnosis.verdict import Verdict
from fixtures.errors import Unavailable
from fixtures.model.database import Database
from fixtures.model.latency import Session, Sessions, SlowStatement

_SHOWN = 6


def blockers(sessions: Sequence[Session]) -> list[Session]:
    """Sessions that block others and are blocked by nobody themselves: the ones to look at first."""
    blocking = {pid for s in sessions for pid in s.blocked_by}
    return [s for s in sessions if s.pid in blocking and not s.blocked_by]


def judge(found: Sessions, database: Database, *, query_age_s: float, lock_wait_s: float, idle_s: float) -> Verdict:
    """No active statement older than the limit, nobody waits long for a lock, no transaction idles for long.

    Only active sessions are running their ``query``; for idle ones it is the last one they ran.

    Args:
        lock_wait_s: younger statements may wait: where many write, some always do, for milliseconds.

    Raises:
        Unavailable: nothing is wrong with those that may be seen, but others are hidden.
    """
    verdict = _judge(found, database, query_age_s, lock_wait_s, idle_s)
    if verdict and not found.complete:
        raise Unavailable("pg_stat_activity", "denied", "other users' sessions are hidden", "grant pg_monitor")
    return verdict


def _judge(found: Sessions, database: Database, query_age_s: float, lock_wait_s: float, idle_s: float) -> Verdict:
    locked = [s for s in found.sessions if s.blocked_by or s.wait.startswith("Lock")]
    waiting = [s for s in locked if s.query_age_s > lock_wait_s]
    long = [s for s in found.sessions if s.state == "active" and s.query_age_s > query_age_s and s not in waiting]
    idle = [s for s in found.sessions if s.state.startswith("idle in transaction") and s.transaction_age_s > idle_s]
    roots = blockers(found.sessions)
    parts = [
        f"{len(waiting)} sessions wait for locks" + (f" of pid {roots[0].pid}" if roots else "") if waiting else "",
        f"{len(long)} statements run longer than {query_age_s:g} s" if long else "",
        f"{len(idle)} transactions are idle for more than {idle_s:g} s" if idle else "",
    ]
    shown = list(dict.fromkeys((*roots, *waiting, *long, *idle)))
    return Verdict(
        ok=not (waiting or long or idle),
        resource=database.arn,
        name=database.identifier,
        observed="; ".join(p for p in parts if p) or "no long, blocked or idle transactions",
        expected=f"statements below {query_age_s:g} s, no lock waits, transactions that end",
        evidence=tuple(_line(s) for s in shown[:_SHOWN]),
        likely_cause="a lock that a transaction keeps"
        if waiting
        else "a missing index or too much data"
        if long
        else "an application that does not commit"
        if idle
        else "",
        severity=None if waiting or long else "medium",
        related=database.related,
        names={**database.login, "pid": str((roots or long or idle or waiting)[0].pid) if shown else ""},
    )


def _line(s: Session) -> str:
    age_s = s.transaction_age_s if s.state.startswith("idle") else s.query_age_s
    who = " ".join(part for part in (f"pid {s.pid}", s.user, s.application) if part)
    blocked = f", blocked by {', '.join(map(str, s.blocked_by))}" if s.blocked_by else ""
    waits = f", waits for {s.wait}" if s.wait else ""
    return f"{who} {s.state} for {age_s:.0f} s{blocked}{waits}: {s.query}"


def judge_log(statements: Sequence[SlowStatement], database: Database, *, query_age_s: float) -> Verdict:
    """The slow-query log of the window has no statement over the limit."""
    slow = sorted((s for s in statements if s.duration_s > query_age_s), key=lambda s: -s.duration_s)
    return Verdict(
        ok=not slow,
        resource=database.arn,
        name=database.identifier,
        observed=f"{len(slow)} statements were logged over {query_age_s:g} s, the longest {slow[0].duration_s:.1f} s"
        if slow
        else f"no logged statement took longer than {query_age_s:g} s",
        expected=f"statements below {query_age_s:g} s",
        evidence=tuple(f"{s.at:%m-%d %H:%M:%S}Z {s.duration_s:.1f} s: {s.statement}" for s in slow[:_SHOWN]),
        likely_cause="a missing index or too much data" if slow else "",
        related=database.related,
        names={**database.login, "query_log": database.log_group},
    )
