"""What services' logs say about their connections to the database: which kind of trouble, and where to look.

Texts of libpq/psycopg, node-postgres, asyncpg, JDBC, Go (pgx, database/sql), SQLAlchemy and the MySQL clients. What is
not about a database by its own words (a refused connection, a name that does not resolve) counts only where the line
also names the database's host, its port or a database client, or, unless it names something else, lines around it do.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

from msgspec import Struct

from checks.diagnosis.late_patterns import pattern
from checks.diagnosis.service_state import deployed_at
from checks.diagnosis.verdict import Severity, Verdict
from fixtures.model.database import DatabaseEvent, DatabaseLink
from fixtures.model.ecs import Service
from fixtures.model.logs import LogEvent, ServiceLogs


class Kind(Struct, frozen=True):
    """A kind of connection trouble.

    Args:
        signs: what it points to.
        pattern: text that means it, whatever else the line says.
        general: text that means it only in a line about a database.
        causes: what usually is behind it, as a clause.
        enough: how many lines make it a symptom rather than an accident.
    """

    name: str
    signs: tuple[str, ...]
    pattern: str
    general: str
    causes: str
    enough: int = 1


# In this order: the first that fits names a line.
KINDS = (
    Kind(
        "too many connections",
        ("connections",),
        r"remaining connection slots are reserved|sorry, too many clients already|TooManyConnectionsError"
        r"|too many connections for (?:role|database)|\b53300\b.{0,40}connection|ER_CON_COUNT_ERROR"
        r"|ER_TOO_MANY_USER_CONNECTIONS|\(1040, 'Too many connections'\)",
        r"too many connections",
        "max_connections is used up: connections leak, pools are too large, or tasks are too many",
    ),
    Kind(
        "TLS required",
        ("tls",),
        r"no pg_hba\.conf entry for host .{0,200}(?:no encryption|SSL off)"
        r"|Connections using insecure transport are prohibited|This RDS Proxy requires TLS"
        r"|server does not support SSL, but SSL was required|SSL is not enabled on the server"
        r"|The server does not support SSL connections",
        r"certificate verify failed|self[- ]signed certificate in certificate chain"
        r"|unable to (?:get|verify) .{0,30}certificate|SSL error|PKIX path building failed|x509: certificate signed by",
        "the client connects without TLS (or with certificates that it cannot verify) while rds.force_ssl is on",
    ),
    Kind(
        "authentication",
        ("authentication", "secret"),
        r"password authentication failed for user|PAM authentication failed for user|InvalidPasswordError"
        r"|no password supplied|empty password returned by client|role \"[^\"]*\" does not exist"
        r"|no pg_hba\.conf entry for host|\b28P01\b|\b28000\b.{0,60}(?:role|auth|pg_hba)"
        r"|Access denied for user '[^']*'@|ER_ACCESS_DENIED_ERROR"
        r"|SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string|IAM authentication failed",
        r"authentication failed",
        "the password in the tasks' memory, the secret and the database are not the same, or the role does not exist",
    ),
    Kind(
        "database missing",
        ("configuration",),
        r"(?:FATAL:\s+|error: |InvalidCatalogNameError.{0,20})database \"[^\"]*\" does not exist|\b3D000\b"
        r"|InvalidCatalogNameError|Unknown database '[^']*'|ER_BAD_DB_ERROR",
        r"database \"[^\"]*\" does not exist",
        "DB_NAME names a database that was never created in this instance",
    ),
    Kind(
        "name not found",
        ("dns",),
        r"could not translate host name|failed to resolve host",
        r"getaddrinfo (?:ENOTFOUND|EAI_AGAIN)|Name or service not known|nodename nor servname provided|no such host"
        r"|Temporary failure in name resolution|UnknownHostException|gaierror|Unknown (?:MySQL server )?host",
        "the host name is mistyped, empty, or that of an instance that was deleted or renamed",
    ),
    Kind(
        "pool exhausted",
        ("connections", "capacity"),
        r"QueuePool limit of size .{0,80}(?:reached|timed out)|SequelizeConnectionAcquireTimeoutError"
        r"|HikariPool-\d+ - Connection is not available|Timed out fetching a new connection from the connection pool"
        r"|(?<!httpx\.)(?<!httpcore\.)\bPoolTimeout|connection pool exhausted|ResourceRequest timed out",
        r"",
        "the application's own pool is too small for its load, or connections are not given back",
    ),
    Kind(
        "timeout",
        ("network",),
        r"connection to server at .{0,200}(?:timeout expired|Connection timed out)"
        r"|could not connect to server: (?:Connection timed|No route|Network is unreachable)"
        r"|Connection terminated due to connection timeout"
        r"|Can't connect to MySQL server on .{0,120}\((?:110|timed out)",
        r"ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|connection timed out|connect timed out|timeout expired|i/o timeout"
        r"|SocketTimeoutException|timeout exceeded when trying to connect|No route to host|ConnectTimeout"
        r"|Connection attempt timed out",
        "packets are dropped on the way: a security group, a network ACL or a route; a closed group never refuses",
    ),
    Kind(
        "refused",
        ("refused",),
        r"connection to server (?:at|on) .{0,200}Connection refused|could not connect to server: Connection refused"
        r"|Is the server running (?:on|locally)|Connection to \S+:\d+ refused\. Check that the hostname"
        r"|Can't connect to MySQL server on .{0,120}\(111|the database system is (?:starting up|shutting down|not yet)",
        r"ECONNREFUSED|Connection refused|ConnectionRefusedError|Connect call failed",
        "the host answers, but nothing listens there: the database is stopped or rebooting, or host or port are wrong",
    ),
    Kind(
        "interrupted",
        ("refused", "network"),
        r"server closed the connection unexpectedly|terminating connection due to administrator command"
        r"|Connection terminated unexpectedly|SSL connection has been closed unexpectedly|ConnectionDoesNotExistError"
        r"|MySQL server has gone away|Lost connection to MySQL server|SSL SYSCALL error: EOF detected"
        r"|terminating connection because of crash of another server process|cannot connect now|\b57P0[123]\b",
        r"ECONNRESET|Connection reset by peer|broken pipe",
        "the database restarted or failed over, or idle connections were cut",
        enough=3,
    ),
    Kind(
        "other",
        ("network", "refused", "dns", "authentication", "tls", "connections", "configuration"),
        r"(?:psycopg2?|psycopg2?\.errors)\.OperationalError: (?:connection|could not connect)"
        r"|PSQLException: The connection attempt failed|failed to connect to `?(?:host=|user=)"
        r"|CommunicationsException: Communications link failure|SequelizeConnectionError",
        r"",
        "the line does not say why",
    ),
)
_CLIENT = re.compile(
    r"psycopg|postgres|\bpg(?:x|bouncer|-pool)?\b|asyncpg|sqlalchemy|sequelize|typeorm|prisma|knex|jdbc|hikari|mysql|mariadb"
    r"|\bSQLSTATE\b|OperationalError|\.rds\.amazonaws\.com",
    re.IGNORECASE,
)
# Words that are also in lines about other things: they do not hold against an address that is not the database's.
_LOOSELY = re.compile(r"\bdatabase\b|\bDB_HOST\b", re.IGNORECASE)
_OTHER_CLIENT = re.compile(
    r"(?<![\w./-])(?:redis|memcached?|kafka)(?![\w\"-])|\b(?:aio|io|hi)?redis\.(?:exceptions|clients)|\bioredis|\blettuce\."
    r"|data\.redis\.|apache\.kafka\.|springframework\.kafka\.|\bkafka\.errors|kafkajs|\b(?:redis|kafka|jedis)\w{0,60}(?:Error|Exception)"
    r"|pymemcache|kombu\.|\bamqp|pymongo|elasticsearch|botocore\.|stripe\.|requests\.exceptions|urllib3\."
    r"|HTTPS?ConnectionPool|httpx\.|httpcore\.|aiohttp\.|AxiosError",
    re.IGNORECASE,
)
# As a part of a name, it may be a service's or a logger's, whose trouble may well be with the database.
_OTHER_NAME = re.compile(r"redis|memcache|kafka", re.IGNORECASE)
# Where a connection was tried to, as the runtimes of Node, Go and Python say it.
_ADDRESS = re.compile(
    r"(?:\bE[A-Z]{6,12}|dial tcp|connect(?:ing)? to) [\w.-]{1,255}:\d{2,5}\b|Connect call failed \('[^']{1,255}', \d+"
)
# The usual ports count as the database's even where another one is configured: that is then what is wrong.
_PORTS = (5432, 3306)
# After this long without a new line, in a service that goes on logging, a trouble has passed.
RECOVERED_AFTER = dt.timedelta(minutes=15)
# A failover or reboot cuts connections for a minute or two; clients notice a little later.
_BURST_BEFORE, _BURST_AFTER = dt.timedelta(minutes=2), dt.timedelta(minutes=5)
_INTERRUPTING = frozenset({"failover", "availability", "maintenance", "recovery"})


def classify(message: str, hosts: Iterable[str] = (), ports: Iterable[int] = ()) -> Kind | None:
    """The kind of connection trouble that a log message tells of; None where it tells of none.

    Args:
        hosts: host names of the database, as configured and as they are.
        ports: its ports.
    """
    return _classified(message, tuple(hosts), frozenset(ports))


# Three checks look at the same lines, each at those of all services before the next.
@lru_cache(maxsize=20_000)
def _classified(message: str, hosts: tuple[str, ...], ports: frozenset[int]) -> Kind | None:
    for kind in KINDS:
        if pattern(kind.pattern).search(message) or _is_general(kind, message, hosts, ports):
            return kind
    return None


def _is_general(kind: Kind, message: str, hosts: Iterable[str], ports: frozenset[int]) -> bool:
    """Whether a line of the message tells of trouble of a kind, and the trouble is with the database."""
    general = pattern(kind.general)
    if not kind.general or not general.search(message):
        return False
    said = {_says_whose(line, hosts, ports) for line in message.split("\n") if general.search(line)}
    if True in said:
        return True
    # Only a line that names nothing is judged by what is around it: a traceback's frames lead through much else.
    return None in said and (
        bool(_CLIENT.search(message) or _LOOSELY.search(message)) or _is_addressed(message, hosts, ports)
    )


def _says_whose(line: str, hosts: Iterable[str], ports: frozenset[int]) -> bool | None:
    """Whether a line says that its trouble is with the database, or with something else; None where it says neither."""
    if _is_addressed(line, hosts, ports):
        return True
    elsewhere, named = bool(_ADDRESS.search(line)), bool(_OTHER_NAME.search(line))
    if _OTHER_CLIENT.search(line) or (named and elsewhere):
        return False
    if _CLIENT.search(line):
        return True
    return False if named or elsewhere else None


def _is_addressed(text: str, hosts: Iterable[str], ports: frozenset[int]) -> bool:
    if any(h and h in text.lower() for h in hosts):
        return True
    return _names_port(ports.union(_PORTS)).search(text) is not None


@cache
def _names_port(ports: frozenset[int]) -> re.Pattern[str]:
    wanted = "|".join(str(p) for p in sorted(ports))
    return re.compile(rf"(?:[:,]|port )\s*(?:{wanted})\b")


class Trouble(Struct, frozen=True):
    """A log event that tells of connection trouble."""

    event: LogEvent
    kind: Kind


def troubles(logs: ServiceLogs, link: DatabaseLink, since: dt.datetime) -> tuple[Trouble, ...]:
    """Connection troubles in a service's logs since an instant, newest first."""
    told = [h.value.lower() for h in link.settings.hosts]
    hosts = [h for h in (*told, *(e for end in link.ends for e in end.endpoints)) if len(h) > 3]
    ports = [p for end in link.ends for p in end.ports]
    ports += [int(p.value) for p in link.settings.ports if p.value.isdigit()]
    return tuple(Trouble(e, kind) for e in logs.events if e.at >= since and (kind := classify(e.message, hosts, ports)))


