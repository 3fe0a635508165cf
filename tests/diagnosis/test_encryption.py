"""TLS parameters against what clients were told."""

from __future__ import annotations

import pytest

from checks.diagnosis import encryption
from checks.diagnosis.encryption import Refusals
from fixtures.model.database import DatabaseParameters
from tests.diagnosis.database_facts import ago, database, link, logs, proxy

PLAIN = 'error: no pg_hba.conf entry for host "10.0.12.9", user "app", database "shop", no encryption'
CERTIFICATE = "psycopg2.OperationalError: SSL error: certificate verify failed"
NOT_OFFERED = "psycopg2.OperationalError: server does not support SSL, but SSL was required"
ON, OFF = DatabaseParameters({"rds.force_ssl": "1"}), DatabaseParameters({"rds.force_ssl": "0"})


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (PLAIN, (1, 0, 0)),
        ("Connections using insecure transport are prohibited while --require_secure_transport=ON.", (1, 0, 0)),
        ("This RDS Proxy requires TLS connections", (1, 0, 0)),
        (CERTIFICATE, (0, 1, 0)),
        ("pgx: x509: certificate signed by unknown authority", (0, 1, 0)),
        (NOT_OFFERED, (0, 0, 1)),
        ('FATAL: password authentication failed for user "app"', (0, 0, 0)),
        ("GET /certificate 200", (0, 0, 0)),
        (f"Traceback (most recent call last):\n  File x\n{PLAIN}\n", (1, 0, 0)),
    ],
)
def test_what_a_line_says_of_tls(message: str, expected: tuple[int, int, int]) -> None:
    found = encryption.refusals(logs((3, message)), link(), ago(60))

    assert (len(found.plain), len(found.certificate), len(found.not_offered)) == expected
    assert bool(found) is any(expected)


def test_the_telling_line_of_a_traceback_is_kept() -> None:
    found = encryption.refusals(logs((3, f"Traceback (most recent call last):\n  File x\n{PLAIN}")), link(), ago(60))

    assert found.plain[0].endswith(PLAIN)


def test_lines_from_before_do_not_count() -> None:
    assert not encryption.refusals(logs((70, PLAIN)), link(), ago(60))


@pytest.mark.parametrize(
    ("found", "parameters", "said"),
    [
        (Refusals(plain=("a", "b")), ON, "has rds.force_ssl 1, and 2 log lines tell of connections without TLS"),
        (Refusals(plain=("a",)), DatabaseParameters({}), "has rds.force_ssl not set, and 1 log line tells"),
        (Refusals(certificate=("a",)), ON, "does not trust the server's certificate"),
        (Refusals(certificate=("a",)), OFF, "does not trust the server's certificate"),
        (Refusals(not_offered=("a",)), OFF, "the server offers none"),
        (Refusals(plain=("a",), certificate=("b",)), OFF, "does not trust"),
    ],
)
def test_clients_and_parameters_that_disagree(found: Refusals, parameters: DatabaseParameters, said: str) -> None:
    verdict = encryption.clients_agree(link(), parameters, found)

    assert not verdict
    assert said in verdict.observed
    assert verdict.signs == ("tls",)
    assert verdict.evidence
    assert verdict.likely_cause


def test_a_proxy_requires_tls_by_itself() -> None:
    verdict = encryption.clients_agree(link(proxy=proxy(require_tls=True)), OFF, Refusals(plain=("a",)))

    assert "requires TLS, and 1 log line" in verdict.observed


def test_refusals_of_a_parameter_that_was_switched_off_since() -> None:
    assert encryption.clients_agree(link(), OFF, Refusals(plain=("a",)))


def test_mysql_has_a_parameter_of_its_own() -> None:
    one = link(database=database(engine="mysql", engine_version="8.0.35"))
    verdict = encryption.clients_agree(one, DatabaseParameters({"require_secure_transport": "ON"}), Refusals(("a",)))

    assert "require_secure_transport ON" in verdict.observed
