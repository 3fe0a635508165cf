from __future__ import annotations

from checks.diagnosis.images import judge, judge_scan, scannable, unscanned
from fixtures.model.images import ContainerImage
from fixtures.references import image_reference
from tests.diagnosis.facts import definition, service

REFERENCE = image_reference("123456789012.dkr.ecr.us-east-1.amazonaws.com/shop-web:abc")


def scan(status: str = "COMPLETE", **counts: int) -> dict[str, object]:
    return {"status": status, "counts": counts, "digest": "sha256:1"}


def test_images_that_are_there() -> None:
    assert judge(service(), definition(), (ContainerImage("web", REFERENCE),))


def test_what_is_missing_is_named() -> None:
    no_tag = judge(service(), definition(), (ContainerImage("web", REFERENCE, found=False),))
    no_repository = judge(
        service(), definition(), (ContainerImage("web", REFERENCE, repository_exists=False, found=False),)
    )

    assert "shop-web has no tag abc" in no_tag.summary
    assert "repository shop-web does not exist" in no_repository.summary


def test_findings_of_refused_severities() -> None:
    assert judge_scan(service(), {"web": scan(HIGH=3)}, ("CRITICAL",))
    verdict = judge_scan(service(), {"web": scan(CRITICAL=2, HIGH=3)}, ("CRITICAL",))

    assert "web: 2 CRITICAL" in verdict.summary


def test_scans_that_are_not_finished_are_told_apart_from_those_that_never_will_be() -> None:
    scans = {"a": scan("PENDING"), "b": scan("UNSUPPORTED_IMAGE"), "c": scan(), "d": scan("NOT_SCANNED")}
    failed = {"e": scan("FAILED")}

    assert unscanned(scans | failed) == "a: PENDING, e: FAILED"
    assert set(scannable(scans)) == {"c", "d"}


def test_an_image_that_nobody_has_scanned_is_a_milder_finding_than_a_hole_in_another() -> None:
    scans = {"web": scan(CRITICAL=1), "side": scan("NOT_SCANNED")}
    neither = judge_scan(service(), {"web": scan(), "side": scan("NOT_SCANNED")}, ("CRITICAL",))

    assert (bool(neither), neither.severity) == (False, "medium")
    assert "no scan of what runs in side" in neither.summary
    assert judge_scan(service(), scans, ("CRITICAL",)).severity is None
