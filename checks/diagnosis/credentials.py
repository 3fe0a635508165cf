"""Whether what services are told about their database (variables, secrets) agrees with the database itself.

No password is ever compared: only a login can prove one. Missing keys are fine, contradicting ones are not; secrets
that RDS manages hold a user name and a password only.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from checks.diagnosis.verdict import Severity, Verdict
from fixtures.model.database import Database, DatabaseEnd, DatabaseLink, DatabaseParameters, Proxy, Setting, normal
from fixtures.model.ecs import Service, Task
from fixtures.model.secrets import StoredSecret
from fixtures.references import secret_address

# A name of a whole global database (name.global-hash.global.rds…) is an alias of whichever cluster writes.
_RDS_NAME = re.compile(r"(?<!\.global)\.rds\.(?:cn-[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?$")
# What is the same in all host names that RDS gives out to an account in a Region: hash, Region and domain.
_ZONE = re.compile(r"(?:^|[.-])([a-z0-9]+\.[a-z0-9-]+\.rds\.amazonaws\.com(?:\.cn)?)$")
_FAMILIES = {"postgres": "postgres", "mysql": "mysql", "mariadb": "mysql", "sqlserver": "sqlserver", "oracle": "oracle"}


class Difference(Struct, frozen=True):
    """Something that does not agree.

    Args:
        severity: None where the service cannot connect because of it, otherwise how grave it is.
    """

    what: str
    observed: str
    expected: str
    signs: tuple[str, ...]
    severity: Severity | None = None

    @property
    def line(self) -> str:
        """In one line."""
        return f"{self.what} is {self.observed}; expected {self.expected}"


def host_difference(host: Setting, database: Database, proxy: Proxy | None) -> Difference | None:
    """Whether a host leads elsewhere. A name that is not RDS's own may be an alias: only resolving it would tell."""
    value = normal(host.value)
    # A replica has the logins of its source, whose host its secret may name.
    ours = {normal(e) for e in (*database.endpoints, *database.copies, *(proxy.endpoints if proxy else ()))}
    if value in ours:
        return None
    expected = (proxy.endpoints[0] if proxy else database.endpoint) or f"the endpoint of {database.identifier}"
    if not value:
        return Difference(host.source, "empty", expected, ("dns", "configuration", "refused"))
    if "${" in value or "{{" in value:
        return Difference(host.source, f"the unfilled template {host.value}", expected, ("dns", "configuration"))
    if _is_loopback(value):
        return Difference(host.source, f"{host.value}, the task itself", expected, ("refused", "configuration"))
    if _RDS_NAME.search(value):
        return Difference(host.source, f"{host.value}, another endpoint", expected, ("dns", "network", "refused"))
    if _is_address(value):
        what = f"{host.value}, a fixed address, which changes with every failover or restore"
        return Difference(host.source, what, expected, ("network", "refused"), "medium")
    what = f"{host.value}, an alias whose target cannot be told from here"
    return Difference(host.source, what, f"an alias of {expected}", ("dns", "network"), "low")


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _is_loopback(value: str) -> bool:
    return value == "localhost" or (_is_address(value) and ipaddress.ip_address(value).is_loopback)


def port_difference(port: Setting, database: Database, proxy: Proxy | None) -> Difference | None:
    """Whether a port (number or string) is another one than that of the endpoint."""
    expected = proxy.port if proxy else database.port
    text = port.value.strip()
    if text.isdigit() and int(text) == expected:
        return None
    return Difference(port.source, text or "empty", str(expected), ("refused", "network"))


def name_difference(name: Setting, database: Database) -> Difference | None:
    """Whether another database name is used than the one made with the instance; it may have been created since."""
    if not database.database_name or name.value == database.database_name:
        return None
    if not name.value.strip():
        return Difference(name.source, "empty", database.database_name, ("configuration",))
    expected = f"{database.database_name}, unless {name.value} was created since"
    return Difference(name.source, name.value, expected, ("configuration",), "medium")


