"""Tasks keep restarting. PYTEST_DONT_REWRITE: a failed assertion carries its Verdict as it is."""

from __future__ import annotations

import datetime as dt

import pytest

from checks.diagnosis import service_state
from fixtures.model.ecs import MissingService, Service
from fixtures.target import Target

pytestmark = pytest.mark.ecs


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.guide("ecs", "service events")
def check_service_exists(services: Service | MissingService, service_name: str) -> None:
    """Each service exists in the cluster."""
    verdict = service_state.exists(services)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.guide("ecs", "tasks stop after launch")
def check_service_runs_desired_tasks(service: Service, now: dt.datetime, target: Target) -> None:
    """Each service runs as many tasks as it should, and its deployment has settled."""
    verdict = service_state.is_stable(service, now, target.ecs.settle_min)
    assert verdict, verdict.explain()
