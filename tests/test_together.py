from __future__ import annotations

from tests.matrix import Look
from tests.together import group_of

FAULT = "tests/test_matrix.py::test_a_fault_turns_its_checks_red_and_no_others"


def test_tests_that_share_something_belong_together() -> None:
    terraform = repr(Look(terraform=True))

    assert group_of("tests/test_hostile.py::test_a[x]") == group_of("tests/test_hostile.py::test_b")
    assert group_of("tests/real/test_live.py::test_a") == group_of("tests/real/test_drift.py::test_b")
    assert group_of(f"{FAULT}[terraform-drift]") == terraform
    assert group_of("tests/test_matrix.py::test_the_healthy_world_is_green") == terraform
    assert group_of(f"{FAULT}[exec-probe-refused]") == repr(Look(probe=True))


def test_others_belong_to_nothing() -> None:
    for one in (f"{FAULT}[rule-removed]", "tests/test_wait.py::test_a", "tests/test_matrix.py::test_a_service_x[ec2]"):
        assert group_of(one) == one
