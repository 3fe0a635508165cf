"""results.json keeps to its schema whatever is in it, and comes back as it was."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reports import to_json
from reports.finding import OUTCOMES, Series
from reports.judgement import harmless
from tests.reports.build import HOSTILE, finding, results

AT = dt.datetime(2027, 1, 2, tzinfo=dt.UTC)
SCHEMA = json.loads(to_json.SCHEMA.read_text())


def _valid(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(document)
    return document


def _everything() -> Any:
    curve = Series(
        title="p95",
        unit="s",
        points=((AT, 1.0), (AT + dt.timedelta(hours=1), 2.5)),
        threshold=2.0,
        marks=((AT, "deployment"),),
    )
    found = [finding(f"check_{o}", "product", o) for o in OUTCOMES]
    found.append(
        finding(
            "check_exempt",
            outcome="advisory",
            exempt_until="2027-02-01",
            exempt_reason="Ann",
            change="new",
            since="2027-01-01T00:00:00+00:00",
            flapping=True,
            locations=("main.tf:3",),
        )
    )
    return results(*found, series=[curve], notes=["a note"], not_judged=2)


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_outcome_is_valid_and_comes_back_as_it_was(tmp_path: Path) -> None:
    run = _everything()
    document = _valid(to_json.write(run, tmp_path))
    assert document["counts"]["failed"] == 1
    assert document["root_causes"] == ["checks/check_ecs.py::check_failed[product]"]
    assert to_json.read(tmp_path / "results.json") == run
    assert list(tmp_path.iterdir()) == [tmp_path / "results.json"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_keeps_to_the_schema(text: str, tmp_path: Path) -> None:
    poisoned = harmless(
        finding(
            summary=text,
            observed=text,
            evidence=(text,),
            commands=(text,),
            resolution=text,
            locations=(text,),
            resource=text,
        )
    )
    path = to_json.write(results(poisoned), tmp_path)
    _valid(path)
    assert path.stat().st_size < 60_000


def test_values_that_json_cannot_say_are_left_out_of_curves(tmp_path: Path) -> None:
    points = tuple((AT + dt.timedelta(hours=n), v) for n, v in enumerate((1.0, math.nan, math.inf, 2.0)))
    document = _valid(to_json.write(results(finding(), series=[Series(title="t", unit="s", points=points)]), tmp_path))
    assert [v for _, v in document["series"][0]["points"]] == [1.0, 2.0]


def test_a_file_of_only_the_contracts_fields_can_be_read(tmp_path: Path) -> None:
    whole = to_json.as_dict(_everything())
    contract = {k: v for k, v in whole.items() if k in SCHEMA["required"]}
    required = SCHEMA["$defs"]["check"]["required"]
    contract["checks"] = [{k: v for k, v in c.items() if k in required} for c in contract["checks"]]
    (tmp_path / "r.json").write_text(json.dumps(contract))
    run = to_json.read(tmp_path / "r.json")
    assert (run.targets, run.accounts) == (("dev",), {"dev": "123456789012"})
    assert [f.target for f in run.findings] == ["dev"] * 6


def test_what_somebody_wrote_into_a_file_is_harmless_once_it_is_read(tmp_path: Path) -> None:
    document = to_json.as_dict(_everything())
    document["checks"][0] |= {
        "summary": "\x1b[2J\u202epwned",
        "title": "a\nb\x00",
        "evidence": ["x" * 100_000],
        "console_url": "https://x/\n",
    }
    document["notes"] = ["\x1b[31mred\n::error::x"]
    (tmp_path / "r.json").write_text(json.dumps(document))
    run = to_json.read(tmp_path / "r.json")
    first = run.findings[0]
    assert (first.summary, first.title, run.notes) == ("pwned", "a b", ["red ::error::x"])
    assert len(first.evidence[0]) == 500


# -- what is no results.json ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 200_000, "is not JSON"),
        (b"[]", "is not a results.json"),
        (b"{}", "is not a results.json"),
        (b'{"schema": 2}', "is not a results.json"),
        (b"null", "is not a results.json"),
    ],
)  # fmt: skip
def test_other_files_are_refused_in_one_line(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(content)
    with pytest.raises(to_json.NotResults, match=said) as caught:
        to_json.read(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(to_json.NotResults, match="No such file"):
        to_json.read(tmp_path / "none.json")


_JUNK = st.sampled_from(
    [None, 0, -1, True, "", "x", [], [1], ["x"], {}, {"a": 1}, 1e308, "failed", float("inf"), [[1, 2]], [["x", "y"]]]
)
_FIELDS = st.sampled_from(sorted(to_json.as_dict(results(finding()))))
_CHECK_FIELDS = st.sampled_from(sorted(finding().as_dict()))


@given(_FIELDS, _CHECK_FIELDS, _JUNK, st.booleans(), st.booleans())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(field="account", of_check="duration_s", junk=float("inf"), inside=True, drop=False)
def test_a_wrong_value_is_refused_or_harmless_never_a_traceback(
    tmp_path: Path, field: str, of_check: str, junk: Any, inside: bool, drop: bool
) -> None:
    document = to_json.as_dict(_everything())
    part, key = (document["checks"][0], of_check) if inside else (document, field)
    if drop:
        del part[key]
    else:
        part[key] = junk
    path = tmp_path / "r.json"
    path.write_text(json.dumps(document))
    try:
        run = to_json.read(path)
    except to_json.NotResults as e:
        assert "\n" not in str(e)
        return
    # Whatever was taken can be told again.
    to_json.write(run, tmp_path)
