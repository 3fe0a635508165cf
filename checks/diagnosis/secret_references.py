"""Whether every ``secrets[].valueFrom`` resolves, and whether the execution role may read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from checks.diagnosis.start_permissions import MAYBE
from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import SecretReference, Service, TaskDefinition
from fixtures.model.secrets import StoredSecret
from fixtures.references import SecretAddress, secret_address

Lookup = Callable[[SecretAddress], StoredSecret]


def problem(reference: SecretReference, find: Lookup) -> str:
    """Why ECS could not resolve a reference, "" if it could."""
    address = secret_address(reference.value_from)
    if address.problem:
        return address.problem
    secret = find(address)
    stage = address.stage or address.version or "AWSCURRENT"
    if secret.status == "missing":
        return f"{'secret' if address.source == 'secretsmanager' else 'parameter'} {address.id} does not exist"
    if secret.status == "deleted":
        when = f" on {secret.deleted_at:%Y-%m-%d}" if secret.deleted_at else ""
        return f"secret {secret.name} is scheduled for deletion{when}"
    if secret.status == "no_value":
        return f"secret {secret.name} has no version {stage}"
    if address.json_key and not secret.is_json:
        return f"secret {secret.name} is not JSON, so it has no key {address.json_key}"
    if address.json_key and address.json_key not in secret.keys:
        return f"secret {secret.name} has no key {address.json_key}; it has {', '.join(secret.keys) or 'none'}"
    if secret.empty or address.json_key in secret.empty_keys:
        return f"the value of {address.json_key or secret.name} is empty"
    return ""


def judge(service: Service, definition: TaskDefinition, find: Lookup) -> Verdict:
    """Every secret that the running revision asks for can be resolved when its next task starts."""
    all_references = [(c.name, s) for c in definition.containers for s in c.secrets]
    found = [(c, s, why) for c, s in all_references for why in [problem(s, find)] if why]
    first = found[0] if found else None
    return Verdict(
        ok=not found,
        resource=definition.arn,
        name=service.service,
        observed=f"{first[1].variable} of {definition.short} cannot be resolved: {first[2]}"
        if first
        else "all resolve",
        expected=f"all {len(all_references)} secrets resolve",
        evidence=tuple(f"{c}: {s.variable} from {s.value_from}: {why}" for c, s, why in found),
        related=(*service.related, *(secret_address(s.value_from).id for _, s in all_references)),
        signs=("secret",),
        likely_cause="tasks that start from now on fail with ResourceInitializationError" if found else "",
        names={
            "service": service.service,
            **(_names(secret_address(first[1].value_from)) if first else {}),
        },
    )


def _names(address: SecretAddress) -> dict[str, str]:
    return {"parameter" if address.source == "ssm" else "secret": address.name}


def may_read(service: Service, definition: TaskDefinition, decisions: Mapping[tuple[str, str], str]) -> Verdict:
    """The execution role (not the task role) is allowed to read every referenced secret."""
    refused = [(action, arn, said) for (action, arn), said in sorted(decisions.items()) if said not in MAYBE]
    first = refused[0] if refused else None
    role = definition.execution_role or "no execution role"
    return Verdict(
        ok=not refused,
        resource=definition.execution_role or definition.arn,
        name=service.service,
        observed=f"{role} is not allowed {first[0]} on {first[1]} ({first[2]})" if first else "it is allowed",
        expected="an identity policy of the execution role that allows it",
        evidence=tuple(f"{action} on {arn}: {said}" for action, arn, said in refused),
        related=(*service.related, *(arn for _, arn in decisions)),
        signs=("permission",),
        likely_cause="tasks that start from now on fail with ResourceInitializationError … AccessDenied"
        if refused
        else "",
        names={
            "service": service.service,
            "role": definition.execution_role.rsplit("/", 1)[-1],
            **(_names(secret_address(first[1])) if first else {}),
        },
    )