def user_difference(user: Setting, database: Database, is_master: bool) -> Difference | None:
    """Whether another user than the master logs in; that is a fault only where the secret is the master's."""
    if not database.master_user or user.value == database.master_user:
        return None
    if is_master or not user.value.strip():
        return Difference(user.source, user.value or "empty", database.master_user, ("authentication",))
    expected = f"a role of that name in {database.identifier} (its master user is {database.master_user})"
    return Difference(user.source, user.value, expected, ("authentication",), "low")


def engine_difference(engine: Setting, database: Database) -> Difference | None:
    """Whether a secret is for another kind of database."""
    if _family(engine.value) == _family(database.engine):
        return None
    return Difference(engine.source, engine.value, database.engine, ("configuration",))


def _family(engine: str) -> str:
    name = engine.lower().removeprefix("aurora-")
    return next((f for start, f in _FAMILIES.items() if name.startswith(start)), name)


Compare = Callable[[Setting, DatabaseEnd], Difference | None]


def settings_agree(link: DatabaseLink, is_master: bool) -> Verdict:
    """What the task definition says in plain text agrees with the database: host, port, name, user.

    Args:
        is_master: the service logs in as the master user (the target or RDS says so).
    """
    said = link.settings
    compared: list[tuple[Iterable[Setting], Compare]] = [
        (said.hosts, lambda h, end: _host_among(h, end, link)),
        (said.ports, lambda p, end: port_difference(p, end.database, end.proxy)),
        (said.names, lambda n, end: name_difference(n, end.database)),
        (said.users, lambda u, end: user_difference(u, end.database, is_master and end.key == link.ends[0].key)),
    ]
    found = [d for settings, compare in compared for s in settings for d in _differs(s, link, compare)]
    values = [s.source for settings, _ in compared for s in settings]
    return _verdict(found, link, link.database.arn, f"service {link.service}", values)


def _differs(setting: Setting, link: DatabaseLink, compare: Compare) -> Iterable[Difference]:
    """What is wrong with a setting: it agrees if it does with one of the databases that it may be about."""
    found = [compare(setting, end) for end in _ends_of(setting, link)]
    return [d for d in found[:1] if d is not None and None not in found]


def _ends_of(setting: Setting, link: DatabaseLink) -> list[DatabaseEnd]:
    """The databases that the variable or URL of a setting leads to, or else the other hosts of its container.

    The main one where none of them leads, or it is among those of the container.
    """
    main, container = link.ends[0], _container(setting)
    own = _led_to((h for h in link.settings.hosts if h.source == setting.source), link)
    beside = _led_to((h for h in link.settings.hosts if _container(h) == container), link)
    return own or ([main] if main in beside or not beside else beside)


def _led_to(hosts: Iterable[Setting], link: DatabaseLink) -> list[DatabaseEnd]:
    names = {normal(h.value) for h in hosts}
    return [e for e in link.ends if names & set(e.endpoints)]


def _container(setting: Setting) -> str:
    """``sidecar`` of ``DB_HOST of sidecar``."""
    return setting.source.rpartition(" of ")[2]


def _host_among(host: Setting, end: DatabaseEnd, link: DatabaseLink) -> Difference | None:
    """Whether a host leads elsewhere; milder for a further one, in another account or Region: nobody could see it."""
    found = host_difference(host, end.database, end.proxy)
    value, zone = normal(host.value), _ZONE.search(normal(host.value))
    here = _ZONE.search(end.database.endpoint)
    others = any(normal(h.value) in e.endpoints for h in link.settings.hosts for e in link.ends)
    namesake = value.partition(".")[0] in {e.database.identifier for e in link.ends}
    if found is None or not (zone and here and others) or zone[1] == here[1] or namesake:
        return found
    what = f"{host.value}, a database of another account or Region, which is not judged here"
    return replace(
        found, observed=what, expected=f"a database that is there, beside {end.database.identifier}", severity="low"
    )


