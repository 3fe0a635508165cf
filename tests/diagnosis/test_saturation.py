from __future__ import annotations

import pytest
from msgspec import structs

from checks.diagnosis import saturation
from fixtures.model.database import Member
from fixtures.model.latency import Load, Scaling, ScalingActivity, ScalingPolicy
from tests.diagnosis.database_facts import database
from tests.diagnosis.facts import ago, container, definition, service

GIB = 1024.0**3
POLICY = ScalingPolicy("cpu", "TargetTrackingScaling", "ECSServiceAverageCPUUtilization", 60.0)
SCALING = Scaling(1, 4, False, False, (POLICY,), ())


def load(**series: tuple[float, ...]) -> Load:
    return Load("db", series)


@pytest.mark.parametrize(
    ("cpu", "memory", "observed"),
    [
        ((97.0,) * 12, (40.0,), "CPU 97 % of 256 CPU units, 512 MiB"),
        ((97.0,), (95.0,), "CPU 97 % and memory 95 % of 256 CPU units, 512 MiB"),
        ((20.0,), (95.0,), "memory 95 % of 256 CPU units, 512 MiB"),
        # The limit itself is allowed, and a short peak is none over the window.
        ((80.0,), (90.0,), ""),
        ((100.0, 10.0, 10.0), (40.0,), ""),
        ((100.0, 99.0, 10.0), (40.0,), ""),
        # What began a quarter of an hour ago lasts, whatever the rest of the window was like.
        ((10.0,) * 9 + (99.0, 97.0, 98.0), (40.0,), "CPU 97 % of 256 CPU units, 512 MiB"),
        # Without datapoints nothing is said against it.
        ((), (), ""),
    ],
)
def test_tasks(cpu: tuple[float, ...], memory: tuple[float, ...], observed: str) -> None:
    used = load(CPUUtilization=cpu, MemoryUtilization=memory)
    task = definition(container(), cpu_units=256, memory_mib=512)
    verdict = saturation.judge_service(service(), task, used, SCALING, cpu_percent=80, memory_percent=90)
    assert bool(verdict) is not bool(observed)
    if observed:
        assert verdict.observed == observed
        assert verdict.likely_cause == "the tasks are too small"


@pytest.mark.parametrize(
    ("desired", "scaling", "stuck"), [(3, SCALING, False), (4, SCALING, True), (5, SCALING, True), (4, None, False)]
)
def test_tasks_at_their_maximum(desired: int, scaling: Scaling | None, stuck: bool) -> None:
    used = load(CPUUtilization=(97.0,))
    one = service(desired=desired)
    verdict = saturation.judge_service(one, definition(container()), used, scaling, cpu_percent=80, memory_percent=90)
    assert (f", already at its maximum of {desired} tasks" in verdict.observed) is stuck
    assert ("cannot scale out any more" in verdict.likely_cause) is stuck
    fine = saturation.judge_service(one, definition(container()), load(), scaling, cpu_percent=80, memory_percent=90)
    assert (fine.observed, fine.likely_cause, fine.evidence) == ("CPU 0 %, memory 0 %", "", ())


def test_the_newest_values_are_the_evidence() -> None:
    used = load(CPUUtilization=tuple(float(n) for n in range(80, 100)))
    verdict = saturation.judge_service(
        service(), definition(container()), used, None, cpu_percent=80, memory_percent=90
    )
    assert verdict.evidence == ("CPUUtilization: 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99",)


@pytest.mark.parametrize(
    ("series", "storage", "observed"),
    [
        ({"CPUUtilization": (30.0,), "FreeStorageSpace": (15 * GIB,)}, 20 * GIB, "it has room left"),
        ({"CPUUtilization": (91.0,)}, None, "CPU 91 %"),
        ({"CPUUtilization": (80.0,)}, None, "it has room left"),
        ({"CPUUtilization": (5.0,) * 9 + (99.0,) * 3}, None, "CPU 99 %"),
        ({"FreeStorageSpace": (9 * GIB, 1 * GIB)}, 20 * GIB, "storage 95 % full"),
        ({"FreeStorageSpace": (1 * GIB, 9 * GIB)}, 20 * GIB, "it has room left"),
        ({"FreeStorageSpace": (2 * GIB,)}, 20 * GIB, "it has room left"),
        # Aurora's storage grows by itself.
        ({"FreeStorageSpace": (0.0,)}, None, "it has room left"),
        # Few credits matter where the CPU is used: a new or a resting instance has few, too.
        ({"CPUUtilization": (50.0,), "CPUCreditBalance": (90.0, 4.0)}, None, "4 CPU credits left"),
        ({"CPUUtilization": (50.0,), "CPUCreditBalance": (10.0,)}, None, "it has room left"),
        ({"CPUUtilization": (3.0,), "CPUCreditBalance": (4.0,)}, None, "it has room left"),
        ({"CPUUtilization": (30.0,), "CPUCreditBalance": (4.0,)}, None, "it has room left"),
        ({"CPUCreditBalance": (4.0,)}, None, "it has room left"),
        (
            {"CPUUtilization": (91.0,), "CPUCreditBalance": (0.0,), "FreeStorageSpace": (0.0,)},
            20 * GIB,
            "CPU 91 %, 0 CPU credits left, storage 100 % full",
        ),
        ({}, 20 * GIB, "it has room left"),
    ],
)
def test_database(series: dict[str, tuple[float, ...]], storage: float | None, observed: str) -> None:
    limits = database(storage_bytes=storage)
    verdict = saturation.judge_database(load(**series), limits, cpu_percent=80, storage_percent=90)
    assert (bool(verdict), verdict.observed) == (observed == "it has room left", observed)


