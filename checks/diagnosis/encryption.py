"""The database's TLS parameters against what clients say: who has to change, the client or the parameter.

libpq's ``prefer`` tries TLS first; node-postgres, JDBC and Go's drivers connect without unless told otherwise, and no
setting shows in the task definition. Then only a refusal in the logs tells.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from msgspec import Struct

from checks.diagnosis.connection_errors import troubles
from checks.diagnosis.credentials import requires_tls
from checks.diagnosis.verdict import Verdict
from fixtures.model.database import DatabaseLink, DatabaseParameters
from fixtures.model.logs import ServiceLogs

_KIND = "TLS required"
_NOT_OFFERED = re.compile(
    r"server does not support SSL|SSL is not enabled on the server|does not support SSL connections", re.IGNORECASE
)
_ABOUT = re.compile(r"encryption|SSL|TLS|certificate|insecure transport|x509|PKIX", re.IGNORECASE)
_CERTIFICATE = re.compile(r"certificate|PKIX|x509", re.IGNORECASE)


class Refusals(Struct, frozen=True):
    """Log lines about TLS, newest first.

    Args:
        plain: the server refused a connection without TLS.
        certificate: the client refused the server's certificate.
        not_offered: the client wanted TLS and the server had none.
    """

    plain: tuple[str, ...] = ()
    certificate: tuple[str, ...] = ()
    not_offered: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.plain or self.certificate or self.not_offered)


def refusals(logs: ServiceLogs, link: DatabaseLink, since: dt.datetime) -> Refusals:
    """What a service's logs say about TLS to its database since an instant."""
    found: dict[str, list[str]] = {"plain": [], "certificate": [], "not_offered": []}
    for one in troubles(logs, link, since):
        if one.kind.name == _KIND:
            found[_what(one.event.message)].append(f"{one.event.at:%H:%M:%S} {_telling(one.event.message)}")
    return Refusals(tuple(found["plain"]), tuple(found["certificate"]), tuple(found["not_offered"]))


def _what(message: str) -> str:
    if _NOT_OFFERED.search(message):
        return "not_offered"
    return "certificate" if _CERTIFICATE.search(message) else "plain"


def _telling(message: str) -> str:
    """The line of a traceback that speaks of TLS, else its last one."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return next((line for line in lines if _ABOUT.search(line)), lines[-1] if lines else "")[:300]


def clients_agree(link: DatabaseLink, parameters: DatabaseParameters, found: Refusals) -> Verdict:
    """What clients of a service were refused because of TLS fits the database's parameters, or there is nothing."""
    name = "rds.force_ssl" if "postgres" in link.database.engine else "require_secure_transport"
    value = parameters.values.get(name, "not set")
    proxy = link.proxy.name if link.proxy and link.proxy.require_tls else ""
    required = requires_tls(link.database, parameters) or bool(proxy)
    demands = f"proxy {proxy} requires TLS" if proxy else f"{link.database.identifier} has {name} {value}"
    observed, cause, lines = _finding(found, required, demands)
    return Verdict(
        ok=not observed,
        resource=link.database.arn,
        name=f"service {link.service}",
        observed=observed or f"{demands}, and no connection was refused for lack of TLS",
        expected="connections with TLS to a database that requires it",
        evidence=lines[:5],
        related=(f"service/{link.service}", *link.database.related, *link.database.all_parameter_groups),
        signs=("tls",),
        names={"database": link.database.main_instance},
        likely_cause=cause,
        brief=demands if observed else "",
    )


def _finding(found: Refusals, required: bool, demands: str) -> tuple[str, str, tuple[str, ...]]:
    """What is wrong, why, and the lines that say so."""
    if found.plain and required:
        cause = "the client does not use TLS by itself: its driver has to be told to"
        return f"{demands}, and {_count(found.plain)} of connections without TLS", cause, found.plain
    if found.certificate:
        cause = "the image lacks the certificate authorities of RDS, or an old one expired"
        return (
            f"its client does not trust the server's certificate: {_count(found.certificate)}",
            cause,
            found.certificate,
        )
    if found.not_offered:
        cause = "what answers is not RDS itself: a tunnel or a pooler between, or another host"
        return (
            f"its client wants TLS, and the server offers none: {_count(found.not_offered)}",
            cause,
            found.not_offered,
        )
    # Refused without TLS, which is not required any more: the parameter was changed since.
    return "", "", found.plain


def _count(lines: Sequence[str]) -> str:
    return f"{len(lines)} log line{'s' * (len(lines) > 1)} tell{'s' * (len(lines) == 1)}"
