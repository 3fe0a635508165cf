"""GitHub Actions: a job summary in Markdown and annotations."""

from __future__ import annotations

from pathlib import Path

from reports.finding import Results


def write(results: Results, out: Path) -> None:
    """Write summary.md."""
    lines = [f"- **{f.outcome}** {f.check}: {f.summary}" for f in results.of("failed", "unverified", "advisory")]
    (out / "summary.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
