"""What to do with the results of earlier runs.

``python -m reports merge A/results.json B/results.json -o DIR``: one report out of several runs' results.
``python -m reports issues DIR``: one GitHub issue for each root cause, opened, updated and closed.
``python -m reports ocsf DIR``: Compliance Findings of the Open Cybersecurity Schema Framework, one a line.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from reports import issue_tracker, issues, merge, to_github, to_json, to_terminal
from reports.finding import Results
from reports.text import inert

_BAD_INPUT = 4
_REFUSED = 2


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 all green, 1 something failed, could not be seen or could not be read, 4 nothing to join."""
    parser = argparse.ArgumentParser(prog="python -m reports", description="Work with the results of earlier runs.")
    commands = parser.add_subparsers(dest="command", required=True)
    join = commands.add_parser("merge", help="join results, e.g. of a matrix of environments, into one report")
    join.add_argument("results", nargs="+", type=Path, help="results.json, or a directory that holds one")
    join.add_argument("-o", "--out", type=Path, default=Path("reports/out"), help="directory for the joined reports")
    join.add_argument("-v", "--verbose", action="count", default=0)
    join.add_argument("-q", "--quiet", action="count", default=0)
    file = commands.add_parser("issues", help="keep one GitHub issue for each root cause")
    file.add_argument("results", type=Path, help="results.json, or a directory that holds one")
    file.add_argument("--label", default=issue_tracker.LABEL, help="what marks the issues (default %(default)s)")
    file.add_argument("--dry-run", action="store_true", help="only say what would be done to which issue")
    events = commands.add_parser("ocsf", help="print OCSF Compliance Findings, one JSON object a line")
    events.add_argument("results", type=Path, help="results.json, or a directory that holds one")
    given = parser.parse_args(arguments)
    return {"issues": _issues, "ocsf": _ocsf, "merge": _merge}[given.command](given)


def _read(path: Path) -> Results:
    return to_json.read(path / "results.json" if path.is_dir() else path)


def _ocsf(given: argparse.Namespace) -> int:
    """Exit code: 0 done, 4 no results to go by."""
    from reports import to_ocsf

    try:
        for line in to_ocsf.lines(_read(given.results)):
            print(line)
    except to_json.NotResults as e:
        print(f"ERROR: {e}", file=sys.stderr)
        return _BAD_INPUT
    return 0


def _issues(given: argparse.Namespace) -> int:
    """Exit code: 0 done, 2 GitHub refused, 4 no results to go by. What the checks found is not judged again."""
    try:
        results = _read(given.results)
        if results.mode != "live" and not given.dry_run:
            raise to_json.NotResults("these are the sandbox's results: nobody needs an issue of them (see --dry-run)")
        with issue_tracker.Tracker(os.environ, given.label) as tracker:
            return _file(issues.plan(results, tracker.issues()), tracker, given.dry_run)
    except to_json.NotResults as e:
        print(f"ERROR: {e}", file=sys.stderr)
        return _BAD_INPUT
    except issue_tracker.TrackerError as e:
        print(f"ERROR: {e}", file=sys.stderr)
        return _REFUSED


def _file(plan: issues.Plan, tracker: issue_tracker.Tracker, dry_run: bool) -> int:
    for action in plan.actions:
        number = action.number if dry_run else tracker.do(action)
        print(" ".join(p for p in (action.kind, f"#{number}" if number else "", inert(action.title)) if p))
    if plan.left_out:
        print(f"{plan.left_out} more findings got no issue: {issues.MOST_NEW} new ones are enough for one run")
    return 0


def _merge(given: argparse.Namespace) -> int:
    try:
        runs, problems = merge.read(given.results)
        joined = merge.merge(runs, problems)
        merge.write(joined, given.out)
    except merge.MergeError as e:
        print(f"ERROR: {e}", file=sys.stderr)
        return _BAD_INPUT
    except OSError as e:
        print(f"ERROR: cannot write to {given.out}: {e.strerror}", file=sys.stderr)
        return _BAD_INPUT
    github = os.environ.get("GITHUB_ACTIONS") == "true"
    resume = to_github.stop_commands(print) if github else ""
    to_terminal.tell(joined, given.verbose - given.quiet, str(given.out))
    if github:
        print("\n".join([resume, *to_github.workflow_commands(joined, os.environ)]))
    return joined.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
