"""Environment variables that cannot be what somebody meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from checks.diagnosis.verdict import Verdict
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
    (re.compile(r"\bTODO\b|\bCHANGEME\b"), "a value that was to be replaced"),
)


@dataclass(frozen=True)
class Problem:
    """What is wrong with one variable."""

    container: str
    variable: str
    what: str
    mild: bool = False

    def __str__(self) -> str:
        return f"{self.container}: {self.variable} {self.what}"


def placeholder(value: str) -> str:
    """What kind of placeholder a value is or holds, "" for none."""
    return next((what for pattern, what in _PLACEHOLDERS if pattern.search(value.strip())), "")


def problems(container: ContainerDefinition, required: Iterable[str] = ()) -> list[Problem]:
    """Empty values, placeholders, names that are missing or given twice.

    Args:
        required: names that must be set, in the environment or as secrets.
    """
    found = []
    secrets = {s.variable for s in container.secrets}
    for name, value in sorted(container.environment.items()):
        kind = placeholder(value)
        if not value.strip():
            found.append(Problem(container.name, name, "is empty"))
        elif kind:
            found.append(Problem(container.name, name, f"is {kind}: {value[:80]}"))
        if name in secrets:
            found.append(Problem(container.name, name, "is given as a variable and as a secret; ECS refuses that"))
    missing = [n for n in required if n not in container.environment and n not in secrets]
    return found + [Problem(container.name, n, "is not set") for n in missing]


def judge(service: Service, definition: TaskDefinition, required: Sequence[str], serving: str) -> Verdict:
    """Every variable of the running revision has a usable value.

    Args:
        required: names that the target says must be set in the serving container.
        serving: that container.
    """
    found = [p for c in definition.containers for p in problems(c, required if c.name == serving else ())]
    return Verdict(
        ok=not found,
        resource=definition.arn,
        name=service.service,
        observed=f"{len(found)} unusable environment values in {definition.short}: {found[0]}"
        if found
        else "usable values",
        expected="no empty, unexpanded or missing values",
        evidence=tuple(str(p) for p in found),
        related=(*service.related, definition.arn),
        signs=("configuration",),
        likely_cause="the revision was registered with a template that was not filled in" if found else "",
        names={"service": service.service, "family": definition.family},
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
        names={"service": service.service, "family": definition.family},
    )
