"""Build contexts: whether what is copied gets through, and whether what is needless stays out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from checks.diagnosis.places import Problem, over_files
from checks.diagnosis.verdict import Severity, Verdict
from fixtures.model.source import Context, CopiedSource, Entry

_MB = 1_000_000
# Directories that make a context slow; what else does not belong into it is a risk rather than a fault.
_SLOW = ("node_modules", "venv", ".venv", "env", ".terraform", "__pypackages__")


def copied(sources: Mapping[str, Sequence[CopiedSource]], contexts: Mapping[str, Context]) -> Verdict:
    """Everything that Dockerfiles take from their context is there, and .dockerignore lets it through."""
    wrong = [
        Problem(path, s.line, said)
        for path, taken in sources.items()
        for s in taken
        if (said := _missing(s, contexts[path]))
    ]
    first = contexts[wrong[0].path].directory if wrong else ""
    return over_files(
        wrong,
        subject=f"what {len(sources)} Dockerfiles copy",
        fine="all of it is sent",
        expected="sources that exist and are sent to the builder",
        names={"context": first} if first else None,
    )


def _missing(source: CopiedSource, context: Context) -> str:
    what = f"{source.instruction} {source.source}"
    if source.outside:
        return f"{what} lies outside the build context {context.directory}"
    if not source.present and not source.made_later:
        return f"{what} is not in the build context {context.directory}"
    return "" if source.sent else f"{what} is kept out by {context.ignore_file}"


def judge(contexts: Sequence[Context], most_mb: float) -> Verdict:
    """Contexts are small, and what does not belong into an image is kept out of them.

    Args:
        most_mb: size from which a context is too large, in megabytes (10⁶ bytes).
    """
    wrong = [p for c in contexts for p in _problems(c, most_mb)]
    unique = list({(p.path, p.words): p for p in wrong}.values())
    place = next((c for c in contexts if _problems(c, most_mb)), None)
    return over_files(
        unique,
        subject=f"{len(contexts)} build contexts",
        fine="nothing needless is sent",
        expected=f"contexts below {most_mb:g} MB without node_modules, virtual environments, .git and secrets",
        names={"context": place.directory} if place else None,
    )


def _problems(context: Context, most_mb: float) -> list[Problem]:
    where = context.ignore_file or f"{_below(context.directory)}.dockerignore"
    if context.problem:
        return [Problem(where, 0, f"its patterns cannot be read: {context.problem}")]
    found = [Problem(where, 0, _sent(e), _severity(e)) for e in context.misplaced]
    if context.sent_bytes > most_mb * _MB:
        found.append(Problem(where, 0, _too_large(context), "medium"))
    found += [Problem(where, 0, f"{name} would be sent as soon as it is there", "low") for name in context.unguarded]
    if not context.ignore_file:
        found.append(Problem(where, 0, "there is no .dockerignore", "low"))
    return found


def _below(directory: str) -> str:
    return "" if directory == "." else f"{directory}/"


def _severity(entry: Entry) -> Severity | None:
    return None if entry.path.rpartition("/")[2] in _SLOW else "medium"


def _sent(entry: Entry) -> str:
    return f"{entry.path} ({_size(entry.size_bytes)}) is sent to the builder"


def _too_large(context: Context) -> str:
    largest = ", ".join(f"{e.path} {_size(e.size_bytes)}" for e in context.largest[:5])
    least = "at least " if context.truncated else ""
    return f"{least}{_size(context.sent_bytes)} in {context.sent_files} files are sent; largest: {largest}"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / _MB:.1f} MB" if size_bytes >= _MB / 10 else f"{size_bytes / 1000:.1f} kB"
