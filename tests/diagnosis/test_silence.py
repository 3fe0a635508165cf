from __future__ import annotations

import pytest

from checks.diagnosis import silence
from fixtures.errors import NotApplicable, Unavailable
from fixtures.model.logs import ServiceLogs
from tests.diagnosis.facts import ago


def test_a_log_that_was_read_whole_proves_it() -> None:
    silence.must_prove(ServiceLogs(("/ecs/web",), (), ()), ago(60))


def test_a_log_that_was_cut_off_proves_it_only_for_what_was_deployed_since() -> None:
    logs = ServiceLogs(("/ecs/web",), (), (), read_since=ago(10))

    silence.must_prove(logs, ago(10))
    with pytest.raises(Unavailable, match="since 03-02 11:50 UTC"):
        silence.must_prove(logs, ago(11))


def test_a_log_that_cannot_be_read_proves_nothing() -> None:
    logs = ServiceLogs(("/ecs/web",), (), (), unread=("web (log driver splunk)",))

    with pytest.raises(NotApplicable, match="log driver splunk"):
        silence.must_prove(logs, ago(60))
