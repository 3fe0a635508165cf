"""When base images stop getting security fixes. Dates are the projects' own announcements, as of 2026-11."""

from __future__ import annotations

import datetime as dt
import re

# Image name → version prefix → end of life. Versions that are not listed are not judged.
_END_OF_LIFE: dict[str, dict[str, dt.date]] = {
    # devguide.python.org/versions
    "python": {
        "2.7": dt.date(2020, 1, 1), "3.6": dt.date(2021, 12, 23), "3.7": dt.date(2023, 6, 27),
        "3.8": dt.date(2024, 10, 7), "3.9": dt.date(2025, 10, 31), "3.10": dt.date(2026, 10, 31),
        "3.11": dt.date(2027, 10, 31), "3.12": dt.date(2028, 10, 31), "3.13": dt.date(2029, 10, 31),
    },
    # nodejs.org/en/about/previous-releases
    "node": {
        "12": dt.date(2022, 4, 30), "14": dt.date(2023, 4, 30), "16": dt.date(2023, 9, 11), "18": dt.date(2025, 4, 30),
        "20": dt.date(2026, 4, 30), "22": dt.date(2027, 4, 30), "24": dt.date(2028, 4, 30),
    },
    # wiki.debian.org/LTS
    "debian": {
        "9": dt.date(2022, 6, 30), "10": dt.date(2024, 6, 30), "11": dt.date(2026, 8, 31), "12": dt.date(2028, 6, 30),
        "stretch": dt.date(2022, 6, 30), "buster": dt.date(2024, 6, 30), "bullseye": dt.date(2026, 8, 31),
    },
    # ubuntu.com/about/release-cycle (standard support)
    "ubuntu": {
        "18.04": dt.date(2023, 5, 31), "20.04": dt.date(2025, 5, 31), "22.04": dt.date(2027, 4, 30),
        "24.04": dt.date(2029, 4, 30),
    },
    # alpinelinux.org/releases
    "alpine": {
        "3.16": dt.date(2024, 5, 23), "3.17": dt.date(2024, 11, 22), "3.18": dt.date(2025, 5, 9),
        "3.19": dt.date(2025, 11, 1), "3.20": dt.date(2026, 4, 1), "3.21": dt.date(2026, 11, 1),
    },
}  # fmt: skip


def end_of_life(image: str, today: dt.date) -> str:
    """What is past its end of life in an image name, "" if nothing that is known."""
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    versions = _END_OF_LIFE.get(name, {})
    found = [(v, d) for v, d in versions.items() if re.match(rf"{re.escape(v)}(?![0-9])", tag)]
    ended = [(v, d) for v, d in found if d < today]
    if ended:
        version, date = max(ended, key=lambda e: len(e[0]))
        return f"{name} {version} has had no security fixes since {date}"
    for distribution in ("stretch", "buster", "bullseye"):
        date = _END_OF_LIFE["debian"][distribution]
        if distribution in tag and date < today:
            return f"Debian {distribution}, on which {image} rests, has had no security fixes since {date}"
    return ""