def _verdict(
    differences: Sequence[Difference], link: DatabaseLink, resource: str, name: str, compared: Sequence[str]
) -> Verdict:
    grave = [d for d in differences if d.severity is None]
    chosen = (grave or sorted(differences, key=lambda d: d.severity != "medium"))[:1]
    database = link.database
    fine = f"agrees with {database.identifier} ({', '.join(compared) or 'nothing to compare'})"
    return Verdict(
        ok=not differences,
        resource=resource,
        name=name,
        observed=f"{chosen[0].what} is {chosen[0].observed}" if chosen else fine,
        expected=chosen[0].expected if chosen else f"what leads to {database.identifier}",
        evidence=(*(d.line for d in differences), f"{database.identifier} was found because {link.found_by}"),
        related=(f"service/{link.service}", *database.related),
        signs=tuple(dict.fromkeys(s for d in (grave or differences) for s in d.signs)),
        names={"database": database.main_instance, "host": database.endpoint, "port": str(database.port)},
        severity=None if grave or not differences else chosen[0].severity,
    )


# -- the secret -------------------------------------------------------------------------------------------------


def secret_valid(secret: StoredSecret, service: str, taken: Sequence[str] = ()) -> Verdict:
    """A secret exists, is not about to be deleted, has a current version and, as JSON, a password that is not empty.

    Args:
        taken: keys that the service takes from it by name: its password may have any of them.
    """
    problem, cause = _secret_problem(secret, taken)
    return Verdict(
        ok=not problem,
        resource=secret.arn or secret.reference,
        name=secret.name or secret.reference,
        observed=problem or f"it is readable and has {', '.join(secret.keys) or 'a value'}",
        expected="a current version that holds a user name and a password",
        evidence=(f"keys: {', '.join(secret.keys)}",) if secret.keys else (),
        related=(f"service/{service}", secret.arn or secret.reference),
        signs=("authentication", "secret"),
        names={
            "parameter" if secret.source == "ssm" else "secret": secret.name or secret_address(secret.reference).name
        },
        likely_cause=cause,
    )


def _secret_problem(secret: StoredSecret, taken: Sequence[str]) -> tuple[str, str]:
    if secret.status == "missing":
        return "there is no such secret", "it was deleted or renamed, or the ARN in the task definition is mistyped"
    if secret.status == "deleted":
        when = f" on {secret.deleted_at:%Y-%m-%d}" if secret.deleted_at else ""
        return f"it is scheduled for deletion{when}", "somebody deleted it; it can be restored until then"
    if secret.status == "no_value":
        return "it has no AWSCURRENT version", "it was made without a value, or a rotation broke off"
    if secret.empty:
        return "its value is empty", ""
    empty = [k for k in secret.empty_keys if k in ("username", "password")]
    if empty:
        return f"its {' and '.join(empty)} is empty", ""
    public = secret.public or {}
    by_convention = any(k in public for k in secret.keys)
    used = [k for k in taken if k in secret.keys and k not in public]
    if by_convention and "password" not in secret.keys and not used:
        return "its JSON has no password", "whoever wrote it used other keys"
    return "", ""


def secret_agrees(
    secret: StoredSecret, link: DatabaseLink, is_master: bool, others: Sequence[StoredSecret] = ()
) -> Verdict:
    """What a secret says besides the password agrees with the database and with the task's plain variables.

    Args:
        others: all secrets that the service takes for its database.
    """
    end = end_of_secret(secret, link)
    database, proxy = end.database, end.proxy
    public = dict(secret.public or {})

    def said(key: str) -> list[Setting]:
        return [Setting(public[key], f"{key} in secret {secret.name}")] if key in public else []

    found = [
        *(host_difference(h, database, proxy) for h in said("host")),
        *(port_difference(p, database, proxy) for p in said("port")),
        *(name_difference(n, database) for n in said("dbname")),
        *(engine_difference(e, database) for e in said("engine")),
        *(_identifier_difference(i, database) for k in _IDENTIFIERS for i in said(k)),
        *(user_difference(u, database, is_master) for u in said("username")),
        *_against_task(public, secret, link, {(s.public or {}).get("username", "") for s in others}),
    ]
    found_by = link.found_by if end.key == link.ends[0].key else "the secret leads to it"
    return _verdict(
        [d for d in found if d],
        replace(link, database=database, proxy=proxy, found_by=found_by),
        secret.arn or secret.reference,
        secret.name,
        [f"{k} in the secret" for k in public],
    )


