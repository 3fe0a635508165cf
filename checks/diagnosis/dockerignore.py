"""Build contexts: what is sent to the builder and should not be."""

from __future__ import annotations

from collections.abc import Mapping

from checks.diagnosis.verdict import Severity, Verdict
from fixtures.model.source import Context, Entry

_MB = 1_000_000
_SECRETS = (".env", ".pem", ".tfstate")


def judge(contexts: Mapping[str, Context], most_mb: float) -> Verdict:
    """Contexts are small, and what does not belong into an image (node_modules, venv, .git, .env) is kept out."""
    sent = [(c, e) for c in contexts.values() for e in c.heavy if e.sent]
    broken = [(c, c.problem) for c in contexts.values() if c.problem]
    large = [c for c in contexts.values() if c.sent_bytes > most_mb * _MB]
    bare = [c for c in contexts.values() if not c.ignore_file]
    observed, severity = _worst(sent, [p for _, p in broken], large, bare)
    places = [c.directory for c, _ in (*sent, *broken)] or [c.directory for c in (*large, *bare)]
    return Verdict(
        ok=not observed,
        resource=f"{places[0]}/.dockerignore" if places else "build contexts",
        name=f"{places[0]}/.dockerignore" if places else f"{len(contexts)} build contexts",
        observed=observed or "nothing needless is sent",
        expected=f"contexts below {most_mb:g} MB without node_modules, venv, .git and .env",
        evidence=tuple(
            [f"{c.directory}: {e.path} ({e.size_bytes / _MB:.1f} MB) is sent" for c, e in sent]
            + [f"{c.directory}: {c.sent_bytes / _MB:.1f} MB, largest: {_largest(c)}" for c in large]
            + [f"{c.directory}: no .dockerignore" for c in bare]
        ),
        severity=severity,
        locations=tuple(f"{c.ignore_file}:1" for c, _ in (*sent, *broken) if c.ignore_file),
        related=("build",),
        names={"context": places[0] if places else ".", "file": f"{places[0]}/.dockerignore" if places else ""},
    )


def _worst(
    sent: list[tuple[Context, Entry]], broken: list[str], large: list[Context], bare: list[Context]
) -> tuple[str, Severity | None]:
    if broken:
        return f"its patterns cannot be read: {broken[0]}", None
    if sent:
        secret = [e for _, e in sent if e.path.endswith(_SECRETS) or "/.env" in f"/{e.path}"]
        first = (secret or [e for _, e in sent])[0]
        return f"{first.path} is sent to the builder" + (", a secret" if secret else ""), None
    if large:
        return f"the context has {large[0].sent_bytes / _MB:.0f} MB", "medium"
    return ("there is no .dockerignore", "low") if bare else ("", None)


def _largest(context: Context) -> str:
    largest = sorted((f for f in context.files if f.sent), key=lambda f: -f.size_bytes)[:3]
    return ", ".join(f"{f.path} {f.size_bytes / _MB:.1f} MB" for f in largest)
