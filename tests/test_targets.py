"""Target files end to end: several environments in one run, discovered services, exemptions, a baseline."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.sandbox.server import Host
from tests.harness import judged, run_checks

ECS_STABLE = "check_service_is_stable"


def target(directory: Path, name: str, *lines: str, services: str = 'services = ["product", "order"]') -> str:
    path = directory / f"{name}.toml"
    own = (f'name = "{name}"', 'project = "ecommerce"', 'environment = "dev"', 'region = "us-east-1"', services, *lines)
    path.write_text("\n".join(own) + "\n")
    return str(path)


def test_two_environments_in_one_run_do_not_hide_each_other(host: Host, tmp_path: Path) -> None:
    one = target(tmp_path, "blue")
    other = target(tmp_path, "green", services='services = ["frontend"]')
    with judged(host, "-m", "ecs", "--target", one, "--target", other, faults=["crash-loop"]) as found:
        failed = {(f.target, f.service) for f in found.results.of("failed")}
        passed = {(f.target, f.service) for f in found.results.of("passed") if f.check == ECS_STABLE}

    assert failed == {("blue", "product")}, found.explained()
    assert passed == {("blue", "order"), ("green", "frontend")}
    assert found.results.targets == ("blue", "green")
    assert f"checks/check_ecs.py::{ECS_STABLE}[blue-product]" in found.findings


def test_an_environment_that_cannot_be_seen_does_not_hide_another(host: Host, tmp_path: Path) -> None:
    here = target(tmp_path, "here")
    missing = target(tmp_path, "missing", 'cluster = "elsewhere"')
    with judged(host, "-k", "service_exists", "--target", here, "--target", missing) as found:
        by_target = {f.target: f.outcome for f in found.results.findings}

    assert by_target == {"here": "passed", "missing": "unverified"}, found.explained()
    assert found.exit_code == 1


def test_services_can_be_discovered(host: Host, tmp_path: Path) -> None:
    found_by_name = target(tmp_path, "all", services="discover_services = true")
    with judged(host, "-m", "ecs", "--target", found_by_name, faults=["crash-loop"]) as found:
        judged_services = {f.service for f in found.results.findings if f.check == ECS_STABLE}

    assert {s.removeprefix("ecommerce-dev-") for s in judged_services} == {"product", "order", "frontend"}
    assert {f.service.removeprefix("ecommerce-dev-") for f in found.results.of("failed")} == {"product"}


@pytest.mark.parametrize("more", [(), ("-n", "2")])
def test_a_run_that_stops_at_the_first_failure_says_what_it_did_not_judge(
    host: Host, tmp_path: Path, more: tuple[str, ...]
) -> None:
    found_by_name = target(tmp_path, "all", services="discover_services = true")
    with judged(host, "-m", "ecs", "-x", "--target", found_by_name, *more, faults=["image-missing"]) as found:
        pass

    assert found.exit_code != 0
    assert found.results.not_judged > 0
    assert f"STOPPED EARLY with {found.results.not_judged} not judged" in found.output
    # Workers that are under way finish what they are at.
    assert more or len(found.results.of("failed")) == 1


def exemption(expires: str, check: str = "check_no_tasks_stop", resource: str = "*product") -> str:
    return f'[[exemptions]]\ncheck = "{check}"\nresource = "{resource}"\nreason = "INC-1"\nexpires = {expires}'


def test_an_exempted_failure_is_advisory_and_says_until_when(host: Host, tmp_path: Path) -> None:
    path = target(tmp_path, "dev", exemption("2099-01-31"))
    with judged(host, "-k", "no_tasks_stop", "--target", path, faults=["crash-loop"]) as found:
        finding = found.of("check_no_tasks_stop", "product")

    assert (finding.outcome, finding.exempt_until, found.exit_code) == ("advisory", "2099-01-31", 0)


def test_what_nobody_can_look_at_does_not_apply_until_then(host: Host, tmp_path: Path) -> None:
    line = exemption("2099-01-31", "check_service_exists", "*")
    path = target(tmp_path, "dev", f"{line}\ncould_not_look = true")
    with judged(host, "-k", "service_exists", "--target", path, deny=["ecs:DescribeServices"]) as found:
        finding = found.of("check_service_exists", "product")

    assert (finding.outcome, finding.exempt_until, found.exit_code) == ("not_applicable", "2099-01-31", 0)
    assert "exempt until 2099-01-31: INC-1" in found.output


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (exemption("2020-01-31"), 1, "2020-01-31"),
        (exemption("2099-01-31", resource="*nobody"), 1, "*nobody"),
    ],
    ids=["expired", "matches nothing"],
)
def test_exemptions_that_no_longer_hold_are_told(host: Host, tmp_path: Path, line: str, code: int, said: str) -> None:
    path = target(tmp_path, "dev", line)
    with judged(host, "-k", "no_tasks_stop", "--target", path, faults=["crash-loop"]) as found:
        pass

    assert found.exit_code == code
    assert found.checks("failed") == {"check_no_tasks_stop"}
    assert said in found.output


def test_a_baseline_tells_new_known_and_fixed(host: Host, tmp_path: Path) -> None:
    path = target(tmp_path, "dev")
    with host.fork(["crash-loop", "image-missing"]) as world:
        run_checks(world, "-m", "ecs", "--target", path, "--out", str(tmp_path / "before"))
    before = str(tmp_path / "before" / "results.json")
    with judged(
        host, "-m", "ecs", "--target", path, "--baseline", before, faults=["out-of-memory", "crash-loop"]
    ) as found:
        changes = {(f.check, f.service): f.change for f in found.results.findings if f.change}

    assert changes["check_no_tasks_stop", "order"] == "new"
    assert changes["check_no_tasks_stop", "product"] == "known"
    assert changes["check_image_exists", "product"] == "fixed"


def test_workers_find_what_one_process_finds(host: Host, tmp_path: Path) -> None:
    # Those that are listed are judged by two workers in other tests (signals, canaries).
    selected = ["-m", "ecs or database", "--target", target(tmp_path, "all", services="discover_services = true")]
    with host.fork(["crash-loop", "database-rule-removed"]) as world:
        alone = run_checks(world, *selected)
        together = run_checks(world, *selected, "-n", "2")

    assert {i: f.outcome for i, f in together.findings.items()} == {i: f.outcome for i, f in alone.findings.items()}
    assert set(together.results.roots) == set(alone.results.roots)
    assert together.exit_code == alone.exit_code == 1
