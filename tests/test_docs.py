"""What README.md and docs/ say is there: files, options, make targets, faults, checks, and a target file that is valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixtures.sandbox.faults import catalogue
from fixtures.target import load_target

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Options of pytest itself, and of programs that the pages also speak of.
_FOREIGN = {"--lf", "--collect-only", "--require-hashes", "--no-deps", "--strict"}


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _written(page: Path) -> str:
    """What somebody wrote, without real output."""
    return re.sub(r"<!-- real output.*?\n```\n", "", _text(page), flags=re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_and_pictures_lead_to_files(page: Path) -> None:
    found = re.findall(r'\]\(([^)#\s]+)|src(?:set)?="([^"]+)"', _text(page))
    places = [a or b for a, b in found if not (a or b).startswith("http")]
    assert [p for p in places if not (page.parent / p).exists()] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "adopting.md"], ids=lambda p: p.name)
def test_options_that_are_named_exist(page: Path) -> None:
    known = set(re.findall(r'"(--[a-z-]+)"', (ROOT / "fixtures" / "options.py").read_text(encoding="utf-8")))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", _written(page))) - known <= _FOREIGN


def test_what_the_readme_tells_to_type_exists() -> None:
    text = _text(ROOT / "README.md")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)", text)) - targets <= {"and"}
    assert set(re.findall(r"--fault ([a-z0-9-]+)", text)) <= {f.name for f in catalogue()}
    sources = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "checks").glob("check_*.py"))
    assert [n for n in set(re.findall(r"\bcheck_\w+", text)) if f"def {n}(" not in sources] == []


def test_pictures_are_small() -> None:
    assert sum(p.stat().st_size for p in (ROOT / "docs").glob("*.webp")) < 400_000


def test_the_target_file_that_is_shown_is_one(tmp_path: Path) -> None:
    shown = re.search(r"```toml\n(.*?)```", _text(ROOT / "docs" / "adopting.md"), re.DOTALL)
    assert shown is not None
    path = tmp_path / "shown.toml"
    path.write_text(shown[1], encoding="utf-8")
    assert load_target(str(path)).services[0].name == "frontend"
