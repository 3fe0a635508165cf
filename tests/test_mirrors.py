"""Every module has its own test file, where the next person looks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MIRRORS = {
    "fixtures": "tests/fixtures",
    "fixtures/facts": "tests/fixtures/facts",
    "checks/diagnosis": "tests/diagnosis",
    "reports": "tests/reports",
}
# What tests of other names cover, mostly end to end. This list may only shrink.
WITHOUT = {
    "fixtures": set(
        "errors github hadolint log_text loose_yaml options partitions postgres survey workflow_scans".split()
    ),
    "fixtures/facts": set(
        "account database_activity exec_probe github latency owners release scaling schedules source".split()
    ),
    "checks/diagnosis": set(),
    "reports": {"catalogue", "metadata"},
}


def modules(folder: str) -> set[str]:
    return {p.stem for p in (ROOT / folder).glob("*.py") if not p.stem.startswith("__")}


def mirrored(folder: str) -> set[str]:
    return {p.stem.removeprefix("test_") for p in (ROOT / MIRRORS[folder]).glob("test_*.py")}


@pytest.mark.parametrize("folder", MIRRORS)
def test_every_module_has_a_test_file_of_its_name(folder: str) -> None:
    assert modules(folder) - mirrored(folder) == WITHOUT[folder]
