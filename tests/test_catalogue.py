"""What holds for every check and every bullet of the guide."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@cache
def catalogue() -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--catalogue", "-p", "no:cacheprovider"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_every_bullet_has_a_check_or_says_why_not() -> None:
    assert [line for line in catalogue().splitlines() if "NO CHECK" in line] == []


def test_the_committed_catalogue_is_current() -> None:
    assert (ROOT / "docs" / "catalogue.md").read_text() == catalogue(), "run python docs/make_examples.py"


@pytest.mark.parametrize("scenario", ["ecs", "database", "alb", "latency", "docker", "terraform", "cost"])
def test_every_scenario_has_checks(scenario: str) -> None:
    section = catalogue().partition(f"## {scenario}:")[2].partition("\n## ")[0]

    assert section.count("`check_") >= 5
