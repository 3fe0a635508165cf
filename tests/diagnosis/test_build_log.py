from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.diagnosis import build_log
from fixtures.model.github import LastBuild


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("dockerfile parse error on line 3: unknown instruction: COPYY (did you mean COPY?)", "Dockerfile syntax"),
        ("ERROR: failed to solve: failed to read dockerfile: open Dockerfile: no such file", "no Dockerfile"),
        ("COPY failed: forbidden path outside the build context: ../x ()", "path outside the context"),
        ('failed to compute cache key: "/src": not found', "missing file"),
        ("COPY failed: file not found in build context or excluded by .dockerignore", "missing file"),
        ("write /usr/lib/x.so: no space left on device", "disk full"),
        ("ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "no Docker daemon"),
        ("The runner has received a shutdown signal.", "runner lost"),
        ("toomanyrequests: You have reached your pull rate limit.", "rate limit"),
        (
            "E: The repository 'http://deb.debian.org/debian buster' does not have a Release file.",
            "package archive gone",
        ),
        ("dial tcp: lookup registry-1.docker.io: no such host", "network"),
        ("exec /bin/sh: exec format error", "platform"),
        ("ERROR: No matching distribution found for flask==99.9.9", "dependency version"),
        ("ERROR: ResolutionImpossible: for help visit https://pip.pypa.io", "dependency conflict"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "dependency hash"),
        ("ERROR: Invalid requirement: 'flask=2'", "requirements syntax"),
        ("error: metadata-generation-failed", "package build"),
        ("npm ERR! code ETARGET", "dependency version"),
        ("npm error code ERESOLVE", "lock file"),
        ("npm ERR! code EUSAGE", "lock file"),
        ("npm error code EINTEGRITY", "dependency hash"),
        ("npm error code EBADENGINE", "language version"),
        ("E: Unable to locate package libpq-devv", "system package"),
        ("denied: Your authorization token has expired. Reauthenticate and try again.", "login"),
        ("Error: Could not assume role with OIDC: Not authorized to perform sts:AssumeRoleWithWebIdentity", "login"),
        (
            "tag invalid: The image tag '1.0' already exists and cannot be overwritten because the repository",
            "immutable tag",
        ),
        ("name unknown: The repository with name 'shop' does not exist in the registry", "no repository"),
        ("User: arn:aws:sts::1:assumed-role/ci is not authorized to perform: ecr:PutImage", "permission"),
        ("docker.io/library/python:3.99: failed to resolve source metadata: not found", "base image"),
        ("Waiter ServicesStable failed: Max attempts exceeded", "deployment"),
        ("Total: 3 (HIGH: 2, CRITICAL: 1)", "scan"),
        ('process "/bin/sh -c npm run build" did not complete successfully: exit code: 137', "memory"),
        ("/bin/sh: 1: gcc: not found", "missing program"),
        ('process "/bin/sh -c make" did not complete successfully: exit code: 2', "build step"),
        ("##[error]Process completed with exit code 1.", "unknown"),
        # Healthy lines, also those that speak of errors in passing.
        ("#5 [2/4] RUN pip install -r requirements.txt", None),
        ("Successfully installed flask-3.0.0", None),
        ("npm warn deprecated glob@7.2.3: no longer supported", None),
        ("Total: 0 (HIGH: 0, CRITICAL: 0)", None),
        ("#8 exporting to image", None),
        ("COPY errors.py .", None),
        ("", None),
    ],
)
def test_lines(line: str, what: str | None) -> None:
    found = build_log.classify_line(line)
    assert (found.what if found else None) == what


def test_the_most_specific_line_counts_wherever_it_stands() -> None:
    lines = [
        "ERROR: No matching distribution found for flask==99.9.9",
        'ERROR: failed to solve: process "/bin/sh -c pip install" did not complete successfully: exit code: 1',
        "##[error]Process completed with exit code 1.",
    ]
    for order in (lines, lines[::-1]):
        found = build_log.classify(order)
        assert found is not None
        assert found.what == "dependency version"
    assert build_log.classify([]) is None
    assert build_log.classify(["fine"]) is None


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], None),
        (["#5 RUN make"], None),
        (["Successfully built 3f2a9c1d7b60"], True),
        (["#8 naming to docker.io/library/web:latest done"], True),
        (["#8 writing image sha256:abc done"], True),
        (["ERROR: failed to solve: not found"], False),
        (["Process completed with exit code 1."], False),
        (["Process completed with exit code 0.", "Successfully tagged web:1"], True),
        # pip prints ERROR for conflicts that do not end the build.
        (["ERROR: pip's dependency resolver does not currently take into account", "exporting to image"], True),
        # A RUN instruction of the legacy builder printed it, and went on.
        (["error: externally-managed-environment", "Successfully tagged web:1"], True),
        (["Successfully tagged web:1", "error: cannot stat 'x'"], False),
        (['Error: building at STEP "RUN make": exit status 2', "COMMIT localhost/other"], False),
        (["error building image: error building stage: failed to execute command"], False),
        # One image of several that failed is a failure.
        (["Successfully tagged web:1", "ERROR: failed to solve: not found"], False),
    ],
)
def test_how_a_build_ended(lines: list[str], expected: bool | None) -> None:
    assert build_log.ended(lines) is expected


def test_telling_lines_come_with_the_one_before_and_are_bounded() -> None:
    lines = ["#1 FROM", "  #5 RUN pip install", "ERROR: No matching distribution found for x", "", "bye"]
    assert build_log.telling_lines(lines) == ("#5 RUN pip install", "ERROR: No matching distribution found for x")
    assert build_log.telling_lines(["npm ERR! code E404"]) == ("npm ERR! code E404",)
    assert build_log.telling_lines([f"line {n}" for n in range(30)])[0] == "line 18"
    assert len(build_log.telling_lines([f"npm ERR! {n}" for n in range(30)])) == 12
    assert build_log.telling_lines([]) == ()


@pytest.mark.parametrize(
    ("lines", "observed", "severity", "signs"),
    [
        (("Successfully tagged web:1",), "the build succeeded", None, ()),
        (("ERROR: failed to solve: no such host",), "the build failed: network", "medium", ("network",)),
        (
            ("ERROR: No matching distribution found", "failed to build"),
            "the build failed: dependency version",
            None,
            ("image",),
        ),
        (("x did not complete successfully: exit code: 2",), "the build failed: build step", None, ("image",)),
        (("failed to build",), "the build failed: unknown", None, ()),
    ],
)
def test_verdict(lines: tuple[str, ...], observed: str, severity: str | None, signs: tuple[str, ...]) -> None:
    verdict = build_log.judge(LastBuild(None, lines=lines, log="logs/build.txt"))
    assert (verdict.observed, verdict.severity, verdict.signs) == (observed, severity, signs)
    assert verdict.ok is (observed == "the build succeeded")
    assert bool(verdict.evidence) is not verdict.ok
    assert (verdict.resource, verdict.name) == ("logs/build.txt", "build.txt")


@given(st.lists(st.text(max_size=60), max_size=20))
def test_any_log_can_be_read(lines: list[str]) -> None:
    assert len(build_log.telling_lines(lines)) <= 12
    assert build_log.ended(lines) in (True, False, None)
