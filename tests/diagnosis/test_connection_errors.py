from __future__ import annotations

import re

import pytest

from checks.diagnosis import connection_errors
from checks.diagnosis.connection_errors import classify
from fixtures.facts.logs import COMPLAINTS
from fixtures.model.database import DatabaseEvent
from tests.diagnosis.database_facts import HOST, NOW, ago, link, logs, service

AT = f'connection to server at "{HOST}" (10.0.11.5), port 5432 failed: '
REFUSED = f"psycopg2.OperationalError: {AT}Connection refused"

MEANINGS = [
    # libpq, psycopg
    (REFUSED, "refused"),
    ("psycopg2.OperationalError: could not connect to server: Connection refused", "refused"),
    ("\tIs the server running on that host and accepting TCP/IP connections?", "refused"),
    (f"psycopg2.OperationalError: {AT}timeout expired", "timeout"),
    (f"psycopg.OperationalError: {AT}Connection timed out", "timeout"),
    ("could not connect to server: Connection timed out", "timeout"),
    (f'psycopg2.OperationalError: could not translate host name "{HOST}" to address: No such host', "name not found"),
    (f'psycopg2.OperationalError: {AT}FATAL:  password authentication failed for user "app"', "authentication"),
    (f'psycopg2.OperationalError: {AT}FATAL:  database "shop" does not exist', "database missing"),
    (f'{AT}FATAL:  no pg_hba.conf entry for host "10.0.1.5", user "a", database "d", no encryption', "TLS required"),
    ('FATAL: no pg_hba.conf entry for host "10.0.1.5", user "a", database "d", SSL off', "TLS required"),
    ('FATAL: no pg_hba.conf entry for host "10.0.1.5", user "a", database "d", SSL encryption', "authentication"),
    ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", "too many connections"),
    ("FATAL:  remaining connection slots are reserved for non-replication superuser connections", "too many connections"),
    ("FATAL: sorry, too many clients already", "too many connections"),
    ("(psycopg2.OperationalError) server closed the connection unexpectedly", "interrupted"),
    ("FATAL:  terminating connection due to administrator command", "interrupted"),
    ("FATAL:  the database system is starting up", "refused"),
    ("sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out", "pool exhausted"),
    # node-postgres
    ("Error: connect ECONNREFUSED 10.0.11.5:5432", "refused"),
    ("Error: connect ECONNREFUSED 127.0.0.1:5432", "refused"),
    ("Error: connect ETIMEDOUT 10.0.11.5:5432", "timeout"),
    (f"Error: getaddrinfo ENOTFOUND {HOST}", "name not found"),
    ("Error: Connection terminated due to connection timeout", "timeout"),
    ("Error: Connection terminated unexpectedly at Connection.<anonymous> (/app/node_modules/pg/lib/client.js)", "interrupted"),
    ('error: password authentication failed for user "app"', "authentication"),
    ("Error: SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string", "authentication"),
    ("SequelizeConnectionError: self-signed certificate in certificate chain", "TLS required"),
    # asyncpg
    ("ConnectionRefusedError: [Errno 111] Connect call failed ('10.0.11.5', 5432)", "refused"),
    ("asyncpg.exceptions.InvalidPasswordError: password authentication failed for user \"app\"", "authentication"),
    ("asyncpg.exceptions.TooManyConnectionsError: sorry", "too many connections"),
    ('asyncpg.exceptions.InvalidCatalogNameError: database "x" does not exist', "database missing"),
    # JDBC
    ("org.postgresql.util.PSQLException: Connection to db:5432 refused. Check that the hostname and port", "refused"),
    ("HikariPool-1 - Connection is not available, request timed out after 30000ms.", "pool exhausted"),
    ("org.postgresql.util.PSQLException: The connection attempt failed.\nCaused by: java.net.SocketTimeoutException", "timeout"),
    # Go
    ("failed to connect to `host=db user=app database=shop`: dial error (dial tcp 10.0.11.5:5432: i/o timeout)", "timeout"),
    ("pq: dial tcp 10.0.11.5:5432: connect: connection refused", "refused"),
    (f"dial tcp: lookup {HOST} on 10.0.0.2:53: no such host", "name not found"),
    # of frames only
    ('  File "/usr/lib/asyncpg/connect_utils.py", line 9\nsocket.gaierror: [Errno -2] Name or service not known', "name not found"),
    # of services and loggers named after something else
    ('{"service":"kafka-consumer","message":"org.postgresql.core: java.net.SocketTimeoutException: connect timed out"}', "timeout"),
    ('{"service":"redis","message":"psycopg2.OperationalError: timeout expired"}', "timeout"),
    ("ERROR com.shop.kafka.OrderListener : jdbc: java.net.SocketTimeoutException: connect timed out", "timeout"),
    ("kafka_consumer: sqlalchemy.exc.OperationalError: Connection refused", "refused"),
    # MySQL
    ("(1045, \"Access denied for user 'app'@'10.0.1.5' (using password: YES)\")", "authentication"),
    ("pymysql.err.OperationalError: (2003, \"Can't connect to MySQL server on 'db' (111)\")", "refused"),
    ("ERROR 1040 (HY000): MySQL: Too many connections", "too many connections"),
    ("(2006, 'MySQL server has gone away')", "interrupted"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "kind"), MEANINGS)
def test_kinds(line: str, kind: str) -> None:
    found = classify(line, [HOST], [5432])
    assert re.search(COMPLAINTS.strip("%"), line), "in a busy log it would not be found"
    assert found is not None, line
    assert found.name == kind