@pytest.mark.parametrize(
    ("instance_class", "cpu", "severity"),
    [
        ("db.t4g.micro", 50.0, "medium"),
        ("db.t3.small", 50.0, "medium"),
        # The oldest falls to its baseline, and one whose CPU is used up is slow in any mode.
        ("db.t2.small", 50.0, None),
        ("db.t4g.micro", 97.0, None),
    ],
)
def test_credits_of_classes_that_go_on_without(instance_class: str, cpu: float, severity: str | None) -> None:
    used = load(CPUUtilization=(cpu,), CPUCreditBalance=(2.0,))
    instance = database(storage_bytes=None, instance_class=instance_class)
    verdict = saturation.judge_database(used, instance, cpu_percent=80, storage_percent=90)
    assert (verdict.ok, verdict.severity) == (False, severity)


def test_evidence_carries_units() -> None:
    series = {"CPUUtilization": (90.0, 94.0), "FreeableMemory": (GIB / 2,), "FreeStorageSpace": (3 * GIB,), "None": ()}
    verdict = saturation.judge_database(load(**series), database(), cpu_percent=80, storage_percent=90)
    assert verdict.evidence == (
        "CPUUtilization: mean 92, last 94",
        "FreeableMemory: 0.50 GiB",
        "FreeStorageSpace: 3.00 GiB",
    )


def scaling(**changes: object) -> Scaling:
    return structs.replace(SCALING, **changes)  # type: ignore[arg-type]


def policy(kind: str, metric: str) -> Scaling:
    return scaling(policies=(ScalingPolicy("p", kind, metric, 60.0),))


FAILED = ScalingActivity(ago(5), "Failed", "monitor alarm", "")


@pytest.mark.parametrize(
    ("given", "observed"),
    [
        (SCALING, ""),
        (None, "it is not registered with Application Auto Scaling"),
        (scaling(suspended_out=True), "scaling out is suspended"),
        (scaling(suspended_in=True), "scaling in is suspended"),
        (scaling(minimum=4), "minimum and maximum are both 4 tasks"),
        (scaling(policies=()), "no policy follows CPU or memory"),
        (policy("TargetTrackingScaling", "ECSServiceAverageMemoryUtilization"), ""),
        (policy("TargetTrackingScaling", "CPUUtilization"), ""),
        (policy("TargetTrackingScaling", "MemoryUtilization"), ""),
        (policy("TargetTrackingScaling", "ALBRequestCountPerTarget"), "no policy follows CPU or memory"),
        # The metric of a step policy is its alarm's.
        (policy("StepScaling", ""), ""),
        (scaling(failures=(FAILED,)), "03-02 11:55Z Failed: monitor alarm"),
        (scaling(failures=(structs.replace(FAILED, message="no capacity"),)), "03-02 11:55Z Failed: no capacity"),
    ],
)
def test_scaling(given: Scaling | None, observed: str) -> None:
    verdict = saturation.judge_scaling(service(), given)
    assert (bool(verdict), verdict.observed) == (not observed, observed or "it scales")


def test_all_problems_and_policies_are_shown() -> None:
    verdict = saturation.judge_scaling(service(), scaling(suspended_out=True, minimum=4, failures=(FAILED,) * 5))
    assert verdict.evidence == (
        "minimum and maximum are both 4 tasks",
        *("03-02 11:55Z Failed: monitor alarm",) * 3,
        "cpu: TargetTrackingScaling on ECSServiceAverageCPUUtilization at 60.0",
    )


def test_a_cluster_is_asked_about_its_writer() -> None:
    members = (Member("shop-2", False, "available"), Member("shop-1", True, "available"))
    cluster = database(kind="cluster", members=members)
    verdict = saturation.judge_database(load(CPUUtilization=(99.0,)), cluster, cpu_percent=80, storage_percent=90)

    assert verdict.names == {"database": "shop-1"}
