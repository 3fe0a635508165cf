from __future__ import annotations

import pytest
from msgspec import structs

from checks.diagnosis import plan
from fixtures.model.terraform import AttributeChange, Backend, Change, Diagnostic, Plan, Source, Validation

SOURCE = Source("/repository", "terraform", Backend(), locations={"aws_security_group.db": "terraform/sg.tf:70"})
RULE = '{"from_port": 5432, "protocol": "tcp"}'


def changed(address: str, *names: str, actions: tuple[str, ...] = ("update",), before: str = "a") -> Change:
    attributes = tuple(AttributeChange(n, before, "b") for n in names)
    return Change(address, address.partition(".")[0], actions, attributes, (f"id-of-{address}",))


def plan_of(drift: list[Change], changes: list[Change]) -> Plan:
    return Plan(tuple(changes), tuple(drift), in_state=12)


DB = "aws_security_group.db"
INGRESS = Change(
    DB, "aws_security_group", ("update",), (AttributeChange("ingress", "[…]", "[]", (RULE,), ()),), ("sg-1",)
)
BACK = Change(DB, "aws_security_group", ("update",), (AttributeChange("ingress", "[]", "[…]", (), (RULE,)),), ("sg-1",))
SERVICE = "aws_ecs_service.product"
COMPUTED = changed("aws_db_instance.main", "latest_restorable_time")


@pytest.mark.parametrize(
    ("drift", "changes", "ok", "severity"),
    [
        ([], [], True, None),
        # Computed noise: nothing would undo it.
        ([COMPUTED], [], True, None),
        ([COMPUTED], [changed("aws_db_instance.main", "instance_class")], True, None),
        # Code that was not applied is no drift.
        ([], [changed("aws_db_instance.main", "instance_class")], True, None),
        ([INGRESS], [BACK], False, None),
        # Somebody's change that the code asks for, too, or ignores: nothing to undo.
        ([INGRESS], [], True, None),
        ([changed(SERVICE, "tags", "tags_all")], [changed(SERVICE, "tags", "tags_all")], False, "low"),
        ([changed(SERVICE, "desired_count")], [changed(SERVICE, "desired_count")], False, "low"),
        ([changed(SERVICE, "task_definition", "tags")], [changed(SERVICE, "task_definition", "tags")], False, "low"),
        (
            [changed("aws_db_instance.main", "desired_count")],
            [changed("aws_db_instance.main", "desired_count")],
            False,
            None,
        ),
        # A tag besides something grave stays grave.
        ([INGRESS, changed(SERVICE, "tags")], [BACK, changed(SERVICE, "tags")], False, None),
        # Deleted by hand: an apply makes it again.
        ([changed(DB, actions=("delete",))], [changed(DB, actions=("create",))], False, None),
        # Deleted by hand and taken out of the code.
        ([changed(DB, actions=("delete",))], [], True, None),
    ],
)
def test_drift(drift: list[Change], changes: list[Change], ok: bool, severity: str | None) -> None:
    verdict = plan.has_no_drift(plan_of(drift, changes), SOURCE)

    assert (verdict.ok, verdict.severity) == (ok, severity)


def test_drift_shows_old_and_new() -> None:
    verdict = plan.has_no_drift(plan_of([INGRESS], [BACK]), SOURCE)

    assert verdict.observed == "aws_security_group.db was changed outside Terraform: ingress (1 removed)"
    assert verdict.evidence == (f"aws_security_group.db: ingress: removed {RULE}",)
    assert verdict.related == ("terraform", "sg-1")
    assert verdict.locations == ("terraform/sg.tf:70",)


def test_grave_drift_is_shown_before_mild_drift() -> None:
    tags = changed(SERVICE, "tags")
    verdict = plan.has_no_drift(plan_of([tags, INGRESS], [tags, BACK]), SOURCE)

    assert verdict.observed.startswith("aws_security_group.db")
    assert verdict.observed.endswith("(and 1 more)")
    assert len(verdict.evidence) == 2


@pytest.mark.parametrize(
    ("drift", "changes", "waiting"),
    [
        ([], [], 0),
        ([], [changed(DB, "description")], 1),
        ([], [changed(DB, actions=("create",))], 1),
        ([], [changed(DB, actions=("delete",))], 1),
        # Only values that are known after an apply: an echo of something else.
        ([], [changed(DB)], 0),
        # What undoes drift is drift, and not code that waits.
        ([INGRESS], [BACK], 0),
        ([INGRESS], [structs.replace(BACK, attributes=(*BACK.attributes, AttributeChange("name", "a", "b")))], 1),
        ([changed(DB, actions=("delete",))], [changed(DB, actions=("create",))], 0),
    ],
)
def test_code_that_waits(drift: list[Change], changes: list[Change], waiting: int) -> None:
    verdict = plan.is_applied(plan_of(drift, changes), SOURCE)

    assert verdict.ok is (waiting == 0)
    assert len(verdict.related) == 1 + waiting


def test_tainted_resources_tell_of_a_failed_apply() -> None:
    tainted = Change(DB, "aws_security_group", ("delete", "create"), reason="replace_because_tainted")
    verdict = plan.is_applied(plan_of([], [tainted]), SOURCE)

    assert verdict.observed == "1 changes wait: aws_security_group.db: to replace"
    assert "failed half-way" in verdict.likely_cause


def test_warnings_alone_are_valid() -> None:
    warning = Diagnostic("warning", "Deprecated", "Use the other one.", "terraform/a.tf:3")
    verdict = plan.is_valid(Validation("terraform", True, (warning,)))

    assert verdict.ok
    assert verdict.evidence == ("terraform/a.tf:3: Deprecated: Use the other one.",)


def test_errors_come_with_their_place() -> None:
    errors = tuple(Diagnostic("error", f"Error {n}", location=f"terraform/a.tf:{n}") for n in (1, 2))
    verdict = plan.is_valid(Validation("terraform", False, errors))

    assert verdict.summary.startswith("terraform: terraform/a.tf:1: Error 1 and 1 more;")
    assert verdict.locations == ("terraform/a.tf:1", "terraform/a.tf:2")


def test_formatting() -> None:
    assert plan.is_formatted("terraform", ())
    assert plan.is_formatted("terraform", ("terraform/a.tf",)).locations == ("terraform/a.tf:1",)
