"""Images against the machines that tasks ask for."""

from __future__ import annotations

import pytest

from checks.diagnosis import platforms
from fixtures.facts.platforms import named
from fixtures.model.platforms import ImagePlatforms
from tests.diagnosis.facts import definition, service


def image(*found: str, index: bool = False) -> ImagePlatforms:
    return ImagePlatforms("web", "registry/shop-web:abc123", found, index)


@pytest.mark.parametrize(
    ("architecture", "system", "expected"),
    [
        ("X86_64", "LINUX", "linux/amd64"),
        ("ARM64", "LINUX", "linux/arm64"),
        ("X86_64", "WINDOWS_SERVER_2022_CORE", "windows/amd64"),
    ],
)
def test_what_a_revision_asks_for(architecture: str, system: str, expected: str) -> None:
    assert definition(cpu_architecture=architecture, operating_system=system).platform == expected


@pytest.mark.parametrize(
    "images",
    [
        (),
        (image(),),
        (image("linux/amd64"),),
        (image("linux/arm64", "linux/amd64", index=True),),
        (image("linux/amd64"), image()),
        (ImagePlatforms("web", "registry/shop-web:abc123", (), runs=True),),
    ],
)
def test_images_that_fit_or_do_not_say(images: tuple[ImagePlatforms, ...]) -> None:
    assert platforms.fit(service(), definition(cpu_architecture="X86_64"), images)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ((image("linux/arm64"),), "is for linux/arm64, while"),
        ((image("linux/arm64", "linux/s390x", index=True),), "linux/arm64 and linux/s390x"),
        ((image("linux/amd64"), image("windows/amd64")), "is for windows/amd64"),
    ],
)
def test_images_that_do_not_fit(images: tuple[ImagePlatforms, ...], said: str) -> None:
    verdict = platforms.fit(service(), definition(cpu_architecture="X86_64"), images)

    assert not verdict
    assert said in verdict.observed
    assert verdict.expected == "an image for linux/amd64"
    assert len(verdict.evidence) == 1
    assert "exec format error" in verdict.likely_cause


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([{"os": "linux", "architecture": "amd64"}], ("linux/amd64",)),
        ([{"architecture": "arm64", "variant": "v8"}], ("linux/arm64",)),
        ([{"os": "unknown", "architecture": "unknown"}], ()),
        ([{}], ()),
        ([{"os": "linux", "architecture": "amd64"}] * 2, ("linux/amd64",)),
    ],
)
def test_how_platforms_are_named(entries: list[dict[str, str]], expected: tuple[str, ...]) -> None:
    assert named(entries) == expected
