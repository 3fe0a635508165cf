"""Places in files that findings name, ``path:line``, as code hosts want them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from msgspec import Struct

_DIGITS = 8  # no file has more lines


class Place(Struct, frozen=True):
    """A line of a file. ``line`` is 1 where only the file is known."""

    path: str
    line: int


def place(location: str, environment: Mapping[str, str]) -> Place:
    """Where a location is, relative to the repository that a GitHub job has checked out, if it lies in there."""
    path, _, line = location.rpartition(":")
    if not (path and line.isdecimal() and len(line) < _DIGITS):
        path, line = location, "1"
    return Place(_relative(path, environment.get("GITHUB_WORKSPACE", "")), max(1, int(line)))


def _relative(path: str, workspace: str) -> str:
    clean = path.replace("\\", "/").removeprefix("./")
    if workspace and PurePosixPath(clean).is_absolute():
        inside = Path(clean)
        return inside.relative_to(workspace).as_posix() if inside.is_relative_to(workspace) else clean
    return clean
