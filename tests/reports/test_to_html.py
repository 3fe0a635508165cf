"""report.html as text: verdict first, cards in order, bounded. tests/reports/test_page.py looks at it in a browser."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from msgspec import structs

from reports import merge, to_html
from reports.finding import Series
from tests.reports.build import HOSTILE, finding, many, results

AT = dt.datetime(2027, 1, 2, tzinfo=dt.UTC)


def _kinds(html: str) -> list[str]:
    return re.findall(r'<span class="kind">([^<]*)</span>', html)


def test_the_verdict_comes_first_then_cards_by_how_much_they_matter() -> None:
    html = to_html.opening(
        results(
            finding("check_c", outcome="advisory"),
            finding("check_b", outcome="unverified"),
            finding("check_a", declared_causes=("check_root",)),
            finding("check_root"),
        )
    )
    assert (
        html.index("2 of 4 checks failed, 1 root cause")
        < html.index('id="findings"')
        < html.index('id="cards"')
        < html.index('id="all"')
    )
    assert _kinds(html) == ["root cause", "could not look", "consequence", "advisory"]


@pytest.mark.parametrize(
    ("outcome", "kind"), [("passed", "good"), ("advisory", "good"), ("unverified", "unsure"), ("failed", "bad")]
)
def test_colour_follows_the_verdict(outcome: str, kind: str) -> None:
    assert f'class="verdict {kind} live"' in to_html.opening(results(finding(outcome=outcome)))


def test_a_sandbox_is_never_taken_for_real() -> None:
    assert "nothing here is real" in to_html.opening(results(finding(), mode="sandbox"))
    assert "nothing here is real" not in to_html.opening(results(finding()))


def test_there_are_no_filters_where_there_is_nothing_to_filter() -> None:
    html = to_html.opening(results(finding(outcome="passed")))
    assert 'class="choose"' not in html
    html = to_html.opening(results(finding("check_a", "product"), finding("check_b", "order", "unverified")))
    assert re.findall(r'data-filter="(\w+)"', html) == ["outcome", "service"]


def test_several_targets_have_a_row_each() -> None:
    html = to_html.opening(results(finding(target="dev", outcome="passed"), finding(target="prod")))
    assert "<th scope=row>dev</th><td>all 1 check passed</td>" in html
    assert "<th scope=row>prod</th><td>1 of 1 check failed, 1 root cause</td>" in html


def test_curves_open_where_their_scenario_failed() -> None:
    curve = Series(
        title="p95", unit="s", points=((AT, 1.0), (AT + dt.timedelta(hours=1), 2.0)), scenario="latency", threshold=1.5
    )
    assert '<details class="curves" open>' in to_html.opening(results(finding(scenario="latency"), series=[curve]))
    assert '<details class="curves">' in to_html.opening(results(finding(), series=[curve]))
    assert 'class="curves"' not in to_html.opening(results(finding()))
    cost = structs.replace(curve, scenario="cost", title="cost")
    both = to_html.opening(results(finding(scenario="cost"), finding(outcome="advisory"), series=[curve, cost]))
    opened, shut = both.index('<details class="curves" open>'), both.index('<details class="curves">')
    # What belongs to the failure comes before the rest, and both before what can wait.
    assert opened < both.index("<figcaption>cost") < shut < both.index("<figcaption>p95") < both.index("Advisory: ")


def test_several_causes_are_listed_first_and_one_is_not() -> None:
    alone = finding("check_a", "product")
    assert "overview" not in to_html.opening(results(alone))
    html = to_html.opening(results(alone, finding("check_b", "order", severity="critical")))
    listed = html[html.index('<nav class="overview"') : html.index("</nav>")]
    assert listed.index("critical") < listed.index("order: check_b is off") < listed.index("product: check_a is off")
    assert listed.count('<a href="#card-') == 2


def test_cards_stand_in_groups_and_empty_groups_do_not_show() -> None:
    html = to_html.opening(results(finding("check_a"), finding("check_b", outcome="advisory")))
    assert "<h2>Root causes (1)</h2>" in html
    assert "exempt (1)</h2>" in html
    assert "Could not look" not in html


def test_what_changed_and_what_must_be_known_is_said() -> None:
    html = to_html.opening(
        results(finding(change="new"), finding("check_b", outcome="passed", change="fixed"), notes=["<b>note</b>"])
    )
    assert "Since the baseline: 1 new, 1 fixed, 0 known" in html
    assert "<li>&lt;b&gt;note&lt;/b&gt;</li>" in html
    assert "<li>fixed: check_b</li>" in html


@pytest.mark.parametrize(("text", "most"), [("e", 1_200_000), ("<&\"'", 1_600_000)])
def test_five_hundred_failures_with_all_they_can_say_stay_small(text: str, most: int) -> None:
    said = {
        "summary": text * 1000,
        "observed": text * 1000,
        "expected": text * 1000,
        "resolution": text * 1000,
        "likely_cause": text * 1000,
    }
    found = many(500, evidence=(text * 125,) * 41, commands=(text * 1000,) * 30, locations=(text * 100,) * 100, **said)
    html = merge.page(results(*found, exit_code=1))
    assert len(html.encode()) < most
    # Whoever does not have a card has a line.
    assert all(f.label in html for f in found)


def test_the_title_says_how_it_went() -> None:
    page = merge.page(results(finding(target="</title><script>")))
    assert '<html lang="en">' in page
    assert re.search(
        r'<title id="head-title">LIVE &lt;/title&gt;&lt;script&gt; \(123456789012 us-east-1\): 1 of 1 check failed',
        page,
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_a_backslash_in_a_name_is_no_group_of_a_pattern(text: str) -> None:
    assert to_html.completed(
        '<html>\n  <head><title id="head-title">x</title>', results(finding(target=text + "\\1\\g<0>"))
    )


def test_the_environment_is_escaped() -> None:
    assert to_html._escaped("<img/src=x/onerror=alert(1)>") == "&lt;img/src=x/onerror=alert(1)&gt;"
    assert to_html._escaped({"<a>": 1, "b": ["<c>", 2]}) == "&lt;a&gt; 1, b &lt;c&gt;, 2"


def test_services_with_the_same_to_say_share_a_card_that_filters_find_by_each() -> None:
    html = to_html.opening(
        results(*(finding("check_a", s, "advisory", observed="it is off") for s in ("order", "product")))
    )
    assert _kinds(html) == ["advisory"]
    assert "order and product: it is off" in html
    assert 'data-service="order product"' in html


def test_what_goes_into_the_page_as_it_is_needs_one_byte_for_each_character() -> None:
    """The page is made of plain ASCII; what stands in a script cannot be written otherwise."""
    for file in to_html.ASSETS.iterdir():
        assert file.read_bytes().isascii(), file
