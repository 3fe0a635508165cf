"""The sample application is what a careful team would have: the checks on its source must have nothing to say."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import psycopg
import pytest

SAMPLE = Path(__file__).parent / "sample" / "ecommerce"
SERVICES = ("product-service", "order-service", "frontend")


def hadolint() -> str:
    beside_python = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    found = shutil.which("hadolint", path=beside_python)
    assert found, "hadolint is not installed; install requirements.txt"
    return found


def load(service: str) -> ModuleType:
    """A service's module, under a name of its own: both are called app.py."""
    name = service.replace("-", "_")
    spec = importlib.util.spec_from_file_location(name, SAMPLE / "services" / service / "app.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("service", SERVICES)
def test_hadolint_has_nothing_to_say(service: str) -> None:
    dockerfile = SAMPLE / "services" / service / "Dockerfile"
    said = subprocess.run([hadolint(), str(dockerfile)], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")


@pytest.mark.parametrize("service", SERVICES)
def test_image_has_what_a_good_image_has(service: str) -> None:
    directory = SAMPLE / "services" / service
    lines = (directory / "Dockerfile").read_text().splitlines()
    base = lines[0].split()
    assert base[0] == "FROM" and base[1].split(":")[1] not in ("", "latest")
    assert [line for line in lines if line.startswith("USER")] not in ([], ["USER root"], ["USER 0"])
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    assert (directory / ".dockerignore").is_file()


@pytest.mark.parametrize("service", ["product-service", "order-service"])
def test_every_python_requirement_is_pinned(service: str) -> None:
    lines = (SAMPLE / "services" / service / "requirements.txt").read_text().splitlines()
    assert len(lines) > 3
    assert [line for line in lines if "==" not in line.split("#")[0]] == []


def test_lock_file_agrees_with_package_json() -> None:
    directory = SAMPLE / "services" / "frontend"
    wanted = json.loads((directory / "package.json").read_text())["dependencies"]
    locked = json.loads((directory / "package-lock.json").read_text())["packages"]
    assert wanted == locked[""]["dependencies"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted


def test_lifecycle_policy_follows_the_rules_of_ecr() -> None:
    rules = json.loads((SAMPLE / "terraform" / "policies" / "ecr-lifecycle.json").read_text())["rules"]
    priorities = [rule["rulePriority"] for rule in rules]
    assert len(set(priorities)) == len(priorities)
    last = max(rules, key=lambda rule: rule["rulePriority"])
    assert [rule["selection"]["tagStatus"] for rule in rules if rule is not last] == ["untagged"]
    assert last["selection"] == {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10}


@pytest.mark.parametrize("service", ["product-service", "order-service"])
def test_service_stays_healthy_and_answers_503_without_its_database(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load(service)

    def refuse(**_: object) -> None:
        raise psycopg.OperationalError("connection refused")

    monkeypatch.setattr(module.psycopg, "connect", refuse)
    for name in ("HOST", "PORT", "NAME", "USER", "PASSWORD"):
        monkeypatch.setenv(f"DB_{name}", "x")
    client = module.app.test_client()
    assert client.get("/health").status_code == 200
    path = "/products/" if service == "product-service" else "/orders/"
    assert client.get(path).status_code == 503


INCOMPLETE = [{}, {"product_id": 1}, {"product_id": "1", "quantity": 1}, {"product_id": 1, "quantity": 0}]


@pytest.mark.parametrize("body", INCOMPLETE)
def test_order_service_refuses_an_incomplete_order(body: dict[str, object]) -> None:
    assert load("order-service").app.test_client().post("/orders/", json=body).status_code == 400


def test_frontend_is_valid_javascript() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed; nothing else here needs it")
    script = SAMPLE / "services" / "frontend" / "server.js"
    subprocess.run([node, "--check", str(script)], check=True, capture_output=True)
