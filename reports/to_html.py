"""report.html: pytest-html's report, self-contained, opened by the verdict, the causes and a card for each failure.

Everything is readable without JavaScript; with it there are filters and copy buttons. Text from AWS is escaped here,
since pytest-html does not escape what is added to it.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import pytest

from fixtures.whole_files import written_whole
from reports import conclusions
from reports.cards import Budget, Cards, text
from reports.finding import OUTCOMES, SCENARIOS, SEVERITIES, WRONG, Finding, Results, Series, Timeline
from reports.plots import series_svg, timeline_svg
from reports.text import inert, listed, minute, one_line, plural

ASSETS = Path(__file__).with_name("assets")
TITLE = "Runbook checks"
# Together well below 2 MB, whatever 500 checks have to say. The table repeats the cards, and is escaped twice.
_CARDS_BYTES = 800_000
_EVIDENCE = 350_000
_ROWS_BYTES = 200_000
_MOST_CURVES = 24
_MOST_LISTED = 20
# Kinds of cards in their order, with what stands above them.
_GROUPS = {
    "root cause": "Root causes",
    "failed": "Failed",
    "could not look": "Could not look",
    "consequence": "Consequences",
    "advisory": "Advisory: below the limit of this run, or exempt",
}
_MARK = '<span class="mark">┊ deployment</span>'
_KEY = '<span class="limit">● failed</span> <span class="quiet">● stopped as intended</span> <span>– running</span>'
_HEAD = b'<html lang="en">\n  <head>\n    <meta name="viewport" content="width=device-width, initial-scale=1"/>'
_WORDS = {"not_applicable": "not applicable", "unverified": "could not look"}


def configure(config: pytest.Config, out: Path, results: Results) -> None:
    """Write report.html unless the person chose a place of their own."""
    if not config.pluginmanager.hasplugin("html"):
        return
    if config.option.htmlpath is None:
        config.option.htmlpath = str(out / "report.html")
        config.option.self_contained_html = True
    config.option.css = [*config.option.css, str(ASSETS / "report.css")]
    config.pluginmanager.register(Rows(results, config), "runbook-html-rows")


class Rows:
    """Hooks for pytest-html's table of all checks."""

    def __init__(self, results: Results, config: pytest.Config) -> None:
        self._results = results
        self._config = config
        self._cards = Cards({}, Budget(_ROWS_BYTES // 2), several=False)
        self._left = _ROWS_BYTES

    def pytest_html_report_title(self, report: Any) -> None:
        """A name; what it is about is filled in when that is known."""
        report.title = TITLE
        # What a row could unfold is told by the cards, which come before the table.
        report.set_data("renderCollapsed", ["all"])
        # pytest-html puts these into the page as they are, a branch's name that a stranger chose included.
        report.set_data("environment", {text(k): _escaped(v) for k, v in report.data["environment"].items()})

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, object, object]:
        """Let pytest-html forget a check's reports when it has made a row of them: it keeps all of them to the end."""
        outcome = yield
        if report.when == "teardown":
            for reports in self._kept:
                reports.pop(report.nodeid, None)
        return outcome

    @cached_property
    def _kept(self) -> list[dict[str, Any]]:
        return [vars(plugin).get("_reports", {}) for plugin in _of_pytest_html(self._config)]

    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """A column for what was found, none for links."""
        cells[2:] = ["<th>Summary</th>", cells[2]]

    def pytest_html_results_table_row(self, report: Any, cells: list[str]) -> None:
        """What was found, escaped; no row for a phase that says nothing of its own."""
        finding = getattr(report, "finding", None)
        if finding is None and report.passed:
            # pytest-html goes no further where there are no cells.
            cells.clear()
            return
        name, summary = escape(inert(report.nodeid)), ""
        if finding is not None:
            name, summary = text(finding.label), text(finding.summary, 240)
        # The first cell stays pytest's word, by which its script sorts and filters; ours is put there by report.js.
        cells[1:] = [f'<td class="col-testId">{name}</td>', f'<td class="col-summary">{summary}</td>', cells[2]]

    def pytest_html_results_table_html(self, report: Any, data: list[str]) -> None:
        """Evidence and resolution below the row, in place of a traceback."""
        finding = getattr(report, "finding", None)
        if finding is not None:
            body = self._body(finding) if finding.outcome in WRONG else ""
            data[:] = [f'<div class="runbook">{body}</div>'] if body else []

    def _body(self, finding: Finding) -> str:
        """All of it while there is room: what a card tells already need not be told twice."""
        body = self._cards.body(finding) if self._left > 0 else '<p class="brief">See its card, or results.json.</p>'
        self._left -= len(body)
        return body

    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Verdict, causes and cards come before pytest-html's table."""
        if self._results.findings:
            # Without other characters Python needs one byte for each: a page may have many megabytes.
            prefix.append(opening(self._results).encode("ascii", "xmlcharrefreplace").decode("ascii"))


def opening(results: Results) -> str:
    """What stands before pytest-html's own table."""
    found = conclusions.found_roots(results)
    shown = _in_order(results, found)
    links = {
        f.id: f"card-{n}" for n, (first, _, root) in enumerate(shown) for f in (root.findings if root else (first,))
    }
    cards = Cards(links, Budget(_EVIDENCE), several=len(results.targets) > 1)
    groups: dict[str, list[str]] = {kind: [] for kind in _GROUPS}
    size = 0
    for finding, kind, root in shown:
        card = cards.card(finding, kind, root) if size < _CARDS_BYTES else _brief(finding, links[finding.id])
        size += len(card)
        groups[kind].append(card)
    script = (ASSETS / "report.js").read_text(encoding="utf-8")
    told = {kind: _group(kind, parts) for kind, parts in groups.items()}
    advisory = told.pop("advisory")
    return (
        f'<div class="runbook">{_verdict(results)}{_filters(results)}{_overview(found, links)}'
        f'<div id="cards">{"".join(told.values())}{_curves(results)}{advisory}</div>{_without_script(results)}'
        f'<h2 id="all">All checks</h2></div><script>{script}</script>'
    )


def _overview(found: list[conclusions.Root], links: Mapping[str, str]) -> str:
    """Where there are several causes, all of them at one glance."""
    if len(found) < 2:
        return ""
    rows = "".join(
        f'<li><span class="badge {escape(r.first.severity)}">{escape(r.first.severity)}</span> '
        f'<a href="#{links[r.first.id]}">{text(r.first.summary, 200)}</a>{_weight(r)}</li>'
        for r in found[:_MOST_LISTED]
    )
    more = f"<li>… and {len(found) - _MOST_LISTED} more below</li>" if len(found) > _MOST_LISTED else ""
    return f'<nav class="overview" aria-label="root causes"><ol>{rows}{more}</ol></nav>'


def _weight(root: conclusions.Root) -> str:
    explained = len(root.consequences)
    return f' <span class="where">explains {plural(explained, "failure")}</span>' if explained else ""


def _group(kind: str, cards: list[str]) -> str:
    if not cards:
        return ""
    title = f"{_GROUPS[kind]} ({len(cards)})"
    return f'<section class="group" aria-label="{_GROUPS[kind]}"><h2>{title}</h2>{"".join(cards)}</section>'


def _in_order(results: Results, found: list[conclusions.Root]) -> list[tuple[Finding, str, conclusions.Root | None]]:
    """Every card's finding and kind: roots, what could not be seen, consequences, then the advisory ones."""
    explained = conclusions.fold(dict.fromkeys(f for r in found for f in r.consequences))
    advisory = conclusions.fold(results.of("advisory"))
    return [
        *((r.first, "root cause", r) for r in found),
        *((f, "failed", None) for f in conclusions.unexplained(results, found)),
        *((f, "could not look", None) for f in results.of("unverified")),
        *((g.findings[0], "consequence", conclusions.folded_root(g)) for g in explained),
        *((g.findings[0], "advisory", conclusions.folded_root(g)) for g in advisory),
    ]


def _brief(finding: Finding, name: str) -> str:
    """Instead of a card, where hundreds came before: see results.json for the rest."""
    return f'<p class="brief" id="{name}"><code>{text(finding.label)}</code> {text(finding.summary, 120)}</p>'


def _escaped(value: Any) -> Any:
    """One row of the environment's table: words, since pytest-html's own lists are not well-formed."""
    if isinstance(value, dict):
        return ", ".join(f"{text(str(k))} {_escaped(v)}" for k, v in value.items())
    return ", ".join(map(_escaped, value)) if isinstance(value, list | tuple) else text(str(value))


# -- parts ------------------------------------------------------------------------------------------------------


def _verdict(results: Results) -> str:
    kind = "bad" if results.of("failed") else "unsure" if conclusions.exit_code(results) else "good"
    changed = conclusions.changes(results)
    said, *besides = conclusions.verdict_parts(results)
    about = " · ".join(p for p in (results.account, results.region, minute(results.started)) if p)
    asked = f"{conclusions.asked(results)} in {results.duration_s:.0f} s"
    fixed = listed((f.label for f in conclusions.fixed(results)), 20)
    steps = "; ".join(conclusions.impossible_steps(results))
    notes = [*results.notes, *([f"fixed: {fixed}"] if fixed else [])]
    notes += [f"Steps of the guide that would fail when needed: {steps}"] if steps else []
    simulated = " <span>simulated AWS: nothing here is real</span>" if results.mode == "sandbox" else ""
    return (
        f'<section class="verdict {kind} {escape(results.mode)}" aria-label="verdict">'
        f'<p class="mode"><b>{conclusions.loud_mode(results)}</b> {text(listed(results.targets))}{simulated}</p>'
        f'<p class="said">{text(said)}</p>'
        + (f'<p class="besides">{text(", ".join(besides))}</p>' if besides else "")
        + (f'<p class="changed">Since the baseline: {text(changed)}</p>' if changed else "")
        + f'<p class="about">{text(about)} · {asked}</p>'
        + _targets(results)
        + (f"<ul>{''.join(f'<li>{text(n, 1000)}</li>' for n in notes)}</ul>" if notes else "")
        + "</section>"
    )


def _targets(results: Results) -> str:
    if len(results.targets) < 2:
        return ""
    rows = "".join(
        f"<tr><th scope=row>{text(t)}</th><td>{text(conclusions.verdict(results.about(t)))}</td></tr>"
        for t in results.targets
    )
    return f"<table><tbody>{rows}</tbody></table>"


def _filters(results: Results) -> str:
    shown = [f for f in results.findings if f.outcome in WRONG]
    choices: dict[str, list[str]] = {
        "target": list(results.targets),
        "scenario": _ordered({f.scenario for f in shown}, SCENARIOS),
        "severity": _ordered({f.severity for f in shown}, SEVERITIES),
        "outcome": _ordered({f.outcome for f in shown}, OUTCOMES),
        "service": sorted({f.service for f in shown if f.service}),
        "change": sorted({f.change for f in shown if f.change}),
    }
    selects = "".join(
        f'<label>{name} <select data-filter="{name}"><option value="">all</option>'
        + "".join(f'<option value="{text(v)}">{text(_WORDS.get(v, v))}</option>' for v in values)
        + "</select></label>"
        for name, values in choices.items()
        if len(values) > 1
    )
    if not shown:
        return ""
    find = '<label>find <input type="search" data-find></label>'
    unfold = '<button type="button" data-unfold>Open all</button>'
    chosen = f"{selects}{find}{unfold}<output></output>"
    return f'<h2 id="findings">Findings</h2><form class="choose" hidden aria-label="filters">{chosen}</form>'


def _ordered(values: set[Any], order: tuple[str, ...]) -> list[str]:
    return [*(v for v in order if v in values), *sorted(v for v in values if v not in order)]


def _curves(results: Results) -> str:
    """Timelines and curves: open where they belong to a scenario with failures."""
    broken = {f.scenario for f in results.of("failed")}
    drawn = [(t.scenario, _timeline(t, results)) for t in results.timelines]
    drawn += [(s.scenario, _curve(s, results)) for s in results.series]
    figures = sorted((d for d in drawn if d[1]), key=lambda d: d[0] not in broken)[:_MOST_CURVES]
    matter = [figure for scenario, figure in figures if scenario in broken]
    others = [figure for scenario, figure in figures if scenario not in broken]
    return _plots("Curves", matter, " open") + _plots("More curves" if matter else "Curves", others, "")


def _plots(title: str, figures: Sequence[str], state: str) -> str:
    if not figures:
        return ""
    return (
        f'<details class="curves"{state}><summary><h2>{title} ({len(figures)})</h2></summary>'
        f'<div class="plots">{"".join(figures)}</div></details>'
    )


def _curve(one: Series, results: Results) -> str:
    title = _titled(one.title, one.target, results)
    svg = series_svg(title, one.points, one.threshold, one.marks, one.unit, one.threshold_name)
    limit = f' <span class="limit">– – {text(one.threshold_name)}</span>' if one.threshold is not None else ""
    return _figure(f"{text(title)}{limit}", one.marks, svg)


def _timeline(one: Timeline, results: Results) -> str:
    title = _titled(one.title, one.target, results)
    return _figure(f"{text(title)} {_KEY}", one.marks, timeline_svg(one))


def _titled(title: str, target: str, results: Results) -> str:
    return f"{title} ({target})" if len(results.targets) > 1 else title


def _figure(caption: str, marks: Sequence[object], svg: str) -> str:
    mark = f" {_MARK}" if marks else ""
    return f"<figure><figcaption>{caption}{mark}</figcaption>{svg}</figure>" if svg else ""


def _without_script(results: Results) -> str:
    """pytest-html's table needs JavaScript; this one is shown where there is none."""
    rows = "".join(
        f"<tr><td>{text(f.outcome.replace('_', ' '))}</td><td><code>{text(f.label)}</code></td>"
        f"<td>{text(f.summary, 120)}</td></tr>"
        for outcome in OUTCOMES
        for f in results.of(outcome)
    )
    return f"<noscript><h2>All checks, without JavaScript</h2><table><tbody>{rows}</tbody></table></noscript>"


def discard(config: pytest.Config) -> None:
    """Remove the page of a run that judged nothing, and let pytest-html be quiet about it."""
    _quieten(config)
    if (path := _page(config)) is not None:
        path.unlink(missing_ok=True)


def _page(config: pytest.Config) -> Path | None:
    """Where pytest-html writes; None where somebody does without it."""
    given = getattr(config.option, "htmlpath", None)
    return Path(given) if given else None


def _quieten(config: pytest.Config) -> None:
    for plugin in _of_pytest_html(config):
        config.pluginmanager.unregister(plugin)


def _of_pytest_html(config: pytest.Config) -> list[object]:
    """What makes the page, which pytest-html registers without a name."""
    made = (p for p in config.pluginmanager.get_plugins() if type(p).__module__.startswith("pytest_html."))
    return [p for p in made if hasattr(p, "pytest_terminal_summary")]


def finish(config: pytest.Config, results: Results) -> None:
    """Complete what pytest-html has written: language, title, a width for telephones; and let it be quiet about it."""
    _quieten(config)
    path = _page(config)
    if path is not None and path.is_file():
        page = path.read_bytes()
        with written_whole(path) as beside, beside.open("wb") as file:
            file.writelines(completed(page, results))


def completed(page: bytes, results: Results) -> Iterator[bytes | memoryview]:
    """pytest-html's page with what it lacks, in pieces, since it may have many megabytes. See ``finish``."""
    title = escape(one_line(f"{conclusions.mode(results)}: {conclusions.verdict(results)}", 200)).encode()
    found = [
        (re.search(rb"<html>\s*<head>", page), _HEAD),
        (re.search(rb'(?<=<title id="head-title">)[^<]*', page), title),
        # One landmark around everything, by which screen readers jump to the content.
        (re.search(rb"<body>", page), b"<body><main>"),
    ]
    end = max(0, page.rfind(b"</body>"))
    done, whole = 0, memoryview(page)
    for place, instead in sorted([(m.span(), new) for m, new in found if m] + [((end, end), b"</main>")]):
        yield whole[done : place[0]]
        yield instead
        done = place[1]
    yield whole[done:]
