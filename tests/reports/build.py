"""Findings and results for the tests of the reports, made by hand: no sandbox, no pytest run."""

from __future__ import annotations

from typing import Any

from reports import conclusions
from reports.finding import Finding, Results

# What somebody could write into a tag, a log line or a commit message, and would like to see obeyed.
HOSTILE = (
    '<script>alert(1)</script><img src=x onerror="alert(2)">\' "onmouseover="alert(3)',
    "</script></style></textarea>--><svg/onload=alert(1)>",
    "[click](javascript:alert(1)) ![x](https://evil.example/x.png) `code` ``` ~~~ | a | b |\n# heading",
    "\x1b[31mred\x1b[0m\x1b]8;;https://evil.example\x07link\x1b]8;;\x07\x9b2J\x1b[2J\x1bc",
    "abc\u202egnp.exe\u2066isolate\u2069\u200bzero\u00ad\ufeff\U000e0041",
    "nul\x00bell\x07back\x08\x7f\x85\u2028line\u2029paragraph",
    "\n::error file=app.py,line=1::pwned\n::set-output name=verdict::passed\n::stop-commands::x",
    "##[error]pwned ##[set-output name=verdict]passed %0A::error::pwned\r::add-mask::a",
    "\nverdict=passed\nsaid<<EOF\nall is well\nEOF\n",
    "=cmd|' /C calc'!A0 @SUM(1+1) +1 -1",
    "\ud800lone surrogate\udfff and \ufffe",
    "@everyone @org/team #1 GH-1 https://evil.example www.evil.example a@b.example",
    "]]>&amp;&#x3c;script&#x3e;<![CDATA[x]]>",
    "{{ 7*7 }} ${7*7} %s %(x)s {0} $(id) `id`",
    "x" * 1_000_000,
)


def finding(check: str = "check_x", service: str = "", outcome: str = "failed", **more: Any) -> Finding:
    """A finding with plausible words; anything can be said otherwise."""
    scenario = more.get("scenario", "ecs")
    name = f"{check}[{service}]" if service else check
    told: dict[str, Any] = {
        "id": f"checks/check_{scenario}.py::{name}",
        "check": check,
        "title": f"{check} holds.",
        "scenario": scenario,
        "severity": "high",
        "stage": "diagnosis",
        "outcome": outcome,
        "target": "dev",
        "service": service,
        "resource": f"arn:aws:ecs:us-east-1:123456789012:service/dev/{service or 'shop'}",
        "resource_name": service or "shop",
        "related": (f"service/{service}",) if service else (),
    }
    if outcome in ("failed", "advisory"):
        told |= {
            "summary": f"{service or 'shop'}: {check} is off; expected on",
            "observed": f"{check} is off",
            "expected": "on",
            "evidence": ("first line", "second line"),
            "resolution": f"Turn {check} on.",
            "commands": ("aws ecs describe-services --cluster dev",),
        }
    elif outcome == "unverified":
        told |= {
            "summary": "denied: ecs:DescribeServices",
            "unavailable_cause": "denied",
            "iam_action": "ecs:DescribeServices",
        }
    elif outcome == "not_applicable":
        told |= {"summary": "this target has no database"}
    return Finding(**{**told, **more})


def results(*findings: Finding, **more: Any) -> Results:
    """A finished run of these findings, with roots worked out."""
    targets = tuple(dict.fromkeys(f.target for f in findings)) or ("dev",)
    told: dict[str, Any] = {
        "targets": targets,
        "accounts": dict.fromkeys(targets, "123456789012"),
        "regions": dict.fromkeys(targets, "us-east-1"),
        "started": "2027-01-02T03:00:00+00:00",
        "duration_s": 4.2,
        "api": {"requests": 12, "distinct": 10, "waited_s": 0.0, "by_operation": {"ecs:DescribeServices": 12}},
    }
    made = Results(list(findings), **{**told, **more})
    conclusions.conclude(made)
    made.exit_code = more.get("exit_code", conclusions.exit_code(made))
    return made


def many(number: int, outcome: str = "failed", **more: Any) -> list[Finding]:
    """So many findings of different checks, each with a lot to say."""
    return [finding(f"check_{n:03}", f"service-{n}", outcome, **more) for n in range(number)]
