"""When base images stop getting security fixes, as their makers announced it. As of November 2026."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping

_D = dt.date

# Where the dates come from, by image name of Docker's official library.
SOURCES: Mapping[str, str] = {
    "python": "devguide.python.org/versions",
    "node": "github.com/nodejs/release",
    "debian": "wiki.debian.org/LTS",
    "ubuntu": "wiki.ubuntu.com/Releases (standard support)",
    "alpine": "alpinelinux.org/releases",
    "nginx": "nginx.org: a stable branch ends when the next one begins",
    "postgres": "postgresql.org/support/versioning",
    "ruby": "ruby-lang.org/en/downloads/branches",
    "php": "php.net/supported-versions.php",
    "golang": "go.dev/doc/devel/release: a release ends when the second one after it appears",
    "amazonlinux": "aws.amazon.com/amazon-linux-2/faqs",
    "centos": "blog.centos.org",
}
# Version → last day. Everything below the first version of a table has ended; what is not listed above is not judged.
VERSIONS: Mapping[str, Mapping[str, dt.date]] = {
    "python": {
        "2.7": _D(2020, 1, 1), "3.5": _D(2020, 9, 13), "3.6": _D(2021, 12, 23), "3.7": _D(2023, 6, 27),
        "3.8": _D(2024, 10, 7), "3.9": _D(2025, 10, 31), "3.10": _D(2026, 10, 31), "3.11": _D(2027, 10, 31),
        "3.12": _D(2028, 10, 31), "3.13": _D(2029, 10, 31), "3.14": _D(2030, 10, 31),
    },
    "node": {
        "10": _D(2021, 4, 30), "11": _D(2019, 6, 30), "12": _D(2022, 4, 30), "13": _D(2020, 6, 1),
        "14": _D(2023, 4, 30), "15": _D(2021, 6, 1), "16": _D(2023, 9, 11), "17": _D(2022, 6, 1),
        "18": _D(2025, 4, 30), "19": _D(2023, 6, 1), "20": _D(2026, 4, 30), "21": _D(2024, 6, 1),
        "22": _D(2027, 4, 30), "23": _D(2025, 6, 1), "24": _D(2028, 4, 30), "25": _D(2026, 6, 1),
    },
    # Until the end of long-term support, after which the archive moves and apt-get update fails.
    "debian": {
        "8": _D(2020, 6, 30), "9": _D(2022, 6, 30), "10": _D(2024, 6, 30), "11": _D(2026, 8, 31),
        "12": _D(2028, 6, 30),
    },
    "ubuntu": {
        "14.04": _D(2019, 4, 2), "16.04": _D(2021, 4, 2), "18.04": _D(2023, 5, 31), "20.04": _D(2025, 5, 31),
        "22.04": _D(2027, 4, 1), "22.10": _D(2023, 7, 20), "23.04": _D(2024, 1, 20), "23.10": _D(2024, 7, 12),
        "24.04": _D(2029, 5, 31), "24.10": _D(2025, 7, 10), "25.04": _D(2026, 1, 17), "25.10": _D(2026, 7, 1),
    },
    "alpine": {
        "3.15": _D(2023, 11, 1), "3.16": _D(2024, 5, 23), "3.17": _D(2024, 11, 22), "3.18": _D(2025, 5, 9),
        "3.19": _D(2025, 11, 1), "3.20": _D(2026, 4, 1), "3.21": _D(2026, 11, 1), "3.22": _D(2027, 5, 1),
        "3.23": _D(2027, 11, 1),
    },
    "nginx": {
        "1.20": _D(2022, 5, 24), "1.21": _D(2022, 6, 21), "1.22": _D(2023, 4, 11), "1.23": _D(2023, 5, 23),
        "1.24": _D(2024, 4, 23), "1.25": _D(2024, 5, 29), "1.26": _D(2025, 4, 23), "1.27": _D(2025, 6, 24),
    },
    "postgres": {
        "9.6": _D(2021, 11, 11), "10": _D(2022, 11, 10), "11": _D(2023, 11, 9), "12": _D(2024, 11, 14),
        "13": _D(2025, 11, 13), "14": _D(2026, 11, 12), "15": _D(2027, 11, 11), "16": _D(2028, 11, 9),
    },
    "ruby": {
        "2.6": _D(2022, 3, 31), "2.7": _D(2023, 3, 31), "3.0": _D(2024, 4, 23), "3.1": _D(2025, 3, 31),
        "3.2": _D(2026, 3, 31), "3.3": _D(2027, 3, 31), "3.4": _D(2028, 3, 31), "4.0": _D(2029, 3, 31),
    },
    "php": {
        "7.4": _D(2022, 11, 28), "8.0": _D(2023, 11, 26), "8.1": _D(2025, 12, 31), "8.2": _D(2026, 12, 31),
        "8.3": _D(2027, 12, 31), "8.4": _D(2028, 12, 31), "8.5": _D(2029, 12, 31),
    },
    "golang": {
        "1.20": _D(2024, 2, 6), "1.21": _D(2024, 8, 13), "1.22": _D(2025, 2, 11), "1.23": _D(2025, 8, 12),
    },
    "amazonlinux": {"1": _D(2023, 12, 31), "2": _D(2026, 6, 30), "2018.03": _D(2023, 12, 31), "2023": _D(2029, 6, 30)},
    "centos": {"6": _D(2020, 11, 30), "7": _D(2024, 6, 30), "8": _D(2021, 12, 31)},
}  # fmt: skip
# Code names in tags: python:3.12-slim-bullseye rests on Debian 11.
CODE_NAMES: Mapping[str, tuple[str, str]] = {
    "jessie": ("debian", "8"), "stretch": ("debian", "9"), "buster": ("debian", "10"), "bullseye": ("debian", "11"),
    "bookworm": ("debian", "12"), "trusty": ("ubuntu", "14.04"), "xenial": ("ubuntu", "16.04"),
    "bionic": ("ubuntu", "18.04"), "focal": ("ubuntu", "20.04"), "jammy": ("ubuntu", "22.04"),
    "noble": ("ubuntu", "24.04"),
}  # fmt: skip
_OFFICIAL = re.compile(r"^(?:[^/]+/)*?library/(?P<name>[a-z0-9_-]+)$")
_ALPINE = re.compile(r"(?:^|-)alpine(?P<version>\d+\.\d+)")
_NUMBER = re.compile(r"^v?(?P<version>\d+(?:\.\d+)*)")


def official_name(image: str) -> str:
    """Name in Docker's official library, "" for anybody else's image: ``docker.io/library/python:3`` → ``python``."""
    path = image.partition("@")[0]
    head, slash, last = path.rpartition("/")
    name = f"{head}{slash}{last.partition(':')[0]}".removeprefix("docker.io/")
    if "/" not in name:
        return name
    found = _OFFICIAL.match(name)
    if found:
        return found["name"]
    # Amazon publishes its own image under this name as well.
    return "amazonlinux" if name == "public.ecr.aws/amazonlinux/amazonlinux" else ""


def tag_of(image: str) -> str:
    """Tag of an image reference, "" without one; ``localhost:5000/app`` has none."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def end_of_life(image: str, today: dt.date) -> str:
    """What in an image is past its end of life, as a clause; "" if nothing that is known."""
    name, tag = official_name(image), tag_of(image)
    for product, version in _parts(name, tag):
        ended = _ended(product, version)
        if ended is not None and ended[1] < today:
            return f"{image}: {product} {ended[0]} has had no security fixes since {ended[1]:%Y-%m-%d}"
    return ""


def _parts(name: str, tag: str) -> list[tuple[str, str]]:
    """Product and version of everything that an image's tag tells of."""
    found: list[tuple[str, str]] = []
    number = _NUMBER.match(tag)
    if name in VERSIONS and number:
        found.append((name, number["version"]))
    alpine = _ALPINE.search(tag)
    if alpine:
        found.append(("alpine", alpine["version"]))
    found += [CODE_NAMES[word] for word in re.split(r"[-.]", tag) if word in CODE_NAMES]
    return found


def _ended(product: str, version: str) -> tuple[str, dt.date] | None:
    """The release that a version belongs to, and its last day; None where that is not known."""
    versions = VERSIONS[product]
    wanted = version.split(".")
    for length in range(len(wanted), 0, -1):
        release = ".".join(wanted[:length])
        if release in versions:
            return release, versions[release]
    first = next(iter(versions))
    if len(wanted) >= len(first.split(".")) and _numbers(version) < _numbers(first):
        return version, versions[first]
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in version.split("."))
