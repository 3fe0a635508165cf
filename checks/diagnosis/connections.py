"""How many connections are open, against how many the database admits."""

from __future__ import annotations

import re
from collections.abc import Sequence

from checks.diagnosis.verdict import Verdict
from fixtures.model.database import ConnectionCount, Database, DatabaseParameters

_MIB = 1024 * 1024
_TERM = r"\{?DBInstanceClassMemory/(?P<divisor>\d+)\}?"
_FORMULA = re.compile(rf"^(?:LEAST\({_TERM},(?P<most>\d+)\)|{_TERM.replace('divisor', 'plain')})$")
# What the engines' default parameter groups say (RDS user guide, "Quotas": maximum number of database connections).
_DEFAULTS = {
    "postgres": "LEAST({DBInstanceClassMemory/9531392},5000)",
    "aurora-postgresql": "LEAST({DBInstanceClassMemory/9531392},5000)",
    "mysql": "{DBInstanceClassMemory/12582880}",
    "mariadb": "LEAST({DBInstanceClassMemory/25165760},12000)",
}


def limit(database: Database, parameters: DatabaseParameters) -> int | None:
    """How many connections the database admits; None where it cannot be told (serverless, an unusual formula).

    Formulas use the memory of the instance class; what the system itself takes of that is not published, so the result
    is the most it can be.
    """
    value = parameters.values.get("max_connections") or _DEFAULTS.get(database.engine, "")
    if value.isdigit():
        return int(value)
    match = _FORMULA.match(value.replace(" ", ""))
    if match is None or parameters.memory_mib is None:
        return None
    count = parameters.memory_mib * _MIB // int(match["divisor"] or match["plain"])
    return min(count, int(match["most"])) if match["most"] else count


def have_room(
    database: Database, counts: Sequence[ConnectionCount], most: int, max_percent: float, exact: bool
) -> Verdict:
    """No instance has more connections open now than a share of the most it admits.

    An earlier peak within the window is a milder finding than one that lasts.

    Args:
        most: connections that the database admits.
        exact: the limit was set as a number, rather than computed from the memory.
    """
    allowed = most * max_percent / 100
    peaks = {c.instance: max(v for _, v in c.points) for c in counts if c.points}
    latest = {c.instance: c.points[-1][1] for c in counts if c.points}
    full = [i for i, v in peaks.items() if v > allowed]
    now_full = [i for i in full if latest[i] > allowed]
    worst = max(now_full or full, key=lambda i: peaks[i]) if full else next(iter(peaks), database.identifier)
    count = latest.get(worst, 0.0) if now_full or not full else peaks[worst]
    when = "are open" if now_full or not full else "were open at the peak"
    about = "" if exact else "about "
    return Verdict(
        ok=not full,
        resource=database.arn,
        name=worst,
        observed=f"{count:.0f} connections {when}, {100 * count / most:.0f} % of {about}{most}",
        expected=f"at most {max_percent:g} % of max_connections ({allowed:.0f})",
        evidence=tuple(
            f"{c.instance}: " + ", ".join(f"{at:%H:%M} {v:.0f}" for at, v in c.points[-6:]) for c in counts if c.points
        ),
        related=database.related,
        signs=("connections",),
        names={
            "database": database.main_instance,
            "instance": worst,
            **database.login,
        },
        severity="medium" if full and not now_full else None,
    )