def authentication_lines(logs: ServiceLogs, link: DatabaseLink, since: dt.datetime) -> tuple[str, ...]:
    """Log lines since an instant that say a login was refused."""
    return tuple(_line(t) for t in troubles(logs, link, since) if t.kind.name == "authentication")


def current_since(service: Service, now: dt.datetime, window_min: int) -> dt.datetime:
    """From when on log lines speak of what runs now: the window's start, or that of the current deployment."""
    return max(now - dt.timedelta(minutes=window_min), deployed_at(service))


def none_seen(
    service: Service,
    logs: ServiceLogs,
    link: DatabaseLink,
    events: Iterable[DatabaseEvent],
    now: dt.datetime,
    window_min: int,
) -> Verdict:
    """The service's logs tell of no trouble with the database since its current deployment.

    Milder findings: a single burst around a failover or reboot that RDS reports, one that has passed, and a few cut
    connections, which also happen to idle ones.
    """
    since = current_since(service, now, window_min)
    seen = troubles(logs, link, since)
    counts = Counter(t.kind.name for t in seen)
    by_name = {k.name: k for k in KINDS}
    if not seen:
        return _quiet(service, logs, link, since)
    main = by_name[max(counts, key=lambda n: (n != "other", counts[n]))]
    severity, why = _severity(seen, logs, link, tuple(events), now)
    kinds = ", ".join(f"{n} {name}" for name, n in counts.most_common())
    signs = tuple(dict.fromkeys(s for name in counts for s in by_name[name].signs))
    told = "1 log line tells" if len(seen) == 1 else f"{len(seen)} log lines tell"
    return Verdict(
        ok=False,
        resource=service.arn,
        name=service.service,
        observed=f"{told} of trouble with the database since {since:%H:%M} UTC ({kinds}){why}",
        expected="no connection errors",
        evidence=tuple(_line(t) for t in _chosen(seen)),
        related=(
            *service.related,
            *(r for end in link.ends for r in (*end.database.related, *([end.proxy.arn] if end.proxy else []))),
        ),
        signs=signs,
        names={"service": service.service, "cluster": service.cluster, "database": link.database.main_instance}
        | ({"log_group": logs.groups[0]} if logs.groups else {}),
        severity=severity,
        likely_cause=main.causes,
        brief=f"{main.name} in its log" if main.name != "other" else "trouble with the database in its log",
    )


