"""docs/role: what may assume the role, and that it may do what --iam-policy says and no more."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from docs.role import make_role
from tests.harness import ROOT

ROLE = ROOT / "docs" / "role"


@pytest.fixture(scope="module")
def policy() -> str:
    """What the suite prints for the first target."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--iam-policy"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


def _terraform(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["terraform", *arguments, "-no-color"], cwd=directory, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_terraform_role_trusts_what_it_should(policy: str, tmp_path: Path) -> None:
    """Needs the terraform binary and a mirror of its AWS provider; fails without."""
    for file in ROLE.glob("*.[th]*"):
        shutil.copy(file, tmp_path)
    (tmp_path / "policy.json").write_text(policy, encoding="utf-8")

    _terraform(tmp_path, "fmt", "-check")
    _terraform(tmp_path, "init", "-input=false")
    assert "4 passed, 0 failed" in _terraform(tmp_path, "test")


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's own tags as what stands behind them."""


_Loader.add_multi_constructor("!", lambda loader, tag, node: (tag, getattr(node, "value", None)))  # type: ignore[no-untyped-call]


def test_the_template_holds_the_policy_and_no_wider_trust(policy: str) -> None:
    role = yaml.load((ROLE / "role.yaml").read_text(encoding="utf-8"), _Loader)["Resources"]["Role"]["Properties"]

    assert role["Policies"] == [{"PolicyName": "reads", "PolicyDocument": json.loads(policy)}], "run make docs"
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": ("Sub", "repo:${Repository}:${Subject}"),
        }
    }


@pytest.mark.parametrize(
    ("parameter", "fits", "fits_not"),
    [
        ("Repository", ["acme/shop"], ["acme/*", "*", "acme/shop/x", "acme", "acme/sh?p"]),
        ("Subject", ["ref:refs/heads/main", "environment:prod"], ["pull_request", "*", "ref:refs/heads/*", "ref:*"]),
    ],
)
def test_who_may_assume_it_has_no_wildcard(parameter: str, fits: list[str], fits_not: list[str]) -> None:
    pattern = yaml.load((ROLE / "role.yaml").read_text(encoding="utf-8"), _Loader)["Parameters"][parameter]

    assert all(re.fullmatch(pattern["AllowedPattern"], value) for value in fits)
    assert not any(re.fullmatch(pattern["AllowedPattern"], value) for value in fits_not)


def test_the_template_is_what_cloudformation_takes() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), ROLE / "role.yaml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_a_policy_that_no_role_takes_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = tmp_path / "long.json"
    long.write_text(json.dumps({"Statement": ["x" * 10_240]}), encoding="utf-8")

    assert make_role.main([str(long)]) == 2
    assert "a role takes 10240" in capsys.readouterr().err
    assert make_role.main([str(tmp_path / "none.json")]) == 2
