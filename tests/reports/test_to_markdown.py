"""summary.md: nothing in it is obeyed by Markdown, HTML or GitHub, and it fits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reports.to_markdown import MOST_BYTES, escape, markdown
from tests.reports.build import HOSTILE, finding, many, results

_OUR_HTML = re.compile(r"</?(details|summary)>|explains \d+ other failures?|\d+ advisor(y|ies)|\s")


def obeyed(text: str) -> list[str]:
    """Everything in a rendered document that is more than text: links, pictures, HTML that is not ours."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    flat = [t for token in tokens for t in (token, *(token.children or ()))]
    active = [t.type for t in flat if t.type in ("link_open", "image")]
    return active + [
        t.content for t in flat if t.type in ("html_inline", "html_block") and _OUR_HTML.sub("", t.content)
    ]


def _poisoned(text: str) -> str:
    said = dict.fromkeys(("title", "summary", "observed", "likely_cause", "resolution", "since", "exempt_reason"), text)
    run = results(
        finding("check_a", declared_causes=("check_b",), evidence=(text,), commands=(text,), **said),
        finding("check_b", evidence=(text,), commands=(text,), **said),
        finding("check_c", outcome="advisory", exempt_until="2027-02-01", **said),
        finding("check_d", outcome="unverified", summary=text),
        finding("check_e", outcome="passed", change="fixed"),
        notes=[text],
    )
    return markdown(run)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    said = _poisoned(text)
    assert obeyed(said) == []
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", said)
    # No line that a workflow's log or a heading could be made of.
    assert not [line for line in said.splitlines() if line.startswith("::")]


@given(
    st.text(st.characters(exclude_categories=()), max_size=80) | st.text("[]()!<>`*_\\|#~&;:/\n\"' abx=", max_size=60)
)
@settings(max_examples=150, deadline=None)
def test_any_text_stays_text(text: str) -> None:
    assert obeyed(_poisoned(text)) == []


def test_mentions_and_references_are_not_made() -> None:
    for text in ("@org/team", "#12", "GH-12", "https://evil.example", "www.evil.example"):
        assert text not in escape(text).replace("\\", "")


def test_a_fence_in_evidence_does_not_end_the_block() -> None:
    said = markdown(results(finding(evidence=("```", "````", "## not a heading"))))
    assert "`````text" in said
    assert not [t for t in MarkdownIt().parse(said) if t.type == "heading_open" and t.tag == "h2" and t.map[0] > 3]


def test_the_verdict_comes_first_and_roots_before_what_they_explain() -> None:
    said = markdown(results(finding("check_a", declared_causes=("check_b",)), finding("check_b")))
    assert said.startswith("## ❌ LIVE dev \\(123456789012 us-east-1\\)\n\n**2 of 2 checks failed, 1 root cause**")
    assert (
        said.index("### Root cause: check\\_b holds.")
        < said.index("explains 1 other failure")
        < said.index("`check_a`")
    )
    assert "**Resolution:** Turn check\\_b on." in said
    assert "aws ecs describe-services --cluster dev" in said


@pytest.mark.parametrize(
    ("outcome", "mark"), [("passed", "✅"), ("advisory", "✅"), ("unverified", "⚠️"), ("failed", "❌")]
)  # fmt: skip
def test_a_mark_that_can_be_seen_from_afar(outcome: str, mark: str) -> None:
    assert markdown(results(finding(outcome=outcome))).startswith(f"## {mark} ")


def test_the_sandbox_is_never_taken_for_real() -> None:
    assert "nothing here is real" in markdown(results(finding(), mode="sandbox"))
    assert "nothing here is real" not in markdown(results(finding()))


def test_a_summary_that_does_not_fit_says_how_much_is_missing() -> None:
    found = many(400, resolution="r" * 4000, evidence=("e" * 400,) * 10)
    said = markdown(results(*found))
    assert MOST_BYTES * 0.9 < len(said.encode()) <= MOST_BYTES
    shown = said.count("### Root cause")
    assert f"{400 - shown} more sections do not fit into a summary: see report.html and results.json." in said
    assert said.rstrip().endswith("started 2027-01-02T03:00:00\\+00:00")


def test_every_target_has_a_line_when_there_are_several() -> None:
    said = markdown(results(finding(target="dev", outcome="passed"), finding(target="prod")))
    assert "| dev | all 1 check passed |" in said
    assert "| prod | 1 of 1 check failed, 1 root cause |" in said


def test_changes_come_before_the_verdict() -> None:
    said = markdown(results(finding(change="new", since="2027-01-01T00:00:00+00:00", flapping=True)))
    assert said.index("1 new, 0 fixed, 0 known") < said.index("1 of 1 check failed")
    assert "comes and goes" in said
