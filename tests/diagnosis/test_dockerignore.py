from __future__ import annotations

import pytest
from msgspec import structs

from checks.diagnosis import dockerignore
from fixtures.model.source import Context, CopiedSource, Entry

CONTEXT = Context("web/Dockerfile", "web", "web/.dockerignore", sent_bytes=20_000, sent_files=9)
TAKEN = CopiedSource("COPY", 4, "src", present=True, sent=True)


def context(**changes: object) -> Context:
    return structs.replace(CONTEXT, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (TAKEN, ""),
        (structs.replace(TAKEN, sent=False), "COPY src is kept out by web/.dockerignore"),
        (structs.replace(TAKEN, present=False, sent=False), "COPY src is not in the build context web"),
        # An artifact that something makes before the build need not be in Git.
        (structs.replace(TAKEN, present=False, made_later=True), ""),
        (
            structs.replace(TAKEN, present=False, sent=False, made_later=True),
            "COPY src is kept out by web/.dockerignore",
        ),
        (structs.replace(TAKEN, source="../x", outside=True), "COPY ../x lies outside the build context web"),
        (structs.replace(TAKEN, instruction="ADD", sent=False), "ADD src is kept out by web/.dockerignore"),
    ],
)
def test_what_is_copied(source: CopiedSource, words: str) -> None:
    verdict = dockerignore.copied({"web/Dockerfile": [TAKEN, source]}, {"web/Dockerfile": CONTEXT})
    assert bool(verdict) is not bool(words)
    if words:
        assert verdict.evidence == (f"web/Dockerfile:4: {words}",)
        assert verdict.names["context"] == "web"
    else:
        assert verdict.summary.startswith("what 1 Dockerfiles copy: all of it is sent")


MODULES = Entry("web/node_modules", 240_000_000)


@pytest.mark.parametrize(
    ("given", "evidence", "severity"),
    [
        (CONTEXT, (), None),
        # node_modules slows every build; a key or a state file is a risk.
        (
            context(misplaced=(MODULES,)),
            ("web/.dockerignore: web/node_modules (240.0 MB) is sent to the builder",),
            None,
        ),
        (
            context(misplaced=(Entry(".git", 500),)),
            ("web/.dockerignore: .git (0.5 kB) is sent to the builder",),
            "medium",
        ),
        (
            context(misplaced=(Entry("a/b/.venv", 100_000),)),
            ("web/.dockerignore: a/b/.venv (0.1 MB) is sent to the builder",),
            None,
        ),
        (
            context(unguarded=("node_modules",)),
            ("web/.dockerignore: node_modules would be sent as soon as it is there",),
            "low",
        ),
        (context(ignore_file=""), ("web/.dockerignore: there is no .dockerignore",), "low"),
        (context(ignore_file="", directory="."), (".dockerignore: there is no .dockerignore",), "low"),
        (context(problem="[a-"), ("web/.dockerignore: its patterns cannot be read: [a-",), None),
        (context(sent_bytes=50_000_000), (), None),
        (
            context(sent_bytes=50_000_001, largest=(Entry("data", 49_000_000), Entry("x", 1))),
            ("web/.dockerignore: 50.0 MB in 9 files are sent; largest: data 49.0 MB, x 0.0 kB",),
            "medium",
        ),
        (
            context(sent_bytes=90_000_000, truncated=True),
            ("web/.dockerignore: at least 90.0 MB in 9 files are sent; largest: ",),
            "medium",
        ),
    ],
)
def test_contexts(given: Context, evidence: tuple[str, ...], severity: str | None) -> None:
    verdict = dockerignore.judge([given], 50)
    assert (bool(verdict), verdict.evidence, verdict.severity) == (not evidence, evidence, severity)


def test_two_dockerfiles_of_one_context_are_told_once() -> None:
    other = context(dockerfile="web/Dockerfile.debug")
    found = [structs.replace(c, misplaced=(MODULES,)) for c in (CONTEXT, other)]
    verdict = dockerignore.judge([context(directory="api"), *found], 50)
    assert len(verdict.evidence) == 1
    assert verdict.names["context"] == "web"


def test_nothing_needless() -> None:
    verdict = dockerignore.judge([CONTEXT, CONTEXT], 50)
    assert verdict.summary == (
        "2 build contexts: nothing needless is sent; "
        "expected contexts below 50 MB without node_modules, virtual environments, .git and secrets"
    )
