"""Environment variables that cannot be what somebody meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from checks.diagnosis.verdict import Verdict
from fixtures.model.database import DATABASE_WORDS
from fixtures.model.ecs import ContainerDefinition, Service, TaskDefinition

# What templating leaves behind when it was not, or only half, done.
_PLACEHOLDERS = (
    (re.compile(r"\$\{[^}]*\}|\$\([^)]*\)"), "an unexpanded ${…}"),
    (re.compile(r"\{\{.*?\}\}"), "an unexpanded {{…}}"),
    (re.compile(r"<%.*?%>"), "an unexpanded <%…%>"),
    (re.compile(r"^<[A-Za-z][\w .-]*>$"), "a <placeholder>"),
    (
        re.compile(
            r"^(changeme|change_me|todo|tbd|fixme|replace[_-]?me|your[_-].*|xxx+|undefined|null)$", re.IGNORECASE
        ),
        "a value that was to be replaced",
    ),
    (re.compile(r"^TODO[\s:].*|\bCHANGEME\b"), "a value that was to be replaced"),
)
# What is often left empty on purpose: empty then means "none".
_OPTIONAL = re.compile(
    r"(?:^|_)(?:PROXY|ARGS|OPTS|OPTIONS|FLAGS|PREFIX|SUFFIX|LABELS|TAGS|EXTRA|DEBUG|PYTHONPATH|CLASSPATH|ALLOWLIST"
    r"|DENYLIST|WHITELIST|BLACKLIST)$",
    re.IGNORECASE,
)
# What a service that has started cannot do without: where its database is, and on which port it or something listens.
_NEEDED = re.compile(
    rf"(?:^|_)(?:{DATABASE_WORDS}|PORT)(?:_|$)"
    r"|^PG(?:HOST|USER|PASSWORD|DATABASE)",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\$\{(\w+)\}|\$\((\w+)\)")


class Problem(Struct, frozen=True):
    """What is wrong with one variable. ``mild`` where it may be meant so."""

    container: str
    variable: str
    what: str
    mild: bool = False

    def __str__(self) -> str:
        return f"{self.container}: {self.variable} {self.what}"


def placeholder(value: str) -> str:
    """What kind of placeholder a value is or holds, "" for none."""
    return next((what for pattern, what in _PLACEHOLDERS if pattern.search(value.strip())), "")


def problems(container: ContainerDefinition, required: Iterable[str] = (), serves: bool = False) -> list[Problem]:
    """Empty values, placeholders, names that are missing or given twice.

    Args:
        required: names that must be set, in the environment or as secrets.
        serves: its service runs well as it is: then most that is empty can only be meant so.
    """
    found = []
    secrets = {s.variable for s in container.secrets}
    for name, value in sorted(container.environment.items()):
        kind = placeholder(value)
        if not value.strip():
            dispensable = _OPTIONAL.search(name) or (serves and not _NEEDED.search(name))
            mild = bool(dispensable) and name not in required
            found.append(Problem(container.name, name, "is empty", mild))
        elif kind:
            mild = _expands_later(name, value, {*container.environment, *secrets})
            found.append(Problem(container.name, name, f"is {kind}: {value[:80]}", mild))
        if name in secrets:
            found.append(Problem(container.name, name, "is given as a variable and as a secret; ECS refuses that"))
    missing = [] if container.environment_files else unset(container, required)
    return found + [Problem(container.name, n, "is not set") for n in missing]


def unset(container: ContainerDefinition, required: Iterable[str]) -> list[str]:
    """Names that a task definition gives neither as variable nor as secret; a file of variables may still have them."""
    given = {*container.environment, *(s.variable for s in container.secrets)}
    return [n for n in required if n not in given]


def _expands_later(name: str, value: str, given: Iterable[str]) -> bool:
    """Whether a value names only other variables of its container, which an entry point or Spring may put in."""
    names = [first or second for first, second in _NAMED.findall(value)]
    rest = _NAMED.sub("", value)
    return bool(names) and not placeholder(rest) and name not in names and set(names) <= set(given)


def judge(
    service: Service, definition: TaskDefinition, required: Sequence[str], serving: str, serves: bool = False
) -> Verdict:
    """Every variable of the running revision has a usable value.

    Args:
        required: names that the target says must be set in the serving container.
        serving: that container.
        serves: the service runs well as it is.
    """
    every = [p for c in definition.containers for p in problems(c, required if c.name == serving else (), serves)]
    found = sorted(every, key=lambda p: p.mild)
    return Verdict(
        ok=not found,
        resource=definition.arn,
        name=service.service,
        observed=f"{len(found)} unusable environment values in {definition.short}: {found[0]}"
        if found
        else "usable values",
        expected="no empty, unexpanded or missing values",
        evidence=tuple(str(p) for p in found),
        severity="medium" if found and found[0].mild else None,
        related=(*service.related, definition.arn),
        signs=("configuration",),
        likely_cause="the revision was registered with a template that was not filled in" if found else "",
        names={"service": service.service, "revision": definition.short},
    )


def plain_secrets(service: Service, definition: TaskDefinition) -> Verdict:
    """No value that looks secret stands in the task definition, where everybody who may describe it reads it."""
    found = [(c.name, n) for c in definition.containers for n in c.secret_looking_variables]
    return Verdict(
        ok=not found,
        resource=definition.arn,
        name=service.service,
        observed=f"{', '.join(n for _, n in found)} stand in plain text in {definition.short}" if found else "none",
        expected="secrets[].valueFrom for every secret value",
        evidence=tuple(f"{c}: {n}" for c, n in found),
        related=service.related,
        names={"service": service.service, "revision": definition.short},
    )
