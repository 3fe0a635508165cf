from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from checks.diagnosis import credentials
from fixtures.model.database import DatabaseEnd, DatabaseLink, DatabaseParameters, DatabaseSettings, Setting
from tests.diagnosis.database_facts import HOST, NOW, ago, database, link, proxy, secret, task
from tests.diagnosis.facts import service

OTHER = HOST.replace("shop-db", "shop-db-old")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (HOST, (True, None)),
        (HOST.upper(), (True, None)),
        (f"{HOST}.", (True, None)),
        (f" {HOST} ", (True, None)),
        (OTHER, (False, None)),
        ("localhost", (False, None)),
        ("127.0.0.1", (False, None)),
        ("::1", (False, None)),
        ("", (False, None)),
        ("${db_host}", (False, None)),
        ("10.0.11.5", (False, "medium")),
        ("db.shop.internal", (False, "low")),
    ],
)
def test_host(host: str, expected: tuple[bool, str | None]) -> None:
    verdict = credentials.settings_agree(link(hosts=[host]), is_master=True)
    assert (bool(verdict), verdict.severity) == expected


def test_reader_and_custom_endpoints_are_the_databases_own() -> None:
    one = database(kind="cluster", other_endpoints=("reader.x", "custom.x"))
    assert credentials.settings_agree(link(hosts=["reader.x", "Custom.X"], database=one), True)


def test_with_a_proxy_its_endpoint_is_right_too() -> None:
    assert credentials.settings_agree(link(hosts=[proxy().endpoints[0]], proxy=proxy()), True)
    assert not credentials.settings_agree(link(hosts=[proxy().endpoints[0]]), True)


@pytest.mark.parametrize(
    ("port", "ok"), [("5432", True), (" 5432 ", True), ("5433", False), ("", False), ("five", False)]
)
def test_port(port: str, ok: bool) -> None:
    assert bool(credentials.settings_agree(link(ports=[port]), True)) is ok


@pytest.mark.parametrize(
    ("name", "expected"), [("shop", (True, None)), ("orders", (False, "medium")), ("", (False, None))]
)
def test_database_name(name: str, expected: tuple[bool, str | None]) -> None:
    verdict = credentials.settings_agree(link(names=[name]), True)
    assert (bool(verdict), verdict.severity) == expected


@pytest.mark.parametrize(
    ("user", "is_master", "expected"),
    [
        ("shop_admin", True, (True, None)),
        ("app", True, (False, None)),
        ("app", False, (False, "low")),
        ("", False, (False, None)),
    ],
)
def test_user(user: str, is_master: bool, expected: tuple[bool, str | None]) -> None:
    verdict = credentials.settings_agree(link(users=[user]), is_master)
    assert (bool(verdict), verdict.severity) == expected


def test_the_gravest_difference_is_named_and_all_are_evidence() -> None:
    verdict = credentials.settings_agree(link(hosts=[HOST], names=["orders"], ports=["5433"]), True)
    assert verdict.severity is None
    assert "ports of web is 5433" in verdict.observed
    assert len([line for line in verdict.evidence if "expected" in line]) == 2


REPLICA = HOST.replace("shop-db", "shop-db-replica")
AUDIT = HOST.replace("shop-db", "audit")
ELSEWHERE = "{}.zzz999.eu-west-1.rds.amazonaws.com"


def several(*hosts: str, **changes: object) -> DatabaseLink:
    """A service that is told of its database, of a replica and of a MySQL, and of these hosts, each in a URL."""
    replica = database(arn="arn:replica", identifier="shop-db-replica", endpoint=REPLICA, copies=(HOST,))
    audit = database(arn="arn:audit", identifier="audit", endpoint=AUDIT, port=3306, engine="mysql",
                     master_user="auditor", database_name="audit")  # fmt: skip
    told = [(h, f"URL_{n} of web") for n, h in enumerate((HOST, REPLICA, AUDIT, *hosts))]
    ports = {HOST: "5432", REPLICA: "5432", AUDIT: "3306"}
    given = DatabaseSettings(
        hosts=tuple(Setting(h, source) for h, source in told),
        ports=tuple(Setting(ports.get(h, "5432"), source) for h, source in told),
        users=(Setting("auditor", told[2][1]),),
    )
    settings = replace(given, **changes)  # type: ignore[arg-type]
    others = (DatabaseEnd(replica), DatabaseEnd(audit, secrets=("arn:audit-secret",)))
    return replace(link(database=database(copies=(REPLICA,))), settings=settings, others=others)


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ((), (True, None)),
        ((OTHER,), (False, None)),
        (("localhost",), (False, None)),
        # Of other accounts and Regions nothing can be seen; a name that there is here too is no coincidence.
        ((ELSEWHERE.format("theirs"),), (False, "low")),
        (("theirs.cluster-abc123.us-east-1.rds.amazonaws.com",), (False, "low")),
        ((ELSEWHERE.format("shop-db"),), (False, None)),
    ],
)
def test_each_host_is_compared_with_what_it_leads_to(hosts: tuple[str, ...], expected: tuple[bool, str | None]) -> None:
    verdict = credentials.settings_agree(several(*hosts), is_master=True)
    assert (bool(verdict), verdict.severity) == expected