def end_of_secret(secret: StoredSecret, link: DatabaseLink) -> DatabaseEnd:
    """Which of the databases that a service uses a secret is for: the main one unless it leads to another."""
    return next((e for e in link.others if secret.reference in e.secrets), link.ends[0])


_IDENTIFIERS = ("dbInstanceIdentifier", "dbClusterIdentifier")


def _identifier_difference(identifier: Setting, database: Database) -> Difference | None:
    ours = {database.identifier, database.cluster, *database.instances, database.replica_of}
    if identifier.value in ours:
        return None
    return Difference(identifier.source, identifier.value, database.identifier, ("network", "authentication"), "medium")


def _against_task(
    public: Mapping[str, str], secret: StoredSecret, link: DatabaseLink, logins: set[str]
) -> Iterable[Difference]:
    """A user in plain text beside a password from the secret: they must be of the same login.

    Args:
        logins: users of all the service's secrets: a plain one may belong to another of them.
    """
    user = public.get("username")
    if user is None:
        return
    end = end_of_secret(secret, link)
    for plain in link.settings.users:
        same = end.key in (e.key for e in _ends_of(plain, link))
        if same and plain.value and plain.value not in {user, *logins}:
            expected = f"{user}, as the password is that of secret {secret.name}"
            yield Difference(plain.source, plain.value, expected, ("authentication",))


def is_master_secret(secret: StoredSecret, link: DatabaseLink, told: bool | None) -> bool:
    """Whether a secret holds the master user: RDS says so, or, of the main database's, the target does."""
    end = end_of_secret(secret, link)
    if end.database.master_secret and end.database.master_secret == secret.arn:
        return True
    return bool(told) and end.key == link.ends[0].key


def fresh(
    tasks: Sequence[Task], secrets: Sequence[StoredSecret], service: Service, authentication_errors: Sequence[str]
) -> Verdict:
    """Every running task started after its secret last changed: ECS reads secrets only when a task starts.

    Args:
        authentication_errors: log lines that say a login was refused; with them it is a fault, otherwise a risk.
    """
    dated = [s for s in secrets if s.changed_at is not None]
    stale = [
        (t, s)
        for t in tasks
        for s in dated
        if t.started_at is not None and s.changed_at and t.started_at < s.changed_at
    ]
    first = stale[0] if stale else None
    return Verdict(
        ok=not stale,
        resource=first[1].arn or first[1].reference if first else (dated[0].arn if dated else service.name),
        name=first[1].name if first else f"service {service.name}",
        observed=_staleness(stale) if stale else f"all {len(tasks)} tasks are younger than their secrets",
        expected="tasks started after the last change",
        evidence=(
            *(f"task {t.id} started {_at(t.started_at)}, {s.name} changed {_at(s.changed_at)}" for t, s in stale),
            *authentication_errors[:5],
        ),
        related=(f"service/{service.name}", *(s.arn or s.reference for s in dated)),
        signs=("authentication",),
        names={"secret": first[1].name, "outdated_service": service.service} if first else {},
        severity=None if authentication_errors or not stale else "medium",
        likely_cause="the secret was rotated or edited, and the tasks still hold the old password" if stale else "",
    )


