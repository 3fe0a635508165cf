from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from checks.guide import Bullet, GuideError, load_guide, parse_guide

GUIDE = load_guide()
SCENARIOS = ("ecs", "database", "alb", "latency", "docker", "terraform", "cost")
ROOT = Path(__file__).resolve().parents[2]
SUPPLIERS = [*ROOT.glob("checks/diagnosis/*.py"), ROOT / "fixtures/model/database.py", ROOT / "reports/judgement.py"]
# What the target and the verdicts fill in; any other placeholder would stay open at 3 a.m.
NAMES = {name for p in SUPPLIERS for name in re.findall(r'"([a-z_]+)"(?:\]| if .*)?(?::| =)', p.read_text())}
NAMES |= {"stopped_instance", "stopped_cluster"}


def named(bullet: Bullet) -> str:
    return f"{bullet.scenario}-{bullet.key}"


def test_every_scenario_has_all_four_sections() -> None:
    stages = {s: {b.stage for b in GUIDE.bullets if b.scenario == s} for s in SCENARIOS}

    assert tuple(GUIDE.titles) == SCENARIOS
    assert stages == {s: {"symptom", "diagnosis", "resolution", "prevention"} for s in SCENARIOS}


@pytest.mark.parametrize("bullet", GUIDE.bullets, ids=named)
def test_each_bullet_says_what_to_do(bullet: Bullet) -> None:
    assert bullet.resolution or bullet.not_observable, "no resolution"
    assert bullet.text or bullet.stage == "resolution"
    assert "to be written" not in bullet.text


@pytest.mark.parametrize("bullet", GUIDE.bullets, ids=named)
def test_each_command_can_be_pasted(bullet: Bullet) -> None:
    assert bool(bullet.commands_for(dict.fromkeys(NAMES, "x"))) == bool(bullet.commands)
    for command in bullet.commands_for(dict.fromkeys(NAMES, "it's; rm -rf /")):
        assert shlex.split(command)


@pytest.mark.parametrize("bullet", GUIDE.bullets, ids=named)
def test_placeholders_can_be_filled(bullet: Bullet) -> None:
    used = set(re.findall(r"\{([a-z_]+)\}", bullet.resolution + " ".join(bullet.commands)))

    assert used <= NAMES


def test_names_are_filled_in_and_quoted() -> None:
    text = "## ecs: t\n\n### Diagnosis\n\n#### k\n\nText.\n\nResolution: do {service}.\n\n```sh\naws {service} {task}\n```\n"
    bullet = parse_guide(text).bullet("ecs", "k")

    assert bullet.resolved({"service": "web"}) == "do web."
    assert bullet.commands_for({"service": "a b; rm -rf /", "task": "1"}) == ("aws 'a b; rm -rf /' 1",)


def test_a_command_that_cannot_be_filled_in_is_left_out() -> None:
    text = "## ecs: t\n\n### Diagnosis\n\n#### k\n\n```sh\naws {service}\naws {task}\n```\n"

    assert parse_guide(text).bullet("ecs", "k").commands_for({"service": "web"}) == ("aws web",)


def test_long_commands_may_be_broken_and_commented() -> None:
    text = "## ecs: t\n\n### Diagnosis\n\n#### k\n\n```sh\n# why\naws x \\\n  y\n\naws z\n```\n"

    assert parse_guide(text).bullet("ecs", "k").commands == ("aws x y", "aws z")


@pytest.mark.parametrize("text", ["", "# nothing\n", "## ecs: t\n\n### Remarks\n\n#### k\n"])
def test_what_is_no_guide_is_refused(text: str) -> None:
    with pytest.raises(GuideError):
        parse_guide(text)
