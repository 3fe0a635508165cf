"""Every module that judges or tells has its own test file, where the next person looks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Reports that tests of other names cover, end to end. This list may only shrink.
WITHOUT = {"reports": {"catalogue", "metadata", "plugin"}, "checks/diagnosis": set()}
MIRRORS = {"checks/diagnosis": "tests/diagnosis", "reports": "tests/reports"}


def modules(folder: str) -> set[str]:
    return {p.stem for p in (ROOT / folder).glob("*.py") if not p.stem.startswith("__")}


def mirrored(folder: str) -> set[str]:
    return {p.stem.removeprefix("test_") for p in (ROOT / MIRRORS[folder]).glob("test_*.py")}


@pytest.mark.parametrize("folder", MIRRORS)
def test_every_module_has_a_test_file_of_its_name(folder: str) -> None:
    assert modules(folder) - mirrored(folder) - WITHOUT[folder] == set()
