"""Guides as they were read, kept on disk: reading Markdown takes a library that is a thirtieth of a run to load."""

from __future__ import annotations

from pathlib import Path

from checks import guide
from checks.guide import Guide
from fixtures.kept import kept, version_of

# What was read by another parser is not asked.
_PARSER = Path(guide.__file__)


def read_guide(path: Path, kept_in: Path | None) -> Guide:
    """A guide; parsed anew when its text or the parser is not that of what was kept.

    Args:
        kept_in: None where nothing can be kept.

    Raises:
        GuideError: it cannot be read or is not of the form that checks/guide.py describes.
    """
    text = guide.text_of(path)
    made_of = version_of("markdown_it", "__init__.py") + _PARSER.read_bytes() + text.encode()
    return kept(kept_in, "guide", made_of, Guide, lambda: guide.parse_guide(text))
