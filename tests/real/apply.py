"""Applies the sample application's Terraform to a moto server, with the real terraform binary and AWS provider.

The provider waits as it does on AWS: a minute before it first asks whether the database is up and twenty seconds
until it believes it. So an apply takes about a minute and a half, nearly all of it asleep; let it run beside
other tests (``python -m tests.real.apply DIRECTORY --owner PID``, see conftest.py) rather than in front of them.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from fixtures.whole_files import written_whole

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "sample" / "ecommerce"
REGION = "us-east-1"
STATE_BUCKET = "ecommerce-dev-terraform-state"
INIT_TIMEOUT_S = 180
APPLY_TIMEOUT_S = 300

# The sample's own S3 backend, moved to the moto server. Its lock and its state are then what they are on AWS.
BACKEND_OVERRIDE = """\
terraform {{
  backend "s3" {{
    bucket                      = "{bucket}"
    key                         = "ecommerce/dev/terraform.tfstate"
    region                      = "{region}"
    encrypt                     = true
    use_lockfile                = true
    use_path_style              = true
    skip_credentials_validation = true
    skip_metadata_api_check     = true
    endpoints = {{
      s3  = "{endpoint_url}"
      sts = "{endpoint_url}"
    }}
  }}
}}
"""


class ApplyError(Exception):
    """The sample could not be applied; one line that says what to change."""


@dataclass
class AppliedWorld:
    """An AWS account, as far as moto has one, in which terraform has built the sample application.

    ``workdir`` is the application's repository as it was applied; terraform's working directory is below it.
    ``settings`` are the environment variables that lead a process to this account.
    """

    endpoint_url: str
    workdir: Path
    settings: dict[str, str]
    apply_s: float = 0.0
    server: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """What a process that works in this account gets: nothing of the caller's own AWS and Terraform setup."""
        return {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))} | self.settings

    def client(self, service: str) -> Any:
        """A boto3 client of this account."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def terraform(
        self, *arguments: str, timeout_s: int = 120, extra: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run terraform in the applied directory and return what it said; the exit code is the caller's to judge."""
        return run_terraform(arguments, self.workdir / "terraform", self.environment | (extra or {}), timeout_s)

    def settle(self) -> None:
        """Let happen what AWS would do by itself after the apply: tasks, targets, logs, metrics (settle.py).

        Raises:
            ApplyError: it could not; one line.
        """
        assert self.server and self.server.stdin and self.server.stdout, "only who applied a world settles it"
        self.server.stdin.write("settle\n")
        self.server.stdin.flush()
        answer = json.loads(self.server.stdout.readline() or '{"error": "the moto server has ended"}')
        if "error" in answer:
            raise ApplyError(f"the applied world could not be settled: {answer['error']}")

    def close(self) -> None:
        """End the server, and the account with it."""
        if self.server is None:
            return
        if self.server.stdin:
            self.server.stdin.close()
        try:
            self.server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()
        self.server = None

    def save(self, file: Path) -> None:
        """Leave this world's address where another process finds it, whole or not at all."""
        known = {"endpoint_url": self.endpoint_url, "workdir": str(self.workdir), "apply_s": self.apply_s}
        with written_whole(file) as fresh:
            fresh.write_text(json.dumps(known | {"settings": self.settings}), encoding="utf-8")

    @classmethod
    def load(cls, file: Path) -> AppliedWorld:
        """The world that another process saved; closing it is left to that process."""
        known = json.loads(file.read_text(encoding="utf-8"))
        return cls(known["endpoint_url"], Path(known["workdir"]), known["settings"], known["apply_s"])


def apply_sample(workdir: Path) -> AppliedWorld:
    """Apply a copy of the sample below ``workdir`` to a new moto server.

    Raises:
        ApplyError: terraform is missing, failed or took too long; one line.
    """
    if shutil.which("terraform") is None:
        raise ApplyError("terraform is not on the PATH; install Terraform 1.11 or newer to run the tests marked 'real'")
    workdir.mkdir(parents=True, exist_ok=True)
    repository = workdir / "ecommerce"
    shutil.copytree(SAMPLE, repository, ignore=shutil.ignore_patterns(".terraform", "__pycache__"))
    server, endpoint_url = start_server()
    world = AppliedWorld(endpoint_url, repository, world_settings(endpoint_url, workdir), server=server)
    try:
        _make_state_bucket(world)
        override = BACKEND_OVERRIDE.format(bucket=STATE_BUCKET, region=REGION, endpoint_url=endpoint_url)
        (repository / "terraform" / "backend_override.tf").write_text(override, encoding="utf-8")
        _demand(world.terraform("init", "-input=false", "-no-color", timeout_s=INIT_TIMEOUT_S), "init")
        started = time.monotonic()
        # Made for this run and gone with it: neither the state nor a file ever holds it.
        password = {"TF_VAR_db_password": secrets.token_urlsafe(24)}
        command = ("apply", "-auto-approve", "-input=false", "-no-color", "-parallelism=20")
        _demand(world.terraform(*command, timeout_s=APPLY_TIMEOUT_S, extra=password), "apply")
        world.apply_s = time.monotonic() - started
    except BaseException:
        world.close()
        raise
    return world


