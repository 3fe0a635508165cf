"""Runs the shell steps of a composite action as GitHub's runner does, and takes down what it asks of other actions."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
# What `venv` and `pip` would do takes a minute and a network: this Python keeps their command lines instead.
_PYTHON = """#!/bin/bash
case "$1 $2" in
  '-m venv') mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
  '-m pip') printf '%s\\n' "$*" >> {log} ;;
  *) exec {real} "$@" ;;
esac
"""


@dataclass
class Job:
    """What a job that used the action would show."""

    exit_codes: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    uploads: list[dict[str, str]] = field(default_factory=list)
    log: str = ""
    summary: str = ""
    installed: str = ""

    @property
    def green(self) -> bool:
        """Whether every step that ran succeeded."""
        return not any(self.exit_codes.values())


class Runner:
    """One job, in directories below ``home``."""

    def __init__(self, home: Path, inputs: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self.action: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
        declared = self.action["inputs"]
        assert not set(inputs) - set(declared), "GitHub only warns of inputs that an action does not have"
        self.context = {f"inputs.{k}": str(inputs.get(k, v.get("default", ""))) for k, v in declared.items()}
        self.context["runner.temp"] = str(home / "temp")
        self.home, self.job = home, Job()
        self.environment = self._environment(environment)

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "GITHUB_", "PYTEST_", "INPUT_"))}
        for name in ("temp", "workspace"):
            (self.home / name).mkdir(exist_ok=True)
        return kept | {
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
            "AWS_CONFIG_FILE": "/nonexistent",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": f"{ROOT}/./",  # so for `uses: ./`
            "GITHUB_OUTPUT": str(self.home / "output"),
            "GITHUB_STEP_SUMMARY": str(self.home / "summary"),
            "GITHUB_WORKSPACE": str(self.home / "workspace"),
            "RUNNER_TEMP": str(self.home / "temp"),
            **more,
        }

    def run(self) -> Job:
        """All steps, in order."""
        for step in self.action["runs"]["steps"]:
            if self._wanted(step.get("if", "success()")):
                self._step(step)
        texts = {k: v["value"] for k, v in self.action["outputs"].items()}
        self.job.outputs = {k: self.resolved(v) for k, v in texts.items()}
        self.job.summary = self._text("summary")
        self.job.installed = self._text("pip.log")
        return self.job

    def _step(self, step: dict[str, Any]) -> None:
        name = step.get("id") or step["name"]
        if "run" in step:
            self.job.exit_codes[name] = self._shell(step)
            outputs = dict(line.partition("=")[::2] for line in self._text("output").splitlines())
        else:
            outputs = self._other(step["uses"], {k: self.resolved(str(v)) for k, v in step.get("with", {}).items()})
        self.context |= {f"steps.{name}.outputs.{k}": v for k, v in outputs.items()}

    def _shell(self, step: dict[str, Any]) -> int:
        assert step["shell"] == "bash", "a composite action's step must name its shell"
        script = self.home / "step.sh"
        script.write_text(step["run"])
        (self.home / "output").write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.home / "workspace",
            env=self.environment | {k: self.resolved(str(v)) for k, v in step.get("env", {}).items()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        self.job.log += done.stdout
        return done.returncode

    def _other(self, uses: str, given: dict[str, str]) -> dict[str, str]:
        if uses.startswith("actions/upload-artifact@"):
            self.job.uploads.append(given)
            return {}
        assert uses.startswith("actions/setup-python@"), uses
        python = self.home / "python"
        log, real = shlex.quote(str(self.home / "pip.log")), shlex.quote(sys.executable)
        python.write_text(_PYTHON.format(log=log, real=real))
        python.chmod(0o755)
        return {"python-path": str(python)}

    def _text(self, name: str) -> str:
        path = self.home / name
        return path.read_text() if path.exists() else ""

    # -- expressions: names, literals, ||, && and !=, which is all that the action uses ------------------------------

    def resolved(self, text: str) -> str:
        """Text with its ``${{ … }}`` replaced."""
        return re.sub(r"\$\{\{(.*?)\}\}", lambda m: self._value(m[1]), text)

    def _value(self, expression: str) -> str:
        values = (self._atom(part) for part in expression.split("||"))
        return next((v for v in values if v), "")

    def _atom(self, text: str) -> str:
        text = text.strip()
        if text.startswith("'"):
            return text.strip("'")
        assert re.fullmatch(r"(inputs|runner|steps)\.[\w.-]+", text), text
        assert text.startswith("steps.") or text in self.context, f"{text} is not known to GitHub"
        return self.context.get(text, "")

    def _wanted(self, condition: str) -> bool:
        asked = [part.strip() for part in condition.split("&&")]
        states = {"always()", "success()"}
        states_said = [a for a in asked if a in states] or ["success()"]
        compared = (part.partition("!=") for part in asked if part not in states)
        right = all(self._atom(one) != self._atom(other) for one, _, other in compared)
        return right and (self.job.green or "always()" in states_said)
