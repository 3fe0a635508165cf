"""Canaries: secret values put wherever a target keeps some must appear nowhere in what a run says, writes or leaves."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest

from fixtures.sandbox.server import SANDBOX_ENVIRONMENT, Host, World
from tests.harness import ROOT, WITHOUT_TERRAFORM

CANARIES = {
    "secret": "Kanarie/Secret+7fQ2&x",
    "secret-json-leaf": "Kanarie-Leaf-m3Zt9",
    "state": "Kanarie-State-a8Wq1",
    "output": "Kanarie-Output-d5Rn4",
    "log-url": "Kanarie-Url-p6Hv3",
    "log-pair": "Kanarie-Pair-k1Ys8",
    "log-json": "Kanarie-Json-e4Bb6",
    "log-bearer": "Kanarie-Bearer-u2Lc7Xw5",
    "log-basic": "S2FuYXJpZTpCYXNpYy1vOVR2",
    "log-key": "AKIAKANARIEKANARIE77",
    "log-secret-key": "KanarieAwsSecretKey0123456789abcdefghijk",
    "source": "Kanarie-Source-g7Mj2",
    "row": "Kanarie-Row-z5Kd9",
    # The value of the sandbox's own fault.
    "environment": "pk_live_9f8e7d6c5b4a3210",
}
_RUN = """
import datetime as dt, json, sys
import pytest
from fixtures.run import Embedded
given = json.loads(sys.argv[1])
embedded = Embedded(given["endpoint"], dt.datetime.fromisoformat(given["now"]), *given["rest"])
sys.exit(pytest.main(sys.argv[2:], plugins=[embedded]))
"""
_CRASH = '''
"""A check that crashes with facts in its locals. PYTEST_DONT_REWRITE"""
import os

import pytest

@pytest.mark.severity("high")
@pytest.mark.guide("ecs", "service events")
def check_crashes(service, task_definition, error_lines=None):
    """It crashes."""
    everything = [service, task_definition]
    raise RuntimeError(f"{everything!r}")

@pytest.mark.severity("high")
@pytest.mark.guide("ecs", "service events")
def check_kills_its_worker(target, cluster):
    """Its process ends at once."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        os.abort()