def test_what_stands_beside_a_host_is_about_its_database() -> None:
    assert not credentials.settings_agree(several(ports=(Setting("5432", "URL_2 of web"),)), True)
    assert credentials.settings_agree(several(ports=(Setting("5432", "DB_PORT of web"),)), True)
    assert not credentials.settings_agree(several(ports=(Setting("3306", "DB_PORT of web"),)), True)
    # Two hosts in one URL: a port may be that of either.
    both = (Setting(HOST, "URL of web"), Setting(AUDIT, "URL of web"))
    assert credentials.settings_agree(several(hosts=both, ports=(Setting("3306", "URL of web"),), users=()), True)
    plain = several(sslmodes=(Setting("disable", "URL_2 of web"),))
    assert credentials.encryption_agrees(plain, DatabaseParameters({"rds.force_ssl": "1"}))
    demanding = DatabaseParameters({"require_secure_transport": "ON"})
    refused = credentials.encryption_agrees(plain, demanding, plain.others[1])
    assert (bool(refused), refused.names["database"]) == (False, "audit")


@pytest.mark.parametrize(
    ("port", "name", "user", "ok"),
    [
        ("3306", "audit", "auditor", True),
        ("5432", "audit", "auditor", False),
        ("3306", "shop", "auditor", False),
        ("3306", "audit", "shop_admin", False),
    ],
)
def test_each_containers_variables_are_about_its_own_host(port: str, name: str, user: str, ok: bool) -> None:
    told = several(
        hosts=(Setting(HOST, "DB_HOST of web"), Setting(AUDIT, "DB_HOST of sidecar")),
        ports=(Setting("5432", "DB_PORT of web"), Setting(port, "DB_PORT of sidecar")),
        names=(Setting("shop", "DB_NAME of web"), Setting(name, "DB_NAME of sidecar")),
        users=(Setting("shop_admin", "DB_USER of web"), Setting(user, "DB_USER of sidecar")),
    )
    assert bool(credentials.settings_agree(told, is_master=True)) is ok


def test_a_secret_is_compared_with_the_database_that_it_is_for() -> None:
    public = {"host": AUDIT, "port": "3306", "engine": "mysql", "username": "auditor", "dbname": "audit"}
    audit = secret(reference="arn:audit-secret", arn="arn:audit-secret", public=public)

    assert not credentials.is_master_secret(audit, several(), True)
    assert credentials.secret_agrees(audit, several(), is_master=False)
    wrong = credentials.secret_agrees(replace(audit, public=public | {"port": "5432"}), several(), is_master=False)
    assert (bool(wrong), wrong.names["database"]) == (False, "audit")
    # The user beside the main database's host has nothing to do with the password of this one.
    mixed = several(users=(Setting("shop_admin", "DB_USER of web"),))
    assert credentials.secret_agrees(audit, mixed, is_master=False)
    assert not credentials.secret_agrees(secret(public=public), several(), is_master=False)


def test_a_replica_has_the_logins_of_its_source() -> None:
    replica = link(database=database(identifier="shop-db-replica", endpoint=REPLICA, copies=(HOST,),
                                     replica_of="shop-db"))  # fmt: skip
    public = {"host": HOST, "username": "shop_admin", "dbInstanceIdentifier": "shop-db"}

    assert credentials.secret_agrees(secret(public=public), replica, is_master=True)