def _quiet(service: Service, logs: ServiceLogs, link: DatabaseLink, since: dt.datetime) -> Verdict:
    return Verdict(
        ok=True,
        resource=service.arn,
        name=service.service,
        observed=f"none of {sum(e.at >= since for e in logs.events)} log events since {since:%H:%M} UTC tells of any",
        expected="no connection errors",
        related=(*service.related, *link.database.related),
    )


def _severity(
    seen: Sequence[Trouble], logs: ServiceLogs, link: DatabaseLink, events: Sequence[DatabaseEvent], now: dt.datetime
) -> tuple[Severity | None, str]:
    """How grave it is, and why it is milder."""
    own = [i for end in link.ends for i in (end.database.identifier, *end.database.instances)]
    cuts = [e for e in events if e.source in own and _INTERRUPTING & set(e.categories)]
    if cuts and all(any(-_BURST_BEFORE <= t.event.at - c.at <= _BURST_AFTER for c in cuts) for t in seen):
        return "medium", f", all around an RDS event: {cuts[-1].message}"
    last = seen[0].event.at
    quiet_since = any(e.at > last + RECOVERED_AFTER / 3 for e in logs.events)
    if now - last >= RECOVERED_AFTER and quiet_since:
        return "medium", f", the last at {last:%H:%M} UTC"
    counts = Counter(t.kind.name for t in seen)
    if all(n < next(k.enough for k in KINDS if k.name == name) for name, n in counts.items()):
        return "medium", ", too few to be more than cut idle connections"
    return None, ""


def _chosen(seen: Sequence[Trouble], each: int = 3) -> list[Trouble]:
    """The newest of each kind, so that none hides another."""
    kept: Counter[str] = Counter()
    found = []
    for one in seen:
        kept[one.kind.name] += 1
        if kept[one.kind.name] <= each:
            found.append(one)
    return found


def _line(trouble: Trouble) -> str:
    """The line of a message that tells; in a traceback that is rarely the first."""
    lines = [line.strip() for line in trouble.event.message.splitlines() if line.strip()]
    telling = next((line for line in lines if classify(line)), lines[-1] if lines else "")
    return f"{trouble.event.at:%H:%M:%S} {telling[:300]}"