@pytest.mark.parametrize(
    "line",
    [
        'INFO 10.0.1.5 - "GET /health HTTP/1.1" 200 OK',
        "redis.exceptions.ConnectionError: Error 111 connecting to cache:6379. Connection refused.",
        "Error: connect ECONNREFUSED 10.0.11.5:8000",
        "requests.exceptions.ConnectTimeout: HTTPSConnectionPool(host='api.example.com', port=443): timed out",
        "upstream connect timed out while reading",
        "WARN authentication failed for user 17: wrong password",
        "getaddrinfo ENOTFOUND hooks.example.com",
        "connected to 10.0.11.5:5432 in 3 ms",
        "Read 5432 rows from products",
        'KeyError: "database"',
        "Too many connections are opened by this crawler, slowing down",
        "Error: connect ECONNREFUSED 10.0.3.4:6379 while filling the cache from the database",
        "[ioredis] connect ETIMEDOUT, falling back to postgres",
        "Redis: connection timed out, falling back to postgres",
        '{"service":"redis-cache","message":"connect ECONNREFUSED 10.0.3.4:6379, falling back to postgres"}',
        '{"service":"web","message":"redis.exceptions.TimeoutError: connection timed out; postgres is asked"}',
        "org.apache.kafka.common.errors.TimeoutException: connection timed out after mysql",
        "KafkaJSConnectionError: Connection refused (prisma is unaffected)",
        'File "/app/sqlalchemy/session.py", line 3\nError connecting to redis-master: Connection refused',
        "kombu.exceptions.OperationalError: [Errno 111] Connection refused",
        "httpx.PoolTimeout",
        "Traceback (most recent call last):\n"
        '  File "/app/sqlalchemy/orm/session.py", line 3, in flush\n'
        "requests.exceptions.ConnectTimeout: HTTPSConnectionPool(host='api.stripe.com', port=443): Max retries exceeded",
    ],
)
def test_what_is_not_about_the_database(line: str) -> None:
    assert classify(line, [HOST], [5432]) is None


def test_another_configured_port_counts() -> None:
    assert classify("connect ECONNREFUSED 10.0.11.5:6432") is None
    assert classify("connect ECONNREFUSED 10.0.11.5:6432", ports=[6432]) is not None


def judged(*lines: tuple[float, str], events: tuple[DatabaseEvent, ...] = (), deployed_min_ago: float = 2880) -> tuple[bool, str | None]:  # fmt: skip
    verdict = connection_errors.none_seen(service(deployed_min_ago), logs(*lines), link(), events, NOW, 60)
    return bool(verdict), verdict.severity


FAILOVER = DatabaseEvent(ago(30), "shop-db", "Multi-AZ instance failover completed", ("failover",))
CUT = "psycopg2.OperationalError: server closed the connection unexpectedly"


@pytest.mark.parametrize(
    ("lines", "events", "expected"),
    [
        ([], (), (True, None)),
        ([(5, "INFO fine")], (), (True, None)),
        ([(5, REFUSED)], (), (False, None)),
        ([(61, REFUSED)], (), (True, None)),
        ([(30, REFUSED), (2, "INFO fine")], (), (False, "medium")),
        ([(30, REFUSED)], (), (False, None)),
        ([(14, REFUSED), (2, "INFO fine")], (), (False, None)),
        ([(5, CUT)], (), (False, "medium")),
        ([(5, CUT), (6, CUT), (7, CUT)], (), (False, None)),
        ([(29, CUT), (28.5, REFUSED), (28, CUT)], (FAILOVER,), (False, "medium")),
        ([(29, CUT), (10, REFUSED)], (FAILOVER,), (False, None)),
    ],
)
def test_what_counts(
    lines: list[tuple[float, str]], events: tuple[DatabaseEvent, ...], expected: tuple[bool, str | None]
) -> None:
    assert judged(*lines, events=events) == expected


def test_errors_of_an_earlier_deployment_do_not_count() -> None:
    assert judged((20, REFUSED), deployed_min_ago=10) == (True, None)
    assert judged((5, REFUSED), deployed_min_ago=10) == (False, None)


def test_another_databases_failover_explains_nothing() -> None:
    other = DatabaseEvent(ago(30), "other-db", "failover", ("failover",))
    assert judged((29, REFUSED), (28, REFUSED), events=(other,)) == (False, None)


def test_verdict_counts_kinds_and_shows_the_telling_lines() -> None:
    trace = f'Traceback (most recent call last):\n  File "/app/db.py", line 3\n{REFUSED}'
    found = logs((5, trace), (6, REFUSED), (7, 'error: password authentication failed for user "app"'))
    verdict = connection_errors.none_seen(service(), found, link(), (), NOW, 60)
    assert "3 log lines" in verdict.observed
    assert "2 refused, 1 authentication" in verdict.observed
    assert verdict.evidence[0] == f"02:55:00 {REFUSED}"
    assert set(verdict.signs) == {"refused", "authentication", "secret"}
    assert verdict.names["log_group"] == "/ecs/web"


def test_refused_logins_alone() -> None:
    found = logs((5, 'FATAL: password authentication failed for user "app"'), (6, REFUSED), (90, "28P01"))
    lines = connection_errors.authentication_lines(found, link(), ago(60))
    assert lines == ('02:55:00 FATAL: password authentication failed for user "app"',)