# -- secrets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("public", "expected"),
    [
        ({"username": "shop_admin"}, (True, None)),
        (
            {"username": "shop_admin", "host": HOST, "port": "5432", "dbname": "shop", "engine": "postgres"},
            (True, None),
        ),
        ({"engine": "postgresql"}, (True, None)),
        ({"engine": "aurora-postgresql"}, (True, None)),
        ({"engine": "mysql"}, (False, None)),
        ({"host": OTHER}, (False, None)),
        ({"port": "3306"}, (False, None)),
        ({"dbname": "other"}, (False, "medium")),
        ({"dbInstanceIdentifier": "shop-db"}, (True, None)),
        ({"dbInstanceIdentifier": "other-db"}, (False, "medium")),
        ({"username": "app"}, (False, None)),
    ],
)
def test_master_secret(public: dict[str, str], expected: tuple[bool, str | None]) -> None:
    verdict = credentials.secret_agrees(secret(public=public), link(), is_master=True)
    assert (bool(verdict), verdict.severity) == expected


def test_an_applications_own_role_is_a_milder_finding() -> None:
    verdict = credentials.secret_agrees(secret(public={"username": "app"}), link(), is_master=False)
    assert (bool(verdict), verdict.severity) == (False, "low")


def test_a_user_beside_the_secrets_password_must_be_the_same() -> None:
    found = secret(public={"username": "app"})
    assert credentials.secret_agrees(found, link(users=["other"]), is_master=False).severity is None
    assert credentials.secret_agrees(secret(), link(users=["shop_admin"]), is_master=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "missing"}, "no such secret"),
        ({"status": "deleted", "deleted_at": NOW}, "scheduled for deletion on 2026-03-04"),
        ({"status": "no_value"}, "AWSCURRENT"),
        ({"empty": True}, "empty"),
        ({"empty_keys": ("password",)}, "password is empty"),
        ({"keys": ("username", "pass")}, "no password"),
    ],
)
def test_secret_that_nobody_can_log_in_with(changes: dict[str, object], words: str) -> None:
    verdict = credentials.secret_valid(secret(**changes), "web")
    assert not verdict
    assert words in verdict.observed


@pytest.mark.parametrize(
    "changes", [{}, {"is_json": False, "keys": (), "public": None}, {"keys": ("password",), "public": {}}]
)
def test_secret_that_may_be_right(changes: dict[str, object]) -> None:
    assert credentials.secret_valid(secret(**changes), "web")


def test_a_password_may_have_another_key_which_the_service_then_names() -> None:
    found = secret(keys=("pass", "username"))

    assert credentials.secret_valid(found, "web", ("pass",))
    assert not credentials.secret_valid(found, "web", ("username", "pwd"))
    # A connection URL in a key of its own: what it says is public, and its password needs no key.
    assert credentials.secret_valid(secret(keys=("DATABASE_URL",), public={"host": "h"}), "web")


def test_a_plain_user_may_belong_to_another_of_the_secrets() -> None:
    admin, app = secret(public={"username": "shop_admin"}), secret(public={"username": "shop_app"}, name="app")
    both = link(users=["shop_app"])

    assert credentials.secret_agrees(admin, both, is_master=False, others=(admin, app))
    assert not credentials.secret_agrees(admin, both, is_master=False, others=(admin,))


@pytest.mark.parametrize(
    ("host", "severity"),
    [
        ("shop.global-abc123.global.rds.amazonaws.com", "low"),
        ("old-db.abc123.eu-west-1.rds.amazonaws.com", None),
        ("old-db.abc123.rds.cn-north-1.amazonaws.com.cn", None),
    ],
)
def test_a_global_databases_name_is_an_alias(host: str, severity: str | None) -> None:
    found = credentials.host_difference(Setting(host, "DB_HOST"), database(), None)

    assert found is not None
    assert found.severity == severity


@pytest.mark.parametrize(
    ("managed", "told", "expected"),
    [("arn:secret", None, True), ("arn:other", None, False), ("", True, True), ("", False, False), ("", None, False)],
)
def test_who_says_that_it_is_the_masters(managed: str, told: bool | None, expected: bool) -> None:
    one = link(database=database(master_secret=managed))
    assert credentials.is_master_secret(secret(), one, told) is expected


