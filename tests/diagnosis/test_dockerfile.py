"""Dockerfiles, valid and broken, judged with BuildKit's parser and the real hadolint."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.diagnosis import dockerfile
from fixtures import hadolint
from fixtures.model.source import BuildWarning, DeclaredBuild, Dockerfile, Instruction, Lint
from fixtures.source import read_dockerfile

CORPUS = Path(__file__).parent.parent / "corpus" / "dockerfiles"
VALID = sorted(p.name for p in (CORPUS / "valid").glob("*.Dockerfile"))
with (CORPUS / "broken" / "expected.tsv").open(encoding="utf-8") as _table:
    BROKEN = [(row["file"], int(row["line"]), row["words"]) for row in csv.DictReader(_table, delimiter="\t")]


@cache
def lints(kind: str) -> dict[str, tuple[Lint, ...]]:
    """hadolint's findings on a whole directory, in one run."""
    return hadolint.lint(CORPUS / kind, sorted(p.name for p in (CORPUS / kind).glob("*.Dockerfile")))


def read(kind: str, name: str) -> Dockerfile:
    return read_dockerfile(CORPUS / kind, CORPUS / kind / name)


def parsed(text: str, tmp_path: Path) -> Dockerfile:
    (tmp_path / "Dockerfile").write_text(text)
    return read_dockerfile(tmp_path, tmp_path / "Dockerfile")


@pytest.mark.parametrize("name", VALID)
def test_what_a_builder_can_read_is_read(name: str) -> None:
    verdict = dockerfile.syntax([read("valid", name)], lints("valid"))

    assert verdict, str(verdict)


@pytest.mark.parametrize(("name", "line", "words"), BROKEN, ids=[name for name, _, _ in BROKEN])
def test_what_no_builder_can_read_is_named_at_its_line(name: str, line: int, words: str) -> None:
    verdict = dockerfile.syntax([read("broken", name)], lints("broken"))

    assert not verdict
    assert verdict.locations[0] == f"{name}:{max(1, line)}", str(verdict)
    assert words in verdict.observed, str(verdict)


def test_every_broken_file_is_in_the_table() -> None:
    assert {name for name, _, _ in BROKEN} == {p.name for p in (CORPUS / "broken").glob("*.Dockerfile")}


def test_one_verdict_lists_all_files() -> None:
    files = [read("broken", "typo.Dockerfile"), read("valid", "plain.Dockerfile"), read("broken", "empty.Dockerfile")]

    verdict = dockerfile.syntax(files, {})

    assert verdict.observed == "unknown instruction: COPYY (line 3), and 1 more"
    assert (
        verdict.evidence == ("typo.Dockerfile:3: on line 3: unknown instruction: COPYY",) or len(verdict.evidence) == 2
    )
    assert verdict.names["file"] == "typo.Dockerfile"


@given(st.text(max_size=400))
def test_any_text_has_a_verdict(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    directory = tmp_path_factory.mktemp("any")
    (directory / "Dockerfile").write_bytes(text.encode("utf-8", "surrogatepass"))

    one = read_dockerfile(directory, directory / "Dockerfile")

    assert str(dockerfile.syntax([one], {}))
    assert str(dockerfile.advice([one], {}))


WORD = st.sampled_from(
    'FROM COPY RUN ARG ENV USER AS --from=a --from=0 $X ${X:-1} a:1 b . /a <<EOF EOF # \\ [ "a" \' = \t'.split(" ")
)


@given(st.lists(st.lists(WORD, max_size=6).map(" ".join), max_size=12).map("\n".join))
def test_any_words_have_a_verdict(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    from checks.diagnosis import base_images

    directory = tmp_path_factory.mktemp("any")
    (directory / "Dockerfile").write_text(text)
    one = read_dockerfile(directory, directory / "Dockerfile")

    for verdict in (
        dockerfile.syntax([one], {}),
        base_images.pinned([one]),
        base_images.small([one]),
        base_images.without_root([one]),
    ):
        assert str(verdict)


# -- advice -------------------------------------------------------------------------------------------------------

PLAIN = Dockerfile("a/Dockerfile", "a", (Instruction("FROM", ("python:3.12",), (), 1),))


@pytest.mark.parametrize(
    ("level", "code", "told"),
    [
        ("error", "DL3020", True),
        ("warning", "DL3008", True),
        ("info", "DL3059", False),
        ("style", "DL3048", False),
        ("error", "DL1000", False),  # judged as syntax
        ("error", "DL3061", False),  # likewise
    ],
)
def test_errors_and_warnings_are_advice(level: str, code: str, told: bool) -> None:
    verdict = dockerfile.advice([PLAIN], {"a/Dockerfile": (Lint(code, level, "words", 1),)})

    assert bool(verdict) is not told


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("ENV DB_PASSWORD=hunter22", ["DB_PASSWORD"]),
        ("ENV A=1 API_TOKEN=abcdef B=2", ["API_TOKEN"]),
        ("ENV DB_PASSWORD hunter22", ["DB_PASSWORD"]),
        ("ARG NPM_TOKEN=abcdef", ["NPM_TOKEN"]),
        ("ARG NPM_TOKEN", []),
        ('ENV DB_PASSWORD=""', []),
        ("ENV DB_PASSWORD=$FROM_ELSEWHERE", []),
        ("ENV DB_PASSWORD_FILE=/run/secrets/db", []),
        ("ENV SECRET_NAME=prod/db TOKEN_URL=https://example.com/token", []),
        ("ENV KEYBOARD=de", []),
    ],
)
def test_secrets_in_the_image_are_named_and_never_shown(line: str, names: list[str], tmp_path: Path) -> None:
    one = parsed(f"FROM python:3.12\n{line}\n", tmp_path)

    assert [n for _, n in dockerfile.secrets(one)] == names
    assert "hunter22" not in repr(one)
    assert "abcdef" not in repr(one)


def test_a_secret_is_graver_than_style(tmp_path: Path) -> None:
    one = parsed("FROM python:3.12\nENV DB_PASSWORD=hunter22\n", tmp_path)

    verdict = dockerfile.advice([one], {"Dockerfile": (Lint("DL3008", "warning", "pin apt", 1),)})

    assert verdict.severity == "medium"
    assert verdict.observed.startswith("DB_PASSWORD is set to a value that everybody can read")


# -- what is declared, and what BuildKit says ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context_exists", "dockerfile_exists", "said"),
    [
        (True, True, ""),
        (True, False, "it builds api/Dockerfile, which does not exist"),
        (False, False, "it builds api, which does not exist"),
    ],
)
def test_declared_builds(context_exists: bool, dockerfile_exists: bool, said: str) -> None:
    build = DeclaredBuild("compose.yaml", "api", "api/Dockerfile", context_exists, dockerfile_exists)

    verdict = dockerfile.declared([build])

    assert bool(verdict) is (not said)
    assert verdict.observed == (said or "all have their Dockerfile")


def test_what_cannot_be_built_is_graver_than_advice() -> None:
    warnings = [
        BuildWarning("a/Dockerfile", 3, "FromAsCasing", "'as' and 'FROM' differ"),
        BuildWarning("b/Dockerfile", 7, "", "unknown instruction: COPYY", fatal=True),
    ]

    verdict = dockerfile.build_check(warnings, 2)

    assert (verdict.resource, verdict.severity) == ("b/Dockerfile", "high")
    assert dockerfile.build_check(warnings[:1], 2).severity is None
    assert dockerfile.build_check([], 2)
