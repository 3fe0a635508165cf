"""What a Terraform plan tells: whether the code is valid, what drifted, and what was never applied.

A refresh always finds something (computed attributes), so ``resource_drift`` alone proves nothing. What drifted is what
an apply would also undo: attributes that are in ``resource_drift`` and in ``resource_changes`` of the same resource.
"""

from __future__ import annotations

from collections.abc import Sequence

from checks.diagnosis.verdict import Severity, Verdict
from fixtures.model.terraform import AttributeChange, Change, Plan, Source, Validation

_TAGS = frozenset({"tags", "tags_all"})
# Attributes that something else than Terraform sets by design.
_EXPECTED = {
    ("aws_ecs_service", "desired_count"): "autoscaling or somebody who scaled it sets desired_count",
    ("aws_ecs_service", "task_definition"): "a deployment registers new task definitions",
    ("aws_appautoscaling_target", "min_capacity"): "a scheduled action sets min_capacity",
    ("aws_appautoscaling_target", "max_capacity"): "a scheduled action sets max_capacity",
}
_MOST_LINES = 40
_ACTIONS = {
    ("create",): "create",
    ("update",): "update",
    ("delete",): "delete",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("forget",): "forget",
}


def is_valid(validation: Validation) -> Verdict:
    """``terraform validate`` finds no errors; warnings alone are none."""
    errors = [d for d in validation.diagnostics if d.severity == "error"]
    first = errors[0] if errors else None
    more = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
    return Verdict(
        ok=validation.valid,
        resource=validation.directory,
        observed=f"{first.line}{more}" if first else "valid",
        expected="a configuration that terraform validate accepts",
        evidence=tuple(d.line for d in validation.diagnostics[:_MOST_LINES]),
        related=("terraform",),
        signs=("configuration",) if errors else (),
        names={"terraform_directory": validation.directory},
        locations=tuple(d.location for d in errors if d.location),
    )


def is_formatted(directory: str, unformatted: Sequence[str]) -> Verdict:
    """``terraform fmt`` would rewrite no file."""
    return Verdict(
        ok=not unformatted,
        resource=directory,
        observed=f"{len(unformatted)} files are not formatted: {', '.join(unformatted[:5])}"
        if unformatted
        else "formatted",
        expected="files as terraform fmt writes them",
        evidence=tuple(unformatted[:_MOST_LINES]),
        related=("terraform",),
        names={"terraform_directory": directory},
        locations=tuple(f"{f}:1" for f in unformatted),
    )


def drifted(plan: Plan) -> tuple[Change, ...]:
    """What was changed outside Terraform and would be undone by an apply: each with the attributes that matter."""
    wanted = {c.address: c for c in plan.changes}
    found = (_undone(d, wanted[d.address]) for d in plan.drift if d.address in wanted)
    return tuple(c for c in found if c is not None)


def _undone(drift: Change, change: Change) -> Change | None:
    if "delete" in drift.actions:
        return drift if "create" in change.actions else None
    touched = {a.name for a in change.attributes}
    attributes = tuple(a for a in drift.attributes if a.name in touched)
    if not attributes:
        return None
    return Change(drift.address, drift.type, drift.actions, attributes, drift.ids or change.ids, drift.reason)


def has_no_drift(plan: Plan, source: Source) -> Verdict:
    """Nothing that Terraform manages was changed outside it.

    Milder where only tags differ, or what autoscaling and deployments set by design.
    """
    changes = drifted(plan)
    grave = [c for c in changes if severity_of(c) is None]
    worst = grave or list(changes)
    severity: Severity | None = "low" if changes and not grave else None
    return Verdict(
        ok=not changes,
        resource=source.directory,
        observed=_observed(worst, len(changes))
        if changes
        else f"the {plan.in_state} resources are as they were applied",
        expected="resources as Terraform applied them",
        evidence=tuple(line for c in [*worst, *(c for c in changes if c not in worst)] for line in lines_of(c))[
            :_MOST_LINES
        ],
        related=("terraform", *(i for c in changes for i in c.ids)),
        severity=severity,
        names={"terraform_directory": source.directory},
        likely_cause=_cause(worst),
        locations=tuple(where for c in changes if (where := source.location_of(c.address))),
    )


