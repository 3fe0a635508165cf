"""junit.xml: in the form of pytest's own (``xunit2``), with properties and words that stay the same from run to run.

pytest's writer keeps a tree of all checks until the end, which for a large environment is the most that a run keeps.
It still writes where ``--junit-xml`` says.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from xml.sax.saxutils import escape, quoteattr

from reports.finding import Finding, Results
from reports.to_json import write_whole

_WHITE = "\t\n\r"
_TAGS = {"failed": "failure", "unverified": "error"}


def properties(finding: Finding) -> list[tuple[str, str]]:
    """What a JUnit reader may want besides the outcome: a failure is <failure>, could-not-look <error>."""
    values = {
        "outcome": finding.outcome,
        "severity": finding.severity,
        "scenario": finding.scenario,
        "stage": finding.stage,
        "target": finding.target,
        "resource": finding.resource,
        "resolution": finding.resolution,
        "iam_action": finding.iam_action,
        "exempt_until": finding.exempt_until or "",
    }
    return [(name, value) for name, value in values.items() if value]


def told(finding: Finding) -> str:
    """A failure in plain text: summary, cause, evidence, resolution, commands."""
    cause = (f"likely cause: {finding.likely_cause}",) if finding.likely_cause else ()
    fix = (f"resolution: {finding.resolution}",) if finding.resolution else ()
    evidence = (f"  {line}" for line in finding.evidence)
    return "\n".join((finding.summary, *cause, *evidence, *fix, *(f"  $ {c}" for c in finding.commands)))


class Told:
    """A failure as pytest's reports carry it: one line for JUnit's message, all of it for the body."""

    def __init__(self, finding: Finding) -> None:
        self.reprcrash = SimpleNamespace(message=finding.summary, path="", lineno=0)
        self._text = told(finding)

    def __str__(self) -> str:
        return self._text


def write(results: Results, out: Path) -> Path:
    """junit.xml: a test case for each check, and for whatever else went wrong."""
    return write_whole(out / "junit.xml", _document(results))


def _document(results: Results) -> Iterator[str]:
    counts = Counter(f.outcome for f in results.findings)
    suite: dict[str, str | int] = {
        "name": "pytest",
        "errors": counts["unverified"] + len(results.other_errors),
        "failures": counts["failed"],
        "skipped": counts["advisory"] + counts["not_applicable"],
        "tests": len(results.findings) + len(results.other_errors),
        "time": f"{results.duration_s:.3f}",
        "timestamp": results.started,
        "hostname": platform.node(),
    }
    about = {"mode": results.mode, "account": results.account, "region": results.region}
    yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="pytest tests">'
    yield f"<testsuite{_attributes(suite)}>\n{_properties((n, v) for n, v in about.items() if v)}\n"
    for place, what, said in results.other_errors:
        yield _testcase(place, 0.0, _element("error", what, said))
    for one in results.findings:
        yield _testcase(one.id, one.duration_s, _properties(properties(one)) + _outcome(one))
    yield "</testsuite></testsuites>\n"


def _testcase(identifier: str, duration_s: float, content: str) -> str:
    """Named as pytest does: module and class with dots, and what comes behind them."""
    path, bracket, parameters = identifier.partition("[")
    module, *names = path.split("::")
    *around, name = [module.removesuffix(".py").replace("/", "."), *names]
    case = {"classname": ".".join(around), "name": f"{name}{bracket}{parameters}", "time": f"{duration_s:.3f}"}
    return f"<testcase{_attributes(case)}>{content}</testcase>\n"


def _outcome(finding: Finding) -> str:
    if finding.outcome in _TAGS:
        return _element(_TAGS[finding.outcome], finding.summary, told(finding))
    if finding.outcome == "advisory":
        return _element("skipped", f"advisory: {finding.summary}", told(finding), type="pytest.xfail")
    if finding.outcome == "not_applicable":
        return _element("skipped", finding.summary, "", type="pytest.skip")
    return ""


def _element(tag: str, message: str, text: str, **more: str) -> str:
    return f"<{tag}{_attributes({**more, 'message': message})}>{escape(_legal(text))}</{tag}>"


def _properties(pairs: Iterable[tuple[str, str]]) -> str:
    each = "".join(f"<property{_attributes({'name': name, 'value': value})}/>" for name, value in pairs)
    return f"<properties>{each}</properties>"


def _attributes(values: Mapping[str, str | int]) -> str:
    return "".join(f" {name}={quoteattr(_legal(str(value)))}" for name, value in values.items())


def _legal(text: str) -> str:
    """XML 1.0 has no control characters, surrogates or non-characters, not even escaped."""
    return text if text.isprintable() else "".join(c if c in _WHITE or _is_legal(c) else "\ufffd" for c in text)


def _is_legal(character: str) -> bool:
    code = ord(character)
    return 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
