"""The image does not build. PYTEST_DONT_REWRITE: a failed assertion carries its Verdict as it is."""

from __future__ import annotations

import datetime as dt

import pytest

from checks.diagnosis import build_log, dependencies, dockerfile, dockerignore, workflow_files
from fixtures.errors import NotApplicable
from fixtures.model.source import BuildRun, Context, Dockerfile, Lint, Manifest, Workflow
from fixtures.target import Target

pytestmark = [pytest.mark.docker, pytest.mark.drift]


@pytest.mark.severity("high")
@pytest.mark.guide("docker", "dockerfile syntax and versions")
def check_dockerfiles_can_be_read(
    dockerfiles: tuple[Dockerfile, ...], dockerfile_lints: dict[str, tuple[Lint, ...]]
) -> None:
    """Every Dockerfile can be read by a builder."""
    verdict = dockerfile.syntax(dockerfiles, dockerfile_lints)
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.guide("docker", "minimal dockerfiles")
def check_dockerfiles_follow_advice(
    dockerfiles: tuple[Dockerfile, ...], dockerfile_lints: dict[str, tuple[Lint, ...]]
) -> None:
    """Dockerfiles follow hadolint's advice and do not run as root."""
    verdict = dockerfile.advice(dockerfiles, dockerfile_lints)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("docker", "dockerfile syntax and versions")
def check_base_images_are_pinned(dockerfiles: tuple[Dockerfile, ...]) -> None:
    """Every base image has a version or a digest."""
    verdict = dockerfile.pinned(dockerfiles)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("docker", "fix the dockerfile")
def check_base_images_are_supported(dockerfiles: tuple[Dockerfile, ...], now: dt.datetime) -> None:
    """No base image is past its end of life."""
    verdict = dockerfile.supported(dockerfiles, now.date())
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("docker", "dockerfile syntax and versions")
def check_dependencies_are_pinned(manifests: tuple[Manifest, ...]) -> None:
    """Every dependency is pinned, so that the next build installs what the last one did."""
    if not manifests:
        raise NotApplicable("no lists of dependencies in the build contexts")
    verdict = dependencies.judge(manifests)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("docker", "build context")
def check_copied_files_are_sent(dockerfiles: tuple[Dockerfile, ...], build_contexts: dict[str, Context]) -> None:
    """Everything that Dockerfiles copy is there, and .dockerignore lets it through."""
    verdict = dockerfile.copied(dockerfiles, build_contexts)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("docker", "build context")
def check_build_contexts_are_small(build_contexts: dict[str, Context], target: Target) -> None:
    """Build contexts are small and leave out node_modules, virtual environments, .git and secrets."""
    verdict = dockerignore.judge(build_contexts, target.source.max_context_mb)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("docker", "build errors")
@pytest.mark.caused_by(
    "check_dockerfiles_can_be_read",
    "check_copied_files_are_sent",
    "check_dependencies_are_pinned",
    "check_base_images_are_pinned",
)
def check_last_build_succeeded(last_build: BuildRun, target: Target) -> None:
    """The last build of the images succeeded; if not, its log says why."""
    verdict = build_log.judge(last_build, target.name)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("docker", "deploy workflow fails before the scan")
@pytest.mark.caused_by("check_last_build_succeeded")
def check_deploy_reached_the_scan(last_build: BuildRun, target: Target) -> None:
    """The deploy workflow did not fail before the image was scanned."""
    if not last_build.conclusion:
        raise NotApplicable("a build log does not show the workflow's steps")
    verdict = build_log.reached_scan(last_build, target.source.scan_step, target.name)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("docker", "build logs")
def check_buildkit_finds_nothing(build_checks: dict[str, tuple[int, str]]) -> None:
    """``docker build --check`` finds nothing, where a daemon with BuildKit is at hand."""
    verdict = dockerfile.build_check(build_checks)
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.guide("docker", "build before pushing")
def check_images_are_built_before_merge(workflows: tuple[Workflow, ...], target: Target) -> None:
    """Some workflow builds images before they reach the deploy branch."""
    verdict = workflow_files.builds_before_merge(workflows, target.name)
    assert verdict, verdict.explain()
