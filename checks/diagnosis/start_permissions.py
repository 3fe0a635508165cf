"""Whether the execution role may do what starting a task takes.

All of it happens before the application's first line: a refusal shows as ``CannotPullContainerError`` or
``ResourceInitializationError`` on the next task, however well the present one runs.
"""

from __future__ import annotations

from collections.abc import Sequence

from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import Service, TaskDefinition
from fixtures.model.permissions import EncryptionKey, Permission, RoleTrust

# Decisions under which a call may go through; one that hangs on unknown conditions gets the benefit of the doubt.
MAYBE = ("allowed", "undecided")
_USABLE = ("Enabled", "")
_TASKS = "ecs-tasks.amazonaws.com"


def may_start(service: Service, definition: TaskDefinition, permissions: Sequence[Permission]) -> Verdict:
    """The execution role (not the task role) may pull every image and write to every log that the revision names."""
    refused = [p for p in permissions if p.decision not in MAYBE]
    first = refused[0] if refused else None
    role = definition.execution_role.rpartition("/")[2] or "no execution role"
    purposes = ", ".join(dict.fromkeys(p.purpose for p in refused))
    pulling = first is not None and first.action.startswith("ecr:")
    return Verdict(
        ok=not refused,
        resource=definition.execution_role or definition.arn,
        name=service.service,
        observed=f"{role} is not allowed {first.action} on {first.resource} ({first.decision}): it cannot {purposes}"
        if first
        else f"{role} may pull the images and write the logs",
        expected="an identity policy of the execution role that allows it",
        evidence=tuple(f"{p.action} on {p.resource}: {p.decision} (to {p.purpose})" for p in refused),
        related=(*service.related, *_names_of(definition.execution_role)),
        signs=("permission", "image") if pulling else ("permission",),
        names={
            "service": service.service,
            "cluster": service.cluster,
            "role": definition.execution_role.rpartition("/")[2],
        },
        likely_cause=f"tasks that start from now on fail with {_error(pulling)}" if first else "",
    )


def _names_of(role: str) -> tuple[str, ...]:
    """A role's ARN, and its name, by which Terraform's policies refer to it."""
    return (role, role.rpartition("/")[2])


def _error(pulling: bool) -> str:
    return "CannotPullContainerError … 403 or AccessDenied" if pulling else "ResourceInitializationError … logs"


def may_decrypt(service: Service, definition: TaskDefinition, keys: Sequence[EncryptionKey]) -> Verdict:
    """The execution role may decrypt every secret that is encrypted with a key of the customer's own.

    A key policy decides: it allows a principal itself, or leaves it to IAM by naming the account's root.
    """
    problems = [(k, why) for k in keys for why in [_problem(k, definition.execution_role)] if why]
    first = problems[0] if problems else None
    role = definition.execution_role.rpartition("/")[2]
    return Verdict(
        ok=not problems,
        resource=definition.execution_role,
        name=service.service,
        observed=f"{role} cannot decrypt {first[0].secret}: {first[1]}" if first else f"{role} may decrypt its secrets",
        expected="kms:Decrypt on the secrets' keys, from the key policy or through the account",
        evidence=tuple(f"{k.arn} of {k.secret}: {why}" for k, why in problems),
        related=(*service.related, *_names_of(definition.execution_role), *(k.arn for k in keys)),
        signs=("permission", "secret"),
        names={
            "service": service.service,
            "cluster": service.cluster,
            "role": role,
            "secret": first[0].secret if first else "",
        },
        likely_cause="tasks that start from now on fail with ResourceInitializationError … Access to KMS is not allowed"
        if first
        else "",
    )


def _problem(key: EncryptionKey, role: str) -> str:
    if key.state not in _USABLE:
        return f"its key {key.arn} is {key.state}"
    account = role.split(":")[4]
    root = (account, f"{role.partition(':role/')[0]}:root")
    if role in key.refuses or "*" in key.refuses:
        return "the key policy denies it"
    if key.decision == "explicitDeny":
        return "one of the role's policies denies kms:Decrypt"
    if role in key.grants:
        return ""
    if not any(g in (*root, "*") for g in key.grants):
        return "the key policy names neither the role nor the account"
    if key.decision in MAYBE:
        return ""
    # "*" is mostly narrowed by conditions (kms:ViaService, kms:CallerAccount), which let the account's own roles in.
    return "" if "*" in key.grants else f"no policy of the role allows kms:Decrypt ({key.decision})"


def trusted(service: Service, definition: TaskDefinition, roles: Sequence[RoleTrust]) -> Verdict:
    """Execution role and task role exist, and let ECS tasks assume them."""
    wrong = [(r, _distrust(r)) for r in roles if _distrust(r)]
    first = wrong[0] if wrong else None
    return Verdict(
        ok=not wrong,
        resource=first[0].arn if first else definition.arn,
        name=service.service,
        observed=f"the {first[0].purpose} {first[1]}" if first else "ECS tasks may assume its roles",
        expected=f"roles that {_TASKS} may assume",
        evidence=tuple(f"{r.purpose} {r.arn}: trusts {', '.join(r.services) or 'no service'}" for r, _ in wrong),
        related=(*service.related, *(n for r in roles for n in _names_of(r.arn))),
        signs=("permission",),
        names={
            "service": service.service,
            "cluster": service.cluster,
            "role": (first[0].arn if first else definition.execution_role).rpartition("/")[2],
        },
        likely_cause="tasks that start from now on fail with ECS was unable to assume the role" if first else "",
    )


def _distrust(role: RoleTrust) -> str:
    name = role.arn.rpartition("/")[2]
    if not role.exists:
        return f"{name} does not exist"
    if not {_TASKS, "*"} & set(role.services):
        return f"{name} does not trust {_TASKS}"
    return ""