'''


def _client(world: World, service: str) -> Any:
    keys = {k.lower(): v for k, v in SANDBOX_ENVIRONMENT.items() if k in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    return boto3.client(service, endpoint_url=world.endpoint_url, region_name="us-east-1", **keys)


def _lines() -> list[str]:
    c = CANARIES
    return [
        f"ERROR could not connect: postgresql://app:{c['log-url']}@db.example:5432/shop timeout",
        f"ERROR FATAL: password authentication failed for user app password={c['log-pair']}",
        json.dumps({"level": "error", "msg": "ECONNREFUSED", "db": {"password": c["log-json"], "host": "db"}}),
        f"ERROR 401 Unauthorized Authorization: Bearer {c['log-bearer']}",
        f"ERROR 401 Unauthorized Authorization: Basic {c['log-basic']}",
        f"ERROR AccessDenied aws_access_key_id={c['log-key']} aws_secret_access_key={c['log-secret-key']}",
    ]


def _put(world: World) -> None:
    """Put the canaries into the world."""
    secrets = _client(world, "secretsmanager")
    name = secrets.list_secrets()["SecretList"][0]["ARN"]
    value = {"username": "ecommerce_admin", "password": CANARIES["secret"], "token": CANARIES["secret-json-leaf"]}
    secrets.put_secret_value(SecretId=name, SecretString=json.dumps(value))
    logs = _client(world, "logs")
    for group in logs.describe_log_groups()["logGroups"]:
        if group["logGroupName"].startswith("/ecs/"):
            _write(logs, group["logGroupName"], int(world.now.timestamp() * 1000) - 60_000, _lines())
    # What people keep in the database shows in the statements that it logs.
    slow = f"LOG:  duration: 4002.1 ms  statement: insert into customers values (7, '{CANARIES['row']}')"
    _write(logs, "/aws/rds/instance/ecommerce-dev-db/postgresql", int(world.now.timestamp() * 1000) - 60_000, [slow])
    s3 = _client(world, "s3")
    for bucket in s3.list_buckets()["Buckets"]:
        found = s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", [])
        for key in (o["Key"] for o in found if o["Key"].endswith(".tfstate")):
            _into_state(s3, bucket["Name"], key)
    code = Path(world.source) / "terraform" / "canary.tf"
    text = f'variable "canary" {{\n  default   = "{CANARIES["source"]}"\n  sensitive = true\n}}\n'
    code.write_text(text + f'locals {{ db_password = "{CANARIES["source"]}" }}\n', encoding="utf-8")


def _write(logs: Any, group: str, at_ms: int, lines: list[str]) -> None:
    stream = logs.describe_log_streams(logGroupName=group)["logStreams"][0]["logStreamName"]
    events = [{"timestamp": at_ms + n, "message": line} for n, line in enumerate(lines)]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def _into_state(s3: Any, bucket: str, key: str) -> None:
    state = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    state.setdefault("outputs", {})["dsn"] = {"value": CANARIES["output"], "type": "string", "sensitive": True}
    attributes = {"id": "x", "password": CANARIES["state"], "db_password": CANARIES["state"]}
    state.setdefault("resources", []).append(
        {
            "mode": "managed",
            "type": "aws_db_instance",
            "name": "canary",
            "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
            "instances": [{"schema_version": 0, "attributes": attributes}],
        }
    )
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(state).encode())


def forms(value: str) -> dict[str, bytes]:
    """How a value may be written: as it is, and encoded."""
    raw = value.encode()
    return {
        "plain": raw,
        "url": quote(value, safe="").encode(),
        "json": json.dumps(value)[1:-1].encode(),
        "json/": value.replace("/", "\\/").encode(),
        "html": value.replace("&", "&amp;").encode(),
        # Of every alignment in a longer text; the ends depend on the neighbours.
        **{f"base64+{n}": base64.b64encode(b"_" * n + raw)[4 if n else 0 : -4] for n in range(3)},
    }


def leaks(texts: dict[str, bytes]) -> list[str]:
    """Which canary is where, in which form."""
    return sorted(
        {
            f"{name} ({form}) in {where}: …{text[max(0, at - 60) : at + 60]!r}"
            for where, text in texts.items()
            for name, value in CANARIES.items()
            for form, written in forms(value).items()
            if (at := text.find(written)) >= 0
        }
    )


def _watch(process: subprocess.Popen[bytes], directory: Path) -> dict[str, bytes]:
    """What lies below a directory when a process ends, and below its tmp at any time, removed files included."""
    seen: dict[str, bytes] = {}
    times: dict[Path, int] = {}
    while process.poll() is None:
        _look(directory, directory / "tmp", seen, times)
        time.sleep(0.2)
    _look(directory, directory, seen, times)
    return seen


def _look(directory: Path, below: Path, seen: dict[str, bytes], times: dict[Path, int]) -> None:
    for path in below.rglob("*"):
        # A file may be gone before it is read.
        with contextlib.suppress(OSError):
            _keep(path, str(path.relative_to(directory)), seen, times)


def _keep(path: Path, name: str, seen: dict[str, bytes], times: dict[Path, int]) -> None:
    changed = path.stat().st_mtime_ns
    if path.is_file() and path.suffix != ".pyc" and times.get(path) != changed:
        seen[name] = path.read_bytes()
        times[path] = changed


def _with_core_files() -> None:
    """As on a machine that writes them; the suite itself must not."""
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


# --debug tells of everything that fixtures return, for which checks have to get it from fixtures.
@pytest.mark.parametrize("more", [("--debug",), (), ("-n", "2")], ids=["debugged", "one process", "two workers"])
def test_no_secret_leaves(host: Host, tmp_path: Path, more: tuple[str, ...]) -> None:
    here, checks = tmp_path / "run", tmp_path / "extra"
    (here / "tmp").mkdir(parents=True)
    checks.mkdir()
    (checks / "check_crash.py").write_text(_CRASH, encoding="utf-8")
    with host.fork(["secret-in-plain-text", "crash-loop"]) as world:
        _put(world)
        rest = [world.source, world.github_url, world.database_address]
        given = json.dumps({"endpoint": world.endpoint_url, "now": world.now.isoformat(), "rest": rest})
        arguments = [
            "--sandbox",
            "-c",
            str(ROOT / "pytest.ini"),
            "-vv",
            "-l",
            "--showlocals",
            *more,
            "--full-trace",
        ]
        arguments += [
            "-rA",
            "--history",
            str(here / "history.jsonl"),
            "--out",
            str(here / "out"),
            "-k",
            WITHOUT_TERRAFORM,
        ]
        arguments += ["--junit-xml", str(here / "junit.xml"), str(ROOT / "checks"), str(checks)]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        process = subprocess.Popen(
            [sys.executable, "-c", _RUN, given, *arguments],
            cwd=here,
            preexec_fn=_with_core_files,
            # Not as a worker of whoever runs this test.
            env={**kept, "TMPDIR": str(here / "tmp"), "PYTHONPATH": str(ROOT), "EXECNET_DEBUG": "1"},
            stdout=(here / "stdout").open("wb"),
            stderr=(here / "stderr").open("wb"),
        )
        seen = _watch(process, here)

    assert process.returncode == 1, seen["stdout"][-2000:] + seen["stderr"][-2000:]
    assert b"check_crashes" in seen["stdout"]
    assert b"PAYMENT_API_TOKEN" in seen["stdout"], "the plain-text secret is a finding that says its name"
    if more:
        # The lines with canaries did reach the run.
        assert any(b"postgresql://app:***@" in text and b"Bearer ***" in text for text in seen.values())
        assert any(b"insert into customers values (7, '***')" in text for text in seen.values())
    assert "-n" not in more or b"crashed" in seen["stdout"]
    assert [name for name in seen if Path(name).name.startswith("core")] == []
    assert leaks(seen) == []


def test_the_search_finds_every_form() -> None:
    for name, value in CANARIES.items():
        for text in (
            value,
            json.dumps({"x": value}),
            base64.b64encode(f"a:{value}".encode()).decode(),
            quote(value, safe=""),
        ):
            assert any(found.startswith(name) for found in leaks({"x": text.encode()})), (name, text)
