"""``python -m reports merge A/results.json B/results.json -o DIR``: one report out of several runs' results."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from reports import merge, to_github, to_terminal

_BAD_INPUT = 4


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 all green, 1 something failed, could not be seen or could not be read, 4 nothing to join."""
    parser = argparse.ArgumentParser(prog="python -m reports", description="Work with the results of earlier runs.")
    commands = parser.add_subparsers(dest="command", required=True)
    join = commands.add_parser("merge", help="join results, e.g. of a matrix of environments, into one report")
    join.add_argument("results", nargs="+", type=Path, help="results.json, or a directory that holds one")
    join.add_argument("-o", "--out", type=Path, default=Path("reports/out"), help="directory for the joined reports")
    join.add_argument("-v", "--verbose", action="count", default=0)
    join.add_argument("-q", "--quiet", action="count", default=0)
    given = parser.parse_args(arguments)
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