@pytest.mark.parametrize(
    ("changed_min_ago", "started_min_ago", "errors", "expected"),
    [
        (100, 50, (), (True, None)),
        (50, 100, (), (False, "medium")),
        (50, 100, ("refused",), (False, None)),
        (50, None, ("refused",), (True, None)),
        (50, 50, ("refused",), (True, None)),
    ],
)
def test_tasks_and_secret(
    changed_min_ago: float, started_min_ago: float | None, errors: tuple[str, ...], expected: tuple[bool, str | None]
) -> None:
    verdict = credentials.fresh([task(started_min_ago)], [secret(changed_at=ago(changed_min_ago))], service(), errors)
    assert (bool(verdict), verdict.severity) == expected
    # Only these tasks gain by being replaced.
    assert ("outdated_service" in verdict.names) is not bool(verdict)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=4), st.lists(st.integers(0, 100), min_size=1, max_size=3))
def test_fresh_means_that_every_task_is_younger_than_every_secret(started: list[int], changed: list[int]) -> None:
    verdict = credentials.fresh(
        [task(s, f"t{n}") for n, s in enumerate(started)], [secret(changed_at=ago(c)) for c in changed], service(), ()
    )
    assert bool(verdict) == (max(started) <= min(changed))


@pytest.mark.parametrize(
    ("changes", "stages", "ok"),
    [
        ({}, {"v1": ["AWSCURRENT"]}, True),
        ({"next_rotation_at": NOW + dt.timedelta(days=2)}, {}, True),
        ({"next_rotation_at": NOW - dt.timedelta(hours=2)}, {}, True),
        ({"next_rotation_at": NOW - dt.timedelta(days=2)}, {}, False),
        ({"rotation_enabled": True}, {"v1": ["AWSCURRENT"], "v2": ["AWSPENDING"]}, False),
        ({"rotation_enabled": True}, {"v1": ["AWSCURRENT", "AWSPENDING"]}, True),
    ],
)
def test_rotation(changes: dict[str, object], stages: dict[str, list[str]], ok: bool) -> None:
    assert bool(credentials.rotates(secret(**changes), database(), stages, NOW)) is ok


def test_rds_calls_its_own_secret_impaired() -> None:
    one = database(master_secret="arn:secret", master_secret_status="impaired")
    assert not credentials.rotates(secret(), one, {}, NOW)


# -- encryption -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engine", "version", "values", "expected"),
    [
        ("postgres", "15.4", {}, True),
        ("postgres", "14.9", {}, False),
        ("postgres", "15.4", {"rds.force_ssl": "0"}, False),
        ("postgres", "14.9", {"rds.force_ssl": "1"}, True),
        ("aurora-postgresql", "17.1", {}, True),
        ("aurora-postgresql", "16.6", {}, False),
        ("mariadb", "11.4.5", {}, False),
        ("mariadb", "11.8.3", {}, True),
        ("mysql", "8.4.7", {}, False),
        ("mysql", "8.0.35", {}, False),
        ("mysql", "8.0.35", {"require_secure_transport": "ON"}, True),
    ],
)
def test_which_databases_require_tls(engine: str, version: str, values: dict[str, str], expected: bool) -> None:
    one = database(engine=engine, engine_version=version)
    assert credentials.requires_tls(one, DatabaseParameters(values)) is expected


@pytest.mark.parametrize(
    ("mode", "values", "ok"),
    [
        ("disable", {}, False),
        ("DISABLE", {}, False),
        ("allow", {}, False),
        ("prefer", {}, True),
        ("verify-full", {}, True),
        ("disable", {"rds.force_ssl": "0"}, True),
    ],
)
def test_sslmode(mode: str, values: dict[str, str], ok: bool) -> None:
    assert bool(credentials.encryption_agrees(link(sslmodes=[mode]), DatabaseParameters(values))) is ok


def test_a_proxy_can_require_tls_by_itself() -> None:
    off = DatabaseParameters({"rds.force_ssl": "0"})
    assert not credentials.encryption_agrees(link(sslmodes=["disable"], proxy=proxy(require_tls=True)), off)


@given(st.text(max_size=30))
def test_any_host_is_judged_without_an_error(host: str) -> None:
    credentials.host_difference(Setting(host, "DB_HOST"), database(), None)