def severity_of(change: Change) -> Severity | None:
    """``low`` for drift that is expected or harmless, None for drift as such."""
    if "delete" in change.actions:
        return None
    names = {a.name for a in change.attributes}
    expected = {name for kind, name in _EXPECTED if kind == change.type}
    return "low" if names <= _TAGS | expected else None


def _observed(changes: Sequence[Change], count: int) -> str:
    first = changes[0]
    more = f" (and {count - 1} more)" if count > 1 else ""
    if "delete" in first.actions:
        return f"{first.address} was deleted outside Terraform{more}"
    attributes = ", ".join(_short(a) for a in first.attributes[:3])
    return f"{first.address} was changed outside Terraform: {attributes}{more}"


def _short(attribute: AttributeChange) -> str:
    if attribute.removed or attribute.added:
        parts = [f"{len(attribute.removed)} removed" if attribute.removed else ""]
        parts.append(f"{len(attribute.added)} added" if attribute.added else "")
        return f"{attribute.name} ({', '.join(p for p in parts if p)})"
    return f"{attribute.name} {attribute.before} → {attribute.after}"


def lines_of(change: Change) -> tuple[str, ...]:
    """A resource's change as lines: what it was applied with → what it is now."""
    if "delete" in change.actions:
        return (f"{change.address}: is gone",)
    return tuple(line for a in change.attributes for line in _attribute_lines(change.address, a))


def _attribute_lines(address: str, attribute: AttributeChange) -> list[str]:
    if not attribute.removed and not attribute.added:
        return [f"{address}: {attribute.name}: {attribute.before} → {attribute.after}"]
    gone = [f"{address}: {attribute.name}: removed {v}" for v in attribute.removed]
    return gone + [f"{address}: {attribute.name}: added {v}" for v in attribute.added]


def _cause(changes: Sequence[Change]) -> str:
    causes = [_EXPECTED[c.type, a.name] for c in changes for a in c.attributes if (c.type, a.name) in _EXPECTED]
    if causes and all(severity_of(c) for c in changes):
        return f"{causes[0]}; let Terraform ignore it with lifecycle.ignore_changes"
    if changes and all({a.name for a in c.attributes} <= _TAGS and c.attributes for c in changes):
        return "another tool sets tags; let the provider ignore them with ignore_tags"
    return "somebody or something changed it in the console or through the API" if changes else ""


def is_applied(plan: Plan, source: Source) -> Verdict:
    """The code as it stands was applied: a plan has nothing to do besides undoing drift."""
    drift = {c.address: c for c in drifted(plan)}
    open_changes = [c for c in (_beyond(c, drift.get(c.address)) for c in plan.changes) if c is not None]
    tainted = [c for c in open_changes if c.reason == "replace_because_tainted"]
    listed = [f"{c.address}: to {_ACTIONS.get(c.actions, ' and '.join(c.actions))}" for c in open_changes]
    cause = "code was merged and not applied, or the plan was made from another branch than the applied one"
    return Verdict(
        ok=not open_changes,
        resource=source.directory,
        observed=f"{len(open_changes)} changes wait: {', '.join(listed[:3])}"
        if listed
        else "nothing waits to be applied",
        expected="code that is applied",
        evidence=tuple(line for c, head in zip(open_changes, listed, strict=True) for line in _open_lines(c, head))[
            :_MOST_LINES
        ],
        related=("terraform", *(i for c in open_changes for i in c.ids)),
        names={"terraform_directory": source.directory},
        likely_cause=f"an apply failed half-way: {tainted[0].address} is tainted"
        if tainted
        else cause
        if listed
        else "",
        locations=tuple(where for c in open_changes if (where := source.location_of(c.address))),
    )


def _beyond(change: Change, drift: Change | None) -> Change | None:
    """What of a change does not come from drift; None if nothing does."""
    if drift is None:
        # A change of nothing that is known (a computed value's echo) is no work for an apply.
        return change if change.attributes or change.actions != ("update",) else None
    if "delete" in drift.actions:
        return None
    names = {a.name for a in drift.attributes}
    attributes = tuple(a for a in change.attributes if a.name not in names)
    if not attributes or {a.name for a in attributes} <= _TAGS:
        return None
    return Change(change.address, change.type, change.actions, attributes, change.ids, change.reason)


def _open_lines(change: Change, head: str) -> tuple[str, ...]:
    if change.actions == ("update",):
        return lines_of(change)
    return (head,)
