from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.diagnosis import dependencies
from fixtures.model.source import Manifest


def said(kind: str, text: str, **more: object) -> list[tuple[int, str, str | None]]:
    manifest = Manifest("list", kind, text, **more)  # type: ignore[arg-type]
    return [(p.line, p.words, p.severity) for p in dependencies.problems(manifest)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("flask==3.0.0", ""),
        ("flask>=2", "flask>=2 is not pinned with =="),
        ("flask", "flask is not pinned with =="),
        ("flask~=3.0", "flask~=3.0 is not pinned with =="),
        ("flask==3.*", "flask==3.* is not pinned with =="),
        ("flask===3.0.0", ""),
        ("flask[async]==3.0.0 ; python_version > '3.8'", ""),
        ("flask==3.0.0 --hash=sha256:abc", ""),
        ("flask==3.0.0  # web", ""),
        ("Flask_Login", ""),
        # What names its file or revision is as fixed as can be seen.
        ("git+https://github.com/pallets/flask@3.0.0", ""),
        ("flask @ https://example.com/flask-3.0.0.tar.gz", ""),
        ("./vendor/shop", ""),
        ("wheels/shop-1.0-py3-none-any.whl", ""),
        ("shop-${VERSION}", ""),
        ("# flask", ""),
        ("-r base.txt", ""),
        ("--index-url https://pypi.org/simple", ""),
        ("-e .", ""),
        ("", ""),
    ],
)
def test_requirements(text: str, words: str) -> None:
    found = said("requirements", text, constrained=frozenset({"flask-login"}))
    assert found == ([(1, words, None)] if words else [])


def test_what_pip_refuses_is_graver() -> None:
    ((line, words, severity),) = said("requirements", "flask==3.0.0\nflask=2")
    assert (line, severity) == (2, "high")
    assert words.startswith("pip refuses 'flask=2': ")


def test_continued_lines_count_from_their_first() -> None:
    text = "flask==3.0.0 \\\n    --hash=sha256:abc \\\n    --hash=sha256:def\r\n\n# note \\\nredis\r\n"
    assert dependencies.requirement_lines(text) == [(1, "flask==3.0.0"), (6, "redis")]


@pytest.mark.parametrize(
    ("kind", "text", "more", "words"),
    [
        ("pyproject", '[project]\ndependencies = ["flask==3.0.0"]', {}, ""),
        ("pyproject", '[project]\ndependencies = ["flask>=3", "redis"]', {}, "no lock file, and flask is not pinned"),
        ("pyproject", '[project]\ndependencies = ["flask>=3"]', {"lock": "uv.lock"}, ""),
        ("pyproject", '[project]\ndependencies = ["flask @ https://x.example/f.whl"]', {}, ""),
        ("pyproject", '[project]\ndependencies = ["!!"]', {}, ""),
        (
            "pyproject",
            '[project]\ndependencies = ["flask>=3"]',
            {"lock": "uv.lock", "lock_sent": False},
            ".dockerignore keeps out its lock uv.lock",
        ),
        ("pyproject", '[tool.poetry.dependencies]\npython = "^3.11"\nflask = "3.0.0"', {}, ""),
        ("pyproject", '[tool.poetry.dependencies]\nflask = "^3.0"', {}, "no lock file, and flask is not pinned"),
        (
            "pyproject",
            '[tool.poetry.dependencies]\nflask = {version = "^3.0"}',
            {},
            "no lock file, and flask is not pinned",
        ),
        ("pyproject", '[tool.poetry.dependencies]\nshop = {path = "../shop"}', {}, ""),
        ("pyproject", '[tool.poetry.dependencies]\nshop = {git = "https://x.example/shop"}', {}, ""),
        ("pyproject", "[tool.ruff]\nline-length = 120", {}, ""),
        ("pyproject", "project = 3", {}, ""),
        ("pipfile", '[packages]\nflask = "==3.0.0"', {}, ""),
        ("pipfile", '[packages]\nflask = "*"', {}, "no lock file, and flask is not pinned"),
        ("pipfile", '[packages]\nflask = "*"', {"lock": "Pipfile.lock"}, ""),
    ],
)
def test_projects(kind: str, text: str, more: dict[str, object], words: str) -> None:
    assert said(kind, text, **more) == ([(0, words, None)] if words else [])


