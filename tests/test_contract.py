"""The command line as people and pipelines meet it: one line for bad input, and the exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.sandbox.server import SANDBOX_ENVIRONMENT, Host

ROOT = Path(__file__).resolve().parent.parent


def run(*arguments: str, out: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """pytest as a person starts it, without any credentials unless given."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PYTEST_"))}
    nothing = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_CONFIG_FILE": "/nonexistent",
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--out={out}", *arguments],
        cwd=ROOT,
        env=kept | nothing | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], said: str) -> None:
    output = done.stdout + done.stderr
    assert done.returncode == 4, output
    assert "Traceback" not in output
    assert "INTERNALERROR" not in output
    told = [line for line in output.splitlines() if said in line]
    assert len(told) == 1, output
    assert told[0].startswith("ERROR: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--target", "ecommerce-prd"], "unknown target 'ecommerce-prd'"),
        (["--target", "nowhere.toml"], "no target file"),
        (["--fault", "rds-stopped"], "add --sandbox"),
        (["--sandbox", "--fault", "no-such-fault"], "unknown fault 'no-such-fault'"),
        (["--baseline", "nowhere.json"], "--baseline: nowhere.json"),
        (["--source", "nowhere"], "--source: no such file or directory"),
        (["--wait", "-1"], "--wait takes"),
        (["--target", "ecommerce-dev", "--target", "ecommerce-dev"], "given twice"),
        ([], "no AWS credentials found"),
        # Each worker leads another target, and neither alone knows that none is left.
        (
            ["-m", "ecs", "--target", "ecommerce-dev", "--target", "tests/second.toml", "-n", "2"],
            "no AWS credentials found",
        ),
    ],
)
def test_wrong_options_end_in_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    assert_one_line(run(*arguments, out=tmp_path), said)


def test_a_malformed_target_names_file_and_key(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('cluster = "x"\nservcies = ["a"]\n')

    assert_one_line(run("--target", str(bad), out=tmp_path), "did you mean 'services'?")


def test_an_endpoint_that_does_not_answer_is_said(tmp_path: Path) -> None:
    done = run(out=tmp_path, AWS_ENDPOINT_URL="http://127.0.0.1:1", AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")

    assert_one_line(done, "AWS cannot be reached")


def with_aws(host: Host, *arguments: str, out: Path, deny: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    with host.fork(deny=deny) as world:
        return run(*arguments, out=out, **SANDBOX_ENVIRONMENT, AWS_ENDPOINT_URL=world.endpoint_url)


def test_a_cluster_that_is_not_there_is_said(host: Host, tmp_path: Path) -> None:
    target = tmp_path / "mine.toml"
    target.write_text('cluster = "elsewhere"\nservices = ["a"]\nregion = "us-east-1"\n')

    assert_one_line(with_aws(host, "--target", str(target), out=tmp_path), "no ECS cluster 'elsewhere' in us-east-1")


def test_the_wrong_region_is_said(host: Host, tmp_path: Path) -> None:
    target = tmp_path / "mine.toml"
    target.write_text('cluster = "ecommerce-dev-cluster"\nservices = ["a"]\nregion = "eu-west-1"\n')

    assert_one_line(with_aws(host, "--target", str(target), out=tmp_path), "in eu-west-1")


def test_the_wrong_account_is_said(host: Host, tmp_path: Path) -> None:
    target = tmp_path / "mine.toml"
    target.write_text('cluster = "c"\nservices = ["a"]\nregion = "us-east-1"\naccount = "999999999999"\n')

    assert_one_line(with_aws(host, "--target", str(target), out=tmp_path), "belong to account 123456789012")


def test_a_report_of_an_earlier_run_never_survives_a_failed_start(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("{}")

    run(out=tmp_path)

    assert not (tmp_path / "results.json").exists()


def test_collecting_needs_neither_credentials_nor_network(tmp_path: Path) -> None:
    done = run("--collect-only", "-q", out=tmp_path, AWS_ENDPOINT_URL="http://127.0.0.1:1")

    assert done.returncode == 0, done.stdout
    assert "check_service_exists[product]" in done.stdout


def test_selecting_nothing_is_five(tmp_path: Path) -> None:
    assert run("--sandbox", "-k", "nothing_of_that_name", out=tmp_path).returncode == 5


def test_paths_may_stand_apart_from_their_option(tmp_path: Path) -> None:
    target = tmp_path / "mine.toml"
    target.write_text('cluster = "c"\nservices = ["web"]\n')

    done = run("--collect-only", "-q", "--target", str(target), out=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "check_service_exists[web]" in done.stdout


def test_listing_faults_needs_nothing(tmp_path: Path) -> None:
    done = run("--list-faults", out=tmp_path)

    assert done.returncode == 0
    assert "ecs" in done.stdout
