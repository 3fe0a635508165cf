"""Stuck sessions of a real PostgreSQL: CI installs one, and a machine without fails these tests rather than skipping them."""

from __future__ import annotations

import sys

import psycopg
import pytest

from fixtures import postgres
from fixtures.errors import Unavailable
from fixtures.sandbox.postgres import binaries
from fixtures.sandbox.server import Host, World
from fixtures.secret import Secret
from tests.harness import ROOT, run_checks

IMPATIENT = str(ROOT / "tests" / "impatient.toml")


def test_there_is_a_postgresql_to_test_with() -> None:
    assert binaries() is not None, "install PostgreSQL's server: apt-get install postgresql"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("slow-statement", "1 statements run longer than 1 s"),
        ("blocked-statement", "1 sessions wait for locks of pid"),
        ("idle-in-transaction", "1 transactions are idle for more than 1 s"),
    ],
)
def test_stuck_sessions_are_found(host: Host, fault: str, said: str) -> None:
    with host.fork([fault]) as world:
        found = run_checks(world, "-k", "stuck", "--target", IMPATIENT).of("check_no_sessions_are_stuck")

    assert found.broken, found.summary
    assert said in found.summary
    assert found.evidence


def test_a_database_at_rest_is_fine(host: Host) -> None:
    with host.fork() as world:
        assert (
            run_checks(world, "-k", "stuck", "--target", IMPATIENT).of("check_no_sessions_are_stuck").outcome
            == "passed"
        )


def test_a_denied_secret_is_unverified(host: Host) -> None:
    with host.fork(deny=["secretsmanager:GetSecretValue"]) as world:
        found = run_checks(world, "-k", "stuck").of("check_no_sessions_are_stuck")

    assert found.outcome == "unverified"
    assert found.iam_action == "secretsmanager:GetSecretValue"


def _ask(world: World, password: str, port: int = 0, *, plain: bool = True) -> object:
    host, _, own = world.database_address.rpartition(":")
    return postgres.sessions(
        host="ecommerce-dev-db.example",
        address=host,
        port=port or int(own),
        user="ecommerce_admin",
        password=Secret(password),
        database="ecommerce",
        plain=plain,
    )


def test_a_wrong_password_is_no_network_trouble(host: Host) -> None:
    with host.fork() as world, pytest.raises(Unavailable) as caught:
        _ask(world, "not-the-password")

    assert caught.value.cause == "error"
    assert "not-the-password" not in str(caught.value)


def test_no_password_is_sent_without_tls(host: Host) -> None:
    with host.fork() as world, pytest.raises(Unavailable, match="does not offer TLS") as caught:
        _ask(world, "whatever", plain=False)

    assert caught.value.cause == "unsupported"


@pytest.mark.parametrize(
    ("libpq", "own", "expected"),
    [
        (150004, "", {"sslmode": "require"}),
        (160000, "", {"sslmode": "require", "require_auth": "scram-sha-256,md5"}),
        (150004, "disable", {"sslmode": "require"}),
        (150004, "verify-full", {"sslmode": "verify-full"}),
    ],
)
def test_a_login_is_never_less_than_encrypted(
    libpq: int, own: str, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLMODE", own)

    assert postgres._guarded(libpq) == expected


def test_a_database_that_is_not_there_is_unreachable(host: Host) -> None:
    with host.fork() as world, pytest.raises(Unavailable) as caught:
        _ask(world, "whatever", port=1)

    assert caught.value.cause == "unreachable"


@pytest.mark.parametrize(("host", "said"), [("127.0.0.1", "refused"), ("no-such-database.invalid", "not known")])
def test_nobody_there_is_said_without_loading_a_driver(host: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # With None in sys.modules an import fails.
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(Unavailable, match=said) as caught:
        postgres.sessions(host=host, address="", port=9, user="u", password=Secret("p"), database="d")
    assert caught.value.cause == "unreachable"


def test_sessions_that_we_may_not_look_into_are_not_taken_for_none(host: Host) -> None:
    with host.fork(["idle-in-transaction"]) as world:
        address, _, port = world.database_address.rpartition(":")
        with psycopg.connect(host=address, port=int(port), user="postgres", dbname="postgres", autocommit=True) as own:
            own.execute("drop role if exists plain")
            own.execute("create role plain login password 'plain'")
        seen = postgres.sessions(
            host="x",
            address=address,
            port=int(port),
            user="plain",
            password=Secret("plain"),
            database="ecommerce",
            plain=True,
        )

    assert not seen.complete
    assert seen.sessions == ()


def test_our_sessions_can_write_nothing(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_SESSIONS", "create table harm (id int)")
    with host.fork() as world, pytest.raises(Unavailable, match="read-only"):
        address, _, port = world.database_address.rpartition(":")
        _ask_as_superuser(address, int(port))


def _ask_as_superuser(address: str, port: int) -> None:
    postgres.sessions(
        host="x",
        address=address,
        port=port,
        user="postgres",
        password=Secret("trusted"),
        database="postgres",
        plain=True,
    )


def test_statements_are_ended_in_time(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_SESSIONS", "select pg_sleep(30)")
    monkeypatch.setattr(postgres, "_STATEMENT_TIMEOUT_MS", 200)
    with host.fork() as world, pytest.raises(Unavailable, match="statement timeout"):
        address, _, port = world.database_address.rpartition(":")
        _ask_as_superuser(address, int(port))
