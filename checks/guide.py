"""The troubleshooting guide as data: one bullet for each step, with its resolution and the commands to paste.

Form of the file (checks/guide.md, or the user's own)::

    ## ecs: Tasks keep restarting        scenario: title
    ### Diagnosis                        Symptoms, Diagnosis, Resolution or Prevention
    #### service events                  the bullet's key, as checks name it in @pytest.mark.guide
    What it means.

    Resolution: what to do about it.     {placeholders} take the target's own names

    Not observable: why no check executes this bullet.

and fenced ``sh`` blocks hold commands.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from markdown_it.token import Token

GUIDE = Path(__file__).with_name("guide.md")
STAGES = {
    "symptoms": "symptom",
    "diagnosis": "diagnosis",
    "resolution": "resolution",
    "prevention": "prevention",
}
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class GuideError(Exception):
    """The guide is not of the form above. One line that says where."""


class Bullet(Struct, frozen=True):
    """One step of the guide. ``stage`` is symptom, diagnosis, resolution or prevention."""

    scenario: str
    stage: str
    key: str
    text: str
    resolution: str
    commands: tuple[str, ...]
    not_observable: str

    def resolved(self, names: Mapping[str, str]) -> str:
        """The resolution with names filled in; a name that nobody knows stays readable as ``<name>``."""
        return _PLACEHOLDER.sub(lambda m: names.get(m[1]) or f"<{m[1].replace('_', '-')}>", self.resolution)

    def commands_for(self, names: Mapping[str, str]) -> tuple[str, ...]:
        """The commands that can be pasted: those whose names are all known, each quoted for a shell."""
        known = [c for c in self.commands if all(names.get(n) for n in _PLACEHOLDER.findall(c))]
        return tuple(_PLACEHOLDER.sub(lambda m: shlex.quote(names[m[1]]), c) for c in known)


class Guide(Struct, frozen=True):
    """All bullets of a guide, and the scenarios' titles."""

    titles: Mapping[str, str]
    bullets: tuple[Bullet, ...]

    def bullet(self, scenario: str, key: str) -> Bullet:
        """A bullet by scenario and key.

        Raises:
            GuideError: the guide has none.
        """
        for one in self.bullets:
            if (one.scenario, one.key) == (scenario, key):
                return one
        raise GuideError(f"the guide has no bullet {key!r} under {scenario!r}")


def load_guide(path: Path = GUIDE) -> Guide:
    """Read a guide.

    Raises:
        GuideError: it cannot be read or is not of the form above.
    """
    return parse_guide(text_of(path))


def text_of(path: Path) -> str:
    """The guide's Markdown.

    Raises:
        GuideError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise GuideError(f"guide {path} cannot be read: {e}") from None


def parse_guide(text: str) -> Guide:
    """A guide from its Markdown; see load_guide."""
    # Most runs have kept what was parsed.
    from markdown_it import MarkdownIt

    reader = _Reader()
    tokens = MarkdownIt().parse(text)
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "fence":
            reader.commands(token.content)
        elif token.type == "inline" and before is not None:
            reader.inline(before, token)
    return reader.guide()


class _Reader:
    def __init__(self) -> None:
        self._titles: dict[str, str] = {}
        self._bullets: list[Bullet] = []
        self._scenario = self._stage = self._key = ""
        self._paragraphs: list[str] = []
        self._commands: list[str] = []

    def inline(self, before: Token, token: Token) -> None:
        level = before.tag if before.type == "heading_open" else ""
        content = " ".join(token.content.split())
        if not level:
            self._paragraphs.append(content)
            return
        self._finish()
        if level == "h2":
            self._scenario, _, title = (part.strip() for part in content.partition(":"))
            self._titles[self._scenario] = title
            self._stage = ""
        elif level == "h3":
            if content.lower() not in STAGES:
                raise GuideError(f"the guide's section {content!r} under {self._scenario!r} is none of {[*STAGES]}")
            self._stage = STAGES[content.lower()]
        elif level == "h4":
            self._key = content

    def commands(self, content: str) -> None:
        self._commands.extend(_joined(content))

    def _finish(self) -> None:
        if self._key:
            said = {p.partition(":")[0]: p.partition(":")[2].strip() for p in self._paragraphs if ":" in p}
            plain = [p for p in self._paragraphs if not p.startswith(("Resolution:", "Not observable:"))]
            self._bullets.append(
                Bullet(
                    scenario=self._scenario,
                    stage=self._stage,
                    key=self._key,
                    text=" ".join(plain),
                    resolution=said.get("Resolution", ""),
                    commands=tuple(self._commands),
                    not_observable=said.get("Not observable", ""),
                )
            )
        self._key, self._paragraphs, self._commands = "", [], []

    def guide(self) -> Guide:
        self._finish()
        if not self._bullets:
            raise GuideError("the guide has no bullets (headings of level four)")
        return Guide(self._titles, tuple(self._bullets))


def _joined(block: str) -> list[str]:
    """Commands of a block, continuation lines joined and comments left out."""
    lines = block.replace("\\\n", " ").splitlines()
    return [" ".join(line.split()) for line in lines if line.strip() and not line.lstrip().startswith("#")]
