"""Cards: everything that is known of a finding, as HTML in which nothing is obeyed."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import conclusions
from reports.cards import Budget, Cards, command, text
from tests.reports.build import HOSTILE, finding, results


class _Page(HTMLParser):
    """What a browser would make of it: tags, attributes, links and whether all is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


OURS = {"details", "summary", "span", "strong", "div", "dl", "dt", "dd", "a", "br", "code", "pre", "p", "b", "h3", "ul", "li"} | {"svg", "path", "g", "title", "rect", "text"}  # fmt: skip


def _page(*found: object, **more: object) -> _Page:
    run = results(*found)  # type: ignore[arg-type]
    roots = conclusions.found_roots(run)
    links = {f.id: f"card-{n}" for n, f in enumerate(run.findings)}
    cards = Cards(links, Budget(100_000), several=bool(more.get("several")))
    shown = [cards.card(r.first, "root cause", r) for r in roots]
    shown += [cards.card(f, "advisory") for f in run.of("advisory", "unverified")]
    page = _Page("".join(shown))
    assert page.open == []
    return page


def test_a_card_tells_everything() -> None:
    one = finding(
        "check_a",
        likely_cause="the rule is gone",
        console_url="https://us-east-1.console.aws.amazon.com/x",
        locations=("main.tf:3",),
        since="2027-01-01",
        change="new",
        flapping=True,
        declared_causes=("check_s", "check_v"),
    )
    page = _page(one, finding("check_s", outcome="unverified"), finding("check_v", outcome="advisory"), several=True)
    for said in ("root cause", "high", "check_a is off", "on", "the rule is gone", "first line", "Turn check_a on.", "aws ecs describe", "main.tf:3", "2027-01-01", "new", "comes and goes", "could not verify", "(advisory)", "dev"):  # fmt: skip
        assert said in page.words, said
    assert "https://us-east-1.console.aws.amazon.com/x" in page.links


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_text_is_only_text(words: str) -> None:
    said = dict.fromkeys(("title", "summary", "observed", "expected", "likely_cause", "resolution", "resource", "since", "exempt_reason", "iam_action"), words)  # fmt: skip
    lists = dict.fromkeys(("evidence", "commands", "locations"), (words,))
    page = _page(
        finding("check_a", resource_name=words, console_url=words, **said, **lists),
        finding("check_b", "product", "advisory", exempt_until=words, change="new", **said, **lists),
        finding("check_c", outcome="unverified", declared_causes=("check_a",), **said, **lists),
        finding("check_d", declared_causes=("check_a",), **said, **lists),
    )
    assert page.tags <= OURS
    assert not {a for a in page.attributes if a.startswith("on") or a in ("style", "srcdoc", "formaction")}
    assert all(link.startswith("#card-") for link in page.links)


@given(st.text(st.characters(exclude_categories=()), max_size=100))
def test_any_text_is_only_text(words: str) -> None:
    page = _Page(f"<p title='{text(words)}'>{text(words)}{command(words)}</p>")
    assert page.tags == {"p", "pre", "code"}
    assert page.attributes <= {"title", "class", "tabindex", "role", "aria-label"}


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "http://x/", "//x", "", " https://x", "https:x\n", "["]
)
def test_only_https_becomes_a_link(url: str) -> None:
    for link in _page(finding(console_url=url)).links:
        pytest.fail(f"{link} can be clicked")


def test_a_strange_address_stays_one_attribute() -> None:
    assert _page(finding(console_url='https://[x\n" onclick="y')).links == ['https://[x " onclick="y']


def test_evidence_gets_short_when_there_is_much_of_it() -> None:
    budget = Budget(5_000)
    lines = tuple("e" * 400 for _ in range(10))
    full, short = budget.evidence(lines), budget.evidence(lines)
    assert len(full) > 4000
    assert "… 7 more in results.json" in short
    assert len(short) < 700
    assert budget.evidence(()) == ""
