"""What the states that RDS reports mean for those who want to connect.

Rests on "Viewing DB instance status" (RDS user guide) and "Viewing DB cluster status" (Aurora user guide).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec.structs import replace

from checks.diagnosis.verdict import Verdict
from fixtures.model.database import Database, DatabaseEvent, DatabaseLink, MissingDatabase, Proxy

Meaning = Literal["serves", "gap", "down"]

_SERVES = frozenset(
    "available backing-up backtracking storage-optimization configuring-enhanced-monitoring "
    "configuring-iam-database-auth configuring-log-exports configuring-associated-roles storage-config-upgrade "
    "storage-initialization delete-precheck promoting".split()
)
# It answers, perhaps with an interruption.
_GAP = frozenset(
    "modifying maintenance upgrading renaming resetting-master-credentials converting-to-vpc moving-to-vpc "
    "migrating preparing-data-migration scaling-compute scaling-storage update-iam-db-auth".split()
)
_DOWN: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "creating": ("it is being created and has no endpoint that answers yet", ("dns", "refused", "network")),
    "starting": ("it is starting; that takes some minutes", ("refused", "network", "dns")),
    "rebooting": ("it is rebooting; that takes a minute or two", ("refused", "network")),
    "failing-over": ("a replica is being promoted; that takes a minute or two", ("refused", "network")),
    "stopped": ("somebody or a schedule stopped it", ("refused", "network", "dns")),
    "stopping": ("somebody or a schedule is stopping it", ("refused", "network", "dns")),
    "deleting": ("it is being deleted", ("refused", "network", "dns")),
    "failed": ("RDS cannot recover it: restore it to a point in time", ("refused", "network")),
    "storage-full": ("its storage is used up: allocate more", ("storage", "refused", "connections")),
    "incompatible-network": ("its network does not allow the change: look at subnet group and addresses", ("network",)),
    "incompatible-option-group": ("an option group does not fit", ("refused", "configuration")),
    "incompatible-parameters": ("a parameter does not fit, so it does not start", ("refused", "configuration")),
    "incompatible-restore": ("it cannot be restored with these options", ("refused",)),
    "incompatible-credentials": ("RDS cannot use its credentials", ("authentication",)),
    "inaccessible-encryption-credentials": ("its KMS key is disabled or denied", ("refused", "network", "permission")),
    "inaccessible-encryption-credentials-recoverable": (
        "its KMS key is disabled or denied; enable the key, then start it",
        ("refused", "network", "permission"),
    ),
    "insufficient-capacity": ("AWS has no capacity for its class now", ("refused", "capacity")),
    "restore-error": ("restoring it failed", ("refused",)),
}


def meaning(status: str) -> Meaning:
    """Whether a database in this status answers; one that is not known is taken as a possible gap."""
    if status in _SERVES:
        return "serves"
    return "down" if status in _DOWN else "gap"


def exists(link: DatabaseLink | MissingDatabase) -> Verdict:
    """The database that a service is told to use is there."""
    if isinstance(link, MissingDatabase):
        return Verdict(
            ok=False,
            resource=link.wanted,
            name=link.wanted,
            observed=f"no database of this account and Region has this endpoint or name, which {link.source} gives",
            expected="an RDS instance, cluster or proxy",
            related=(f"service/{link.service}",),
            signs=("dns", "network", "refused"),
            names={"database": link.wanted.partition(".")[0]},
        )
    found = link.database
    return Verdict(
        ok=True,
        resource=found.arn,
        name=found.identifier,
        observed=f"it is there ({link.found_by})",
        expected="an RDS instance, cluster or proxy",
        related=(f"service/{link.service}", *found.related),
    )


def is_available(database: Database, events: Iterable[DatabaseEvent]) -> Verdict:
    """The database answers, going by its status; a cluster also needs a writer that does.

    A state with a possible gap (``modifying``, ``maintenance``, …) is a milder finding only where RDS also reports that
    it was not available; a reader in trouble is milder than a writer.
    """
    own = [e for e in events if e.source in (database.identifier, *database.instances)]
    verdict = _of_status(database, database.status, own)
    if verdict and meaning(database.status) == "gap" and _is_away(own):
        return replace(
            verdict,
            ok=False,
            observed=f"status {database.status}, and RDS has told of a shutdown, but not of a start since",
            severity="medium",
            signs=("refused", "network"),
        )
    if not verdict or database.kind == "instance":
        return verdict
    return _of_members(database, verdict, own)


def _is_away(events: Sequence[DatabaseEvent]) -> bool:
    """Whether the newest event about availability is a shutdown."""
    told = [e for e in events if "availability" in e.categories]
    newest = max(told, key=lambda e: e.at, default=None)
    return newest is not None and bool(re.search(r"shutdown|shut down|stopped", newest.message, re.IGNORECASE))


def _of_status(database: Database, status: str, events: Sequence[DatabaseEvent]) -> Verdict:
    what, signs = _DOWN.get(status, ("", ()))
    means = meaning(status)
    restarts = f"; AWS starts it by itself at {database.restarts_at:%Y-%m-%d %H:%M} UTC" if database.restarts_at else ""
    unknown = "" if status in _SERVES or status in _GAP or means == "down" else ", which is not a documented status"
    return Verdict(
        ok=means != "down" and not unknown,
        resource=database.arn,
        name=database.identifier,
        observed=f"status {status or 'unknown'}{unknown}{restarts}",
        expected="status available",
        evidence=_lines(database, events),
        related=database.related,
        signs=signs,
        names=_names(database) | ({f"stopped_{database.kind}": database.identifier} if status == "stopped" else {}),
        severity="medium" if unknown else None,
        likely_cause=what,
    )


def _of_members(database: Database, fine: Verdict, events: Sequence[DatabaseEvent]) -> Verdict:
    writers = [m for m in database.members if m.writer]
    if not writers:
        return replace(
            fine,
            ok=False,
            observed=f"status {database.status}, but no instance is its writer",
            expected="a writer instance that is available",
            signs=("refused", "network", "dns"),
        )
    down = [m for m in database.members if meaning(m.status) == "down"]
    if not down:
        return fine
    first = next((m for m in down if m.writer), down[0])
    what, signs = _DOWN[first.status]
    role = "writer" if first.writer else "reader"
    return replace(
        fine,
        ok=False,
        observed=f"status {database.status}, but its {role} {first.identifier} is {first.status}",
        expected="every instance of the cluster available",
        evidence=(
            *(f"{m.identifier}: {'writer' if m.writer else 'reader'}, {m.status}" for m in database.members),
            *_lines(database, events),
        ),
        signs=signs,
        severity=None if first.writer else "medium",
        likely_cause=what,
        names={**_names(database), "instance": first.identifier},
    )


def _lines(database: Database, events: Sequence[DatabaseEvent]) -> tuple[str, ...]:
    pending = ", ".join(f"{k}={v}" for k, v in database.pending.items())
    return (
        *([f"waits to be changed: {pending}"] if pending else []),
        *(f"{e.at:%H:%M:%S} {e.source}: {e.message}" for e in events[:8]),
    )


def _names(database: Database) -> dict[str, str]:
    cluster = database.identifier if database.kind == "cluster" else ""
    return {"database": database.main_instance, "database_cluster": cluster}


def may_be_stopped(schedule: str, now: dt.datetime) -> bool:
    """Whether an instant is within declared hours, ``20:00-06:00`` (UTC, over midnight where the end is earlier).

    Raises:
        ValueError: the schedule is not of that form.
    """
    start_text, _, end_text = schedule.partition("-")
    start, end = dt.time.fromisoformat(start_text.strip()), dt.time.fromisoformat(end_text.strip())
    at = now.astimezone(dt.UTC).time()
    return start <= at < end if start <= end else at >= start or at < end


def proxy_serves(proxy: Proxy) -> Verdict:
    """The proxy is available and reaches the database behind it; a target that it only waits for is milder."""
    bad = [t for t in proxy.targets if t.state == "UNAVAILABLE"]
    waiting = [t for t in proxy.targets if t.state in ("REGISTERING", "")]
    good = [t for t in proxy.targets if t.state in ("AVAILABLE", "UNUSED")]
    up = proxy.status in ("available", "modifying")
    ok = up and bool(good) and not bad
    reasons = {t.reason for t in bad}
    return Verdict(
        ok=ok,
        resource=proxy.arn,
        name=proxy.name,
        observed=_proxy_words(proxy, [*bad, *waiting]),
        expected="status available and targets AVAILABLE",
        evidence=tuple(f"{t.identifier}: {t.state} {t.reason} {t.description}".strip() for t in proxy.targets),
        related=(proxy.arn, *proxy.databases, *proxy.secrets),
        signs=tuple(dict.fromkeys(s for r in reasons for s in _PROXY_SIGNS.get(r, ("network",)))),
        names={"proxy": proxy.name},
        severity="medium" if not ok and up and good else None,
        likely_cause=_PROXY_CAUSES.get(next(iter(sorted(reasons)), ""), ""),
    )


def _proxy_words(proxy: Proxy, troubled: Sequence[object]) -> str:
    if proxy.status not in ("available", "modifying"):
        return f"status {proxy.status or 'unknown'}"
    if not proxy.targets:
        return "no database is registered behind it"
    states = ", ".join(f"{t.identifier} {t.state} {t.reason}".strip() for t in proxy.targets if t in troubled)
    return f"targets {states}" if states else f"status {proxy.status}, all {len(proxy.targets)} targets reached"


_PROXY_SIGNS: Mapping[str, tuple[str, ...]] = {
    "AUTH_FAILURE": ("authentication",),
    "CONNECTION_FAILED": ("network", "refused"),
    "UNREACHABLE": ("network",),
    "PENDING_PROXY_CAPACITY": ("capacity", "connections"),
}
_PROXY_CAUSES: Mapping[str, str] = {
    "AUTH_FAILURE": "the secret registered with the proxy does not fit the database's user",
    "CONNECTION_FAILED": "the database refused the proxy",
    "UNREACHABLE": "the proxy's security groups or subnets do not reach the database",
    "PENDING_PROXY_CAPACITY": "the proxy is still scaling",
}
