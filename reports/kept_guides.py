"""Guides as they were read, kept on disk: reading Markdown takes a library that is a twentieth of a run to load."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import msgspec

from checks import guide
from checks.guide import Guide
from fixtures.whole_files import written_whole

# What was kept by another way of reading is not asked.
_READ_BY = Path(guide.__file__)


def read(path: Path, kept_in: Path | None) -> Guide:
    """A guide; parsed anew when its text or the parser is not that of what was kept.

    Args:
        kept_in: None where nothing can be kept.

    Raises:
        GuideError: it cannot be read or is not of the form that checks/guide.py describes.
    """
    if kept_in is None:
        return guide.load_guide(path)
    text = guide.text_of(path)
    kept = kept_in / f"{hashlib.sha256(text.encode() + _READ_BY.read_bytes()).hexdigest()[:32]}.json"
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(kept.read_bytes(), type=Guide)
    made = guide.parse_guide(text)
    with contextlib.suppress(OSError), written_whole(kept) as file:
        file.write_bytes(msgspec.json.encode(made))
    return made