def start_server() -> tuple[subprocess.Popen[str], str]:
    """A moto server in a new process, and its address."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.real.serve"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert server.stdout is not None
    line = server.stdout.readline()
    if not line:
        raise ApplyError("the moto server did not start; run 'python -m tests.real.serve' to see why")
    return server, json.loads(line)["endpoint_url"]


def world_settings(endpoint_url: str, workdir: Path) -> dict[str, str]:
    """The environment variables that lead boto3 and terraform to ``endpoint_url``."""
    settings = {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_VAR_alert_email": "oncall@example.com",
        # A plan sends no password while its version stays, so any value will do.
        "TF_VAR_db_password": "any-value-will-do-for-a-plan",
    }
    cli_config = provider_mirror(workdir)
    return settings | ({"TF_CLI_CONFIG_FILE": str(cli_config)} if cli_config else {})


def provider_mirror(workdir: Path) -> Path | None:
    """Terraform's CLI configuration for an unpacked provider mirror on this machine; None: the registry provides them."""
    given = os.environ.get("TF_CLI_CONFIG_FILE")
    if given and Path(given).is_file():
        return Path(given)
    mirror = next(_mirrors(), None)
    if mirror is None:
        return None
    config = workdir / "cli.tfrc"
    config.write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n'
        '  direct {\n    exclude = ["hashicorp/aws"]\n  }\n}\n',
        encoding="utf-8",
    )
    return config


def _mirrors() -> Iterator[Path]:
    """Directories near the file system's root that are laid out as Terraform's filesystem mirrors are."""
    found = (p for depth in range(1, 4) for p in Path("/").glob("*/" * depth + "registry.terraform.io/hashicorp/aws"))
    return (p.parents[2] for p in found if p.parts[1] not in ("proc", "sys") and ".terraform" not in p.parts)


def run_terraform(
    arguments: tuple[str, ...], directory: Path, environment: dict[str, str], timeout_s: int
) -> subprocess.CompletedProcess[str]:
    """Run terraform without standard input; past the time-out it and its provider processes are killed."""
    process = subprocess.Popen(
        ["terraform", *arguments],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=timeout_s)
    except BaseException as e:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if isinstance(e, subprocess.TimeoutExpired):
            raise ApplyError(f"terraform {arguments[0]} did not end within {timeout_s} s") from None
        raise
    return subprocess.CompletedProcess(["terraform", *arguments], process.returncode, out, err)


def _make_state_bucket(world: AppliedWorld) -> None:
    s3 = world.client("s3")
    s3.create_bucket(Bucket=STATE_BUCKET)
    s3.put_bucket_versioning(Bucket=STATE_BUCKET, VersioningConfiguration={"Status": "Enabled"})
    # AWS encrypts every new bucket by itself.
    default = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    s3.put_bucket_encryption(Bucket=STATE_BUCKET, ServerSideEncryptionConfiguration=default)


def _demand(result: subprocess.CompletedProcess[str], what: str) -> None:
    if result.returncode == 0:
        return
    lines = [line.strip("│╷╵ ") for line in result.stderr.splitlines()]
    text = " ".join(line for line in lines if line)
    raise ApplyError(f"terraform {what} failed: {text[:2000] or 'it said nothing'}")


def _wait_for_the_end_of(pid: int) -> None:
    """Return when that process has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([handle], [], [])
    finally:
        os.close(handle)


def main() -> None:
    """Apply in the background: leave world.json or error.txt in the directory, and end with the owner."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--owner", type=int, required=True, help="process whose end ends the world")
    options = parser.parse_args()
    try:
        _apply_and_tell(options.directory, options.owner)
    finally:
        shutil.rmtree(options.directory, ignore_errors=True)


def _apply_and_tell(directory: Path, owner: int) -> None:
    world = None
    try:
        world = apply_sample(directory)
        world.settle()
        world.save(directory / "world.json")
    except Exception as e:
        (directory / "error.txt").write_text(str(e) or repr(e), encoding="utf-8")
    _wait_for_the_end_of(owner)
    if world is not None:
        world.close()


if __name__ == "__main__":
    main()
