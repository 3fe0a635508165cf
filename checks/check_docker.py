"""The image does not build. PYTEST_DONT_REWRITE: a failed assertion carries its Verdict as it is."""

from __future__ import annotations

import datetime as dt

import pytest

from checks.diagnosis import (
    base_images,
    build_log,
    dependencies,
    dockerfile,
    dockerignore,
    workflow_files,
    workflow_run,
)
from fixtures.errors import NotApplicable, Unavailable
from fixtures.model.github import LastBuild
from fixtures.model.source import (
    BuildWarning,
    Context,
    CopiedSource,
    DeclaredBuild,
    Dockerfile,
    Lint,
    Manifest,
    Workflow,
)
from fixtures.target import Target

pytestmark = [pytest.mark.docker, pytest.mark.drift]


# -- symptoms -----------------------------------------------------------------------------------------------------


@pytest.mark.severity("high")
@pytest.mark.guide("docker", "build errors")
@pytest.mark.caused_by(
    "check_dockerfiles_can_be_read",
    "check_declared_builds_have_dockerfiles",
    "check_copied_files_are_sent",
    "check_dependencies_are_pinned",
    "check_base_images_are_supported",
    "check_base_images_are_pinned",
)
def check_last_build_succeeded(last_build: LastBuild) -> None:
    """The last build of the images succeeded; if not, its log says why."""
    if last_build.run is None and build_log.ended(last_build.lines) is None:
        raise Unavailable(last_build.log, "incomplete", "it shows neither the end of a build nor an error")
    verdict = workflow_run.judge(last_build) if last_build.run else build_log.judge(last_build)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("docker", "deploy workflow fails before the scan")
@pytest.mark.caused_by("check_last_build_succeeded")
def check_deploy_reached_the_scan(last_build: LastBuild, target: Target) -> None:
    """The deploy workflow did not fail before the images were scanned."""
    if last_build.run is None:
        raise NotApplicable("a build log does not show the workflow's steps")
    known = last_build.run.conclusion == "success" or workflow_run.scan_is_known(last_build, target.source.scan_step)
    if known is None:
        raise Unavailable(
            "the scan step",
            "incomplete",
            f"no step of the run is named like {target.source.scan_step!r}: source.scan_step",
        )
    if not known:
        raise NotApplicable(f"the deploy workflow has no step named like {target.source.scan_step!r}")
    verdict = workflow_run.reached_scan(last_build, target.source.scan_step)
    assert verdict, verdict.explain()


# -- diagnosis ----------------------------------------------------------------------------------------------------


@pytest.mark.severity("high")
@pytest.mark.guide("docker", "dockerfile syntax and versions")
def check_dockerfiles_can_be_read(
    dockerfiles: tuple[Dockerfile, ...], dockerfile_lints: dict[str, tuple[Lint, ...]]
) -> None:
    """Every Dockerfile can be read by a builder."""
    verdict = dockerfile.syntax(dockerfiles, dockerfile_lints)
    foreign = [d for d in dockerfiles if d.frontend]
    if verdict and foreign:
        said = f"{foreign[0].path} is read by {foreign[0].frontend}, which knows its own instructions"
        raise Unavailable("the Dockerfiles", "incomplete", said)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("docker", "dockerfile syntax and versions")
def check_declared_builds_have_dockerfiles(declared_builds: tuple[DeclaredBuild, ...]) -> None:
    """Everything that workflows and compose files build has its Dockerfile and its context."""
    if not declared_builds:
        raise NotApplicable("no workflow or compose file says which images it builds")
    verdict = dockerfile.declared(declared_builds)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("docker", "dockerfile syntax and versions")
def check_base_images_are_pinned(dockerfiles: tuple[Dockerfile, ...]) -> None:
    """Every base image has a version or a digest."""
    verdict = base_images.pinned(dockerfiles)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("docker", "fix the dockerfile")
def check_base_images_are_supported(dockerfiles: tuple[Dockerfile, ...], now: dt.datetime) -> None:
    """No base image is past its end of life."""
    verdict = base_images.supported(dockerfiles, now.date())
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
@pytest.mark.caused_by("check_dependencies_are_pinned")
def check_copied_files_are_sent(
    copied_sources: dict[str, tuple[CopiedSource, ...]], build_contexts: dict[str, Context]
) -> None:
    """Everything that Dockerfiles copy is there, and .dockerignore lets it through."""
    if not any(copied_sources.values()):
        raise NotApplicable("no Dockerfile copies anything from its context")
    verdict = dockerignore.copied(copied_sources, build_contexts)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("docker", "build context")
def check_build_contexts_are_small(build_contexts: dict[str, Context], target: Target) -> None:
    """Build contexts are small and leave out node_modules, virtual environments, .git and secrets."""
    verdict = dockerignore.judge(tuple(build_contexts.values()), target.source.max_context_mb)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("docker", "build logs")
def check_buildkit_finds_nothing(build_warnings: tuple[BuildWarning, ...], dockerfiles: tuple[Dockerfile, ...]) -> None:
    """``docker build --check`` finds nothing, where a daemon with BuildKit is at hand."""
    verdict = dockerfile.build_check(build_warnings, len(dockerfiles))
    assert verdict, verdict.explain()


# -- prevention ---------------------------------------------------------------------------------------------------


@pytest.mark.severity("low")
@pytest.mark.guide("docker", "build before pushing")
def check_images_are_built_before_merge(workflows: tuple[Workflow, ...]) -> None:
    """Some workflow builds images before they reach the deploy branch."""
    if not workflows:
        raise NotApplicable("the repository has no GitHub Actions workflows")
    if all(w.problem for w in workflows):
        raise Unavailable("the workflows", "incomplete", f"{workflows[0].path}: {workflows[0].problem}")
    verdict = workflow_files.builds_before_merge(workflows)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("docker", "scan before pushing")
def check_scan_stops_deployment(workflows: tuple[Workflow, ...], target: Target) -> None:
    """What the image scan finds stops the deploy workflow: a scan that cannot fail protects nothing."""
    verdict = workflow_files.scan_stops(workflows, target.source.deploy_workflow)
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.guide("docker", "minimal dockerfiles")
def check_dockerfiles_follow_advice(
    dockerfiles: tuple[Dockerfile, ...], dockerfile_lints: dict[str, tuple[Lint, ...]]
) -> None:
    """Dockerfiles follow hadolint's advice and hold no secrets."""
    verdict = dockerfile.advice(dockerfiles, dockerfile_lints)
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.guide("docker", "minimal dockerfiles")
def check_images_do_not_run_as_root(dockerfiles: tuple[Dockerfile, ...]) -> None:
    """Images have a USER that is not root."""
    verdict = base_images.without_root(dockerfiles)
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.guide("docker", "minimal dockerfiles")
def check_final_images_are_small(dockerfiles: tuple[Dockerfile, ...]) -> None:
    """What is shipped rests on a small base image and carries no build tools."""
    verdict = base_images.small(dockerfiles)
    assert verdict, verdict.explain()