def _staleness(stale: Sequence[tuple[Task, StoredSecret]]) -> str:
    tasks = {t.id for t, _ in stale}
    changed = max(s.changed_at for _, s in stale if s.changed_at)
    return f"it changed at {_at(changed)}, after {len(tasks)} running task{'s' * (len(tasks) > 1)} had started"


def _at(instant: dt.datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC" if instant else "at an unknown time"


def rotates(secret: StoredSecret, database: Database, stages: Mapping[str, Sequence[str]], now: dt.datetime) -> Verdict:
    """The secret's rotation works: it is not overdue, not stuck half-way, and RDS does not call it impaired.

    Args:
        stages: DescribeSecret's ``VersionIdsToStages``.
    """
    problems = []
    if secret.next_rotation_at is not None and secret.next_rotation_at < now - dt.timedelta(days=1):
        problems.append(f"its rotation was due on {secret.next_rotation_at:%Y-%m-%d} and did not happen")
    if secret.rotation_enabled and any(list(s) == ["AWSPENDING"] for s in stages.values()):
        problems.append("a version is still AWSPENDING: its last rotation did not finish")
    if database.master_secret == secret.arn and database.master_secret_status == "impaired":  # noqa: S105
        problems.append(f"RDS cannot rotate it any more (impaired) for {database.identifier}")
    return Verdict(
        ok=not problems,
        resource=secret.arn or secret.reference,
        name=secret.name,
        observed=problems[0] if problems else "no rotation is overdue or stuck",
        expected="a rotation that finishes, or none",
        evidence=tuple(problems),
        related=(secret.arn or secret.reference, *database.related),
        signs=("authentication", "secret"),
        names={"secret": secret.name, "database": database.main_instance},
    )


# -- encryption -------------------------------------------------------------------------------------------------

_PLAIN_MODES = frozenset({"disable", "allow"})


# The version from which on each engine refuses them by default (RDS and Aurora user guides, "Requiring SSL/TLS").
_TLS_SINCE = {"postgres": (15,), "aurora-postgresql": (17,), "mysql": (9,), "mariadb": (11, 8)}


def requires_tls(database: Database, parameters: DatabaseParameters) -> bool:
    """Whether the database refuses connections without TLS: as its parameter says, or else by its engine's default."""
    name = "rds.force_ssl" if "postgres" in database.engine else "require_secure_transport"
    value = parameters.values.get(name)
    if value is not None:
        return value.lower() in ("1", "on", "true")
    since = _TLS_SINCE.get(database.engine)
    version = tuple(int(p) for p in re.findall(r"\d+", database.engine_version))
    return since is not None and version >= since


def encryption_agrees(link: DatabaseLink, parameters: DatabaseParameters, end: DatabaseEnd | None = None) -> Verdict:
    """No service is told to connect without TLS to a database (or proxy) that requires it.

    Args:
        parameters: those of the database.
        end: which of the link's databases is meant; the main one where nothing is said.
    """
    end = end or link.ends[0]
    own = [m for m in link.settings.sslmodes if end.key in (e.key for e in _ends_of(m, link))]
    plain = [m for m in own if m.value.lower() in _PLAIN_MODES]
    link = replace(link, database=end.database, proxy=end.proxy)
    required = requires_tls(link.database, parameters) or bool(link.proxy and link.proxy.require_tls)
    ok = not (plain and required)
    who = link.proxy.name if link.proxy and link.proxy.require_tls else link.database.identifier
    return Verdict(
        ok=ok,
        resource=link.database.arn,
        name=f"service {link.service}",
        observed=f"{plain[0].source} says sslmode={plain[0].value}, but {who} refuses connections without TLS"
        if not ok
        else f"{who} {'requires' if required else 'does not require'} TLS, and nothing contradicts that",
        expected="sslmode=require (or verify-full)",
        evidence=tuple(f"{m.source}: sslmode={m.value}" for m in own),
        related=(f"service/{link.service}", *link.database.related),
        signs=("tls",),
        names={"database": link.database.main_instance},
    )
