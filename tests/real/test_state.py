"""Terraform's own locks in S3 and DynamoDB, held by a real apply, left behind by one that was killed."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from checks.diagnosis import state_lock, terraform_errors
from fixtures.aws import Aws, Connection
from fixtures.errors import NotApplicable
from fixtures.gather import Gatherer, Options, closure, operations
from fixtures.run import load_facts
from fixtures.target import target_from
from tests.real import apply

pytestmark = pytest.mark.real

BUCKET, KEY, TABLE = "shop-state", "dev/terraform.tfstate", "shop-locks"
# terraform_data is built into terraform: no provider is needed to apply it.
CODE = """\
terraform {{
  backend "s3" {{
    bucket = "{bucket}"
    key    = "{key}"
    region = "us-east-1"
    {lock}
  }}
}}

variable "pause_s" {{
  default = 0
}}

resource "terraform_data" "first" {{
  input = "one"
}}

resource "terraform_data" "second" {{
  input            = var.pause_s
  triggers_replace = var.pause_s

  provisioner "local-exec" {{
    command = "touch started; sleep ${{self.input}}"
  }}
}}
"""
LOCKS = {"lockfile": "use_lockfile = true", "dynamodb": f'dynamodb_table = "{TABLE}"'}


@dataclass
class Place:
    """A repository with a state in a moto server."""

    root: Path
    environment: dict[str, str]
    endpoint_url: str

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        return boto3.client(service, endpoint_url=self.endpoint_url, region_name="us-east-1", **keys)

    def terraform(self, *arguments: str, timeout_s: int = 60) -> subprocess.CompletedProcess[str]:
        return apply.run_terraform(arguments, self.root / "terraform", self.environment, timeout_s)

    def gatherer(self, later: dt.timedelta = dt.timedelta(0)) -> tuple[Gatherer, dt.datetime]:
        """Gathers as of now, or as of later, when a lock is older."""
        load_facts()
        now = dt.datetime.now(dt.UTC) + later
        wanted = ("state_locks", "state_digest", "terraform_plan_run", "state_bucket", "state_lock_table")
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        connection = Connection(region="us-east-1", endpoint_url=self.endpoint_url, credentials=keys)
        aws = Aws(connection, operations(closure(wanted)))
        target = target_from({"name": "shop", "cluster": "c", "services": ["a"]})
        return Gatherer(aws, target, now, Options(source=str(self.root))), now

    def judged_lock(self, later: dt.timedelta = dt.timedelta(0)) -> Any:
        gatherer, now = self.gatherer(later)
        try:
            return state_lock.is_free(gatherer.get("state_locks"), "terraform", now, 60)
        finally:
            gatherer.close()

    def contents(self) -> dict[str, Any]:
        """Everything that terraform keeps: versions of objects, and items."""
        versions = self.client("s3").list_object_versions(Bucket=BUCKET)
        items = self.client("dynamodb").scan(TableName=TABLE)["Items"]
        return {"versions": [(v["Key"], v["VersionId"]) for v in versions.get("Versions", ())], "items": items}


@pytest.fixture(params=sorted(LOCKS))
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    server, endpoint_url = apply.start_server()
    try:
        settings = apply.world_settings(endpoint_url, tmp_path)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))} | settings
        if "TF_CLI_CONFIG_FILE" in environment:
            monkeypatch.setenv("TF_CLI_CONFIG_FILE", environment["TF_CLI_CONFIG_FILE"])
        made = Place(tmp_path / "shop", environment, endpoint_url)
        folder = made.root / "terraform"
        folder.mkdir(parents=True)
        code = CODE.format(bucket=BUCKET, key=KEY, lock=LOCKS[request.param])
        (folder / "main.tf").write_text(code, encoding="utf-8")
        made.client("s3").create_bucket(Bucket=BUCKET)
        made.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        made.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for command in (("init", "-input=false"), ("apply", "-auto-approve", "-input=false")):
            done = made.terraform(*command, "-no-color")
            assert done.returncode == 0, done.stderr
        (folder / "started").unlink()
        yield made
    finally:
        assert server.stdin is not None
        server.stdin.close()
        server.wait(5)


@contextlib.contextmanager
def paused_apply(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """A real apply that holds the lock while it sleeps; killed as by a pipeline that is cancelled hard."""
    folder = place.root / "terraform"
    process = subprocess.Popen(
        ["terraform", "apply", "-auto-approve", "-input=false", "-no-color", "-var=pause_s=120"],
        cwd=folder,
        env=place.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not (folder / "started").exists():
            assert time.monotonic() < deadline, "the apply did not begin"
            assert process.poll() is None, "the apply ended"
            time.sleep(0.1)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_lock_is_seen_while_it_is_held_and_after_its_holder_was_killed(place: Place) -> None:
    assert place.judged_lock().ok, "an apply that ended has given its lock back"
    with paused_apply(place):
        held = place.judged_lock()
        before = place.contents()
        gatherer, _ = place.gatherer()
        # The suite plans while somebody else holds the lock, and neither waits, nor writes, nor unlocks.
        run = gatherer.get("terraform_plan_run")
        gatherer.close()
        assert run.plan is not None, run.errors
        assert place.contents() == before

    assert (held.ok, held.severity) == (False, "low")
    assert f"@{os.uname().nodename} holds the lock for apply" in held.observed
    assert not held.names.get("lock_id")

    stale = place.judged_lock(later=dt.timedelta(hours=9))
    assert (stale.ok, stale.severity) == (False, None)
    assert "9 h" in stale.observed
    refused = place.terraform("plan", "-input=false", "-no-color")
    (error,) = terraform_errors.errors_in(refused.stderr)
    assert terraform_errors.classify(error).name == "state lock"

    # What the documented resolution unlocks.
    done = place.terraform("force-unlock", "-force", stale.names["lock_id"])
    assert done.returncode == 0, done.stderr
    assert place.judged_lock(later=dt.timedelta(hours=9)).ok


def test_plan_leaves_no_trace(place: Place) -> None:
    before = place.contents()
    files = sorted(p.relative_to(place.root) for p in place.root.rglob("*"))
    gatherer, _ = place.gatherer()
    run = gatherer.get("terraform_plan_run")
    gatherer.close()

    assert run.plan is not None
    assert (run.plan.in_state, run.plan.changes, run.plan.drift) == (2, (), ())
    assert place.contents() == before
    assert sorted(p.relative_to(place.root) for p in place.root.rglob("*")) == files


def test_state_that_was_overwritten_fails_the_plan(place: Place) -> None:
    s3 = place.client("s3")
    body = s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=body.replace(b'"one"', b'"two"'), ServerSideEncryption="AES256")
    gatherer, _ = place.gatherer()
    try:
        digest = gatherer.get("state_digest")
    except NotApplicable:
        # With a lock file terraform keeps no checksum, and notices nothing.
        assert "use_lockfile" in (place.root / "terraform" / "main.tf").read_text(encoding="utf-8")
        return
    finally:
        run = gatherer.get("terraform_plan_run")
        gatherer.close()
    assert not state_lock.matches_digest(digest, "terraform").ok
    verdict = terraform_errors.plan_succeeds(run)
    assert not verdict.ok
    assert "the state in S3 is not the one" in verdict.likely_cause
