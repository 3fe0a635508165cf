"""Guides that were kept are those that were read, and only for as long as neither text nor parser has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks import guide
from checks.guide import GUIDE, Guide, GuideError, load_guide
from reports import kept_guides
from reports.kept_guides import read_guide

OWN = "## ecs: Tasks\n### Diagnosis\n#### mine\nA text.\n\nResolution: {what} to do.\n\n```sh\naws x\n```\n"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were parsed."""
    texts: list[str] = []
    parse = guide.parse_guide

    def remembered(text: str) -> Guide:
        texts.append(text)
        return parse(text)

    monkeypatch.setattr(guide, "parse_guide", remembered)
    return texts


def test_what_is_kept_is_what_was_read(tmp_path: Path, parsed: list[str]) -> None:
    first, second = read_guide(GUIDE, tmp_path), read_guide(GUIDE, tmp_path)

    assert len(parsed) == 1
    assert first == second == load_guide()


def test_a_changed_text_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "own.md"
    path.write_text(OWN)
    read_guide(path, tmp_path)
    path.write_text(OWN.replace("A text", "Another"))

    assert read_guide(path, tmp_path).bullet("ecs", "mine").text == "Another."


def test_another_parser_reads_anew(tmp_path: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    read_guide(GUIDE, tmp_path)
    newer = tmp_path / "guide.py"
    newer.write_text("# another parser")
    monkeypatch.setattr(kept_guides, "_PARSER", newer)
    read_guide(GUIDE, tmp_path)

    assert len(parsed) == 2


def test_where_nothing_can_be_kept_it_is_read(tmp_path: Path) -> None:
    assert read_guide(GUIDE, None) == read_guide(GUIDE, tmp_path / "nowhere") == load_guide()


@pytest.mark.parametrize("kept", [True, False])
def test_what_cannot_be_read_is_said(tmp_path: Path, kept: bool) -> None:
    with pytest.raises(GuideError, match="cannot be read"):
        read_guide(tmp_path / "missing.md", tmp_path if kept else None)


def test_the_parser_is_not_loaded_for_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_guide(GUIDE, tmp_path)
    monkeypatch.setattr("markdown_it.MarkdownIt", None)

    assert read_guide(GUIDE, tmp_path).bullets
