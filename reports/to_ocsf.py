"""OCSF Compliance Findings, one JSON object a line, for Security Lake and whatever else reads the schema.

What did not apply is left out; "could not look" is OCSF's Warning, a check without a result for want of information.
The models are imported only here: a run that writes none does not pay for them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from py_ocsf_models.events.findings.activity_id import ActivityID
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
from py_ocsf_models.events.findings.compliance_finding_type_id import ComplianceFindingTypeID
from py_ocsf_models.events.findings.severity_id import SeverityID
from py_ocsf_models.events.findings.status_id import StatusID
from py_ocsf_models.objects.compliance import Compliance
from py_ocsf_models.objects.compliance_status import StatusID as ComplianceStatus
from py_ocsf_models.objects.finding_info import FindingInformation
from py_ocsf_models.objects.metadata import Metadata
from py_ocsf_models.objects.product import Product
from py_ocsf_models.objects.remediation import Remediation
from py_ocsf_models.objects.resource_details import ResourceDetails

from reports.finding import Finding, Results
from reports.issues import fingerprint

_ACTIVITIES = {"new": "Create", "known": "Update", "fixed": "Close"}
_STATUSES = {
    "passed": ComplianceStatus.Pass,
    "failed": ComplianceStatus.Fail,
    "advisory": ComplianceStatus.Fail,
    "unverified": ComplianceStatus.Warning,
}


def lines(results: Results) -> Iterator[str]:
    """One event for each check that was judged or should have been."""
    for one in results.of(*_STATUSES):
        yield _event(one, results).model_dump_json(exclude_none=True)


def _event(finding: Finding, results: Results) -> ComplianceFinding:
    at = dt.datetime.fromisoformat(results.started)
    activity = _ACTIVITIES.get(finding.change or "", "Create")
    severity = SeverityID[finding.severity.capitalize() if finding.outcome != "passed" else "Informational"]
    status = _STATUSES[finding.outcome]
    return ComplianceFinding(
        activity_id=ActivityID[activity],
        activity_name=activity,
        type_uid=ComplianceFindingTypeID[activity],
        type_name=f"Compliance Finding: {activity}",
        class_name="Compliance Finding",
        time=_milliseconds(at),
        time_dt=at,
        severity_id=severity,
        severity=severity.name,
        status_id=_lifecycle(finding),
        status=_lifecycle(finding).name,
        status_code=finding.outcome,
        status_detail=finding.summary or None,
        message=finding.summary or finding.title,
        metadata=Metadata(
            event_code=finding.check,
            product=Product(name="Runbook Checks", vendor_name="Runbook Checks"),
            labels=[f"target:{finding.target}", f"scenario:{finding.scenario}"],
            original_time=results.started,
            tenant_uid=results.accounts.get(finding.target) or None,
        ),
        compliance=Compliance(
            control=finding.check, desc=finding.title, standards=["troubleshooting guide"], status_id=status
        ),
        finding_info=FindingInformation(
            uid=fingerprint(*finding.key),
            title=finding.title,
            desc="\n".join((finding.summary, *finding.evidence)),
            types=[finding.scenario, finding.stage],
            first_seen_time=_milliseconds(dt.datetime.fromisoformat(finding.since)) if finding.since else None,
            src_url=finding.console_url or None,
        ),
        remediation=Remediation(desc=finding.resolution) if finding.resolution else None,
        resources=[_resource(finding, results)],
    )


def _lifecycle(finding: Finding) -> StatusID:
    if finding.outcome == "passed":
        return StatusID.Resolved
    if finding.exempt_until:
        return StatusID.Suppressed
    return StatusID.InProgress if finding.change == "known" else StatusID.New


def _resource(finding: Finding, results: Results) -> ResourceDetails:
    return ResourceDetails(
        uid=finding.resource or finding.target,
        name=finding.resource_name or None,
        region=results.regions.get(finding.target) or None,
        data={"observed": finding.observed, "expected": finding.expected} if finding.observed else None,
    )


def _milliseconds(at: dt.datetime) -> int:
    return round(at.timestamp() * 1000)