PACKAGE = json.dumps({"dependencies": {"react": "^18"}, "devDependencies": {"vite": "5"}})
LOCKED = {"lock": "package-lock.json", "locked": frozenset({"react", "vite"})}


@pytest.mark.parametrize(
    ("text", "more", "found"),
    [
        (PACKAGE, LOCKED, []),
        (PACKAGE, LOCKED | {"installs": ("npm ci --omit=dev",)}, []),
        (PACKAGE, {}, [("no lock file beside it", None)]),
        (PACKAGE, {"installs": ("npm ci",)}, [("no lock file, without which npm ci refuses to run", "high")]),
        (
            PACKAGE,
            {"installs": ("npm clean-install",)},
            [("no lock file, without which npm ci refuses to run", "high")],
        ),
        ("{}", {}, []),
        ("[]", {}, []),
        ('{"dependencies": []}', {}, []),
        (PACKAGE, LOCKED | {"lock_sent": False}, [(".dockerignore keeps out its lock package-lock.json", None)]),
        (PACKAGE, LOCKED | {"locked": frozenset({"react"})}, [("vite not in package-lock.json", None)]),
        (
            PACKAGE,
            LOCKED | {"locked": frozenset(), "installs": ("npm ci",)},
            [("react and 1 more not in package-lock.json: npm ci refuses to run", "high")],
        ),
        # What the lock was made for was changed by hand since.
        (
            PACKAGE,
            LOCKED | {"locked_ranges": {"react": "^1.0.0", "gone": "1"}},
            [("it asks for react ^18, and package-lock.json was made for ^1.0.0", None)],
        ),
        (PACKAGE, LOCKED | {"locked_ranges": {"react": "^18"}}, []),
        # The content of other locks is not known.
        (PACKAGE, {"lock": "yarn.lock"}, []),
        (
            PACKAGE,
            {"lock": "yarn.lock", "installs": ("npm ci",)},
            [("npm ci refuses to run: its lock is package-lock.json, and there is only yarn.lock", "high")],
        ),
    ],
)
def test_packages(text: str, more: dict[str, object], found: list[tuple[str, str | None]]) -> None:
    assert [(w, s) for _, w, s in said("package", text, **more)] == found


@pytest.mark.parametrize(
    ("command", "better"),
    [
        ("npm install", "npm ci"),
        ("npm i && npm run build", "npm ci"),
        ("npm install --omit=dev", "npm ci"),
        ("npm ci", ""),
        # Tools beside the project's own packages.
        ("npm install -g pnpm", ""),
        ("npm install --global serve", ""),
        ("npm i left-pad@1.3.0", ""),
        ("yarn", "yarn install --immutable"),
        ("yarn install --production", "yarn install --immutable"),
        ("yarn install --frozen-lockfile", ""),
        ("yarn install --immutable", ""),
        ("yarn build", ""),
        ("yarn && yarn build", "yarn install --immutable"),
        ("pnpm install", "pnpm install --frozen-lockfile"),
        ("pnpm i --prod --frozen-lockfile", ""),
    ],
)
def test_installs_that_may_change_the_lock(command: str, better: str) -> None:
    lock = {"npm": "package-lock.json", "yarn": "yarn.lock", "pnpm": "pnpm-lock.yaml"}[command.split()[0]]
    found = said("package", PACKAGE, **(LOCKED | {"lock": lock, "installs": (command,)}))
    assert len(found) == bool(better)
    if better:
        assert f"may change the lock; {better}" in found[0][1]
        assert found[0][2] == "low"


@pytest.mark.parametrize(("kind", "words"), [("package", "it is not JSON: "), ("pyproject", "it is not TOML: ")])
def test_broken_files(kind: str, words: str) -> None:
    ((_, text, severity),) = said(kind, '{"a": \n')
    assert text.startswith(words)
    assert severity == "high"


def test_one_verdict_over_all() -> None:
    fine = Manifest("a.txt", "requirements", "flask==3.0.0")
    loose = Manifest("b.txt", "requirements", "flask>=2")
    assert dependencies.judge([fine]).summary.startswith("1 lists of dependencies: all versions are fixed")
    assert dependencies.judge([fine, loose]).evidence == ("b.txt:1: flask>=2 is not pinned with ==",)


@given(st.sampled_from(("requirements", "package", "pyproject", "pipfile")), st.text(max_size=80))
def test_any_text_can_be_judged(kind: str, text: str) -> None:
    said(kind, text)
