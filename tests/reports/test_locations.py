"""Places in files, as code hosts want them."""

from __future__ import annotations

import pytest

from reports.locations import Place, place

WORKSPACE = {"GITHUB_WORKSPACE": "/home/runner/work/shop/shop"}


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("terraform/main.tf:12", Place("terraform/main.tf", 12)),
        ("./terraform/main.tf:12", Place("terraform/main.tf", 12)),
        ("terraform\\main.tf:3", Place("terraform/main.tf", 3)),
        ("Dockerfile", Place("Dockerfile", 1)),
        ("Dockerfile:0", Place("Dockerfile", 1)),
        ("odd:name.tf", Place("odd:name.tf", 1)),
        ("/home/runner/work/shop/shop/app/Dockerfile:7", Place("app/Dockerfile", 7)),
        # Another checkout is not part of the repository that the annotation goes to.
        ("/srv/other/Dockerfile:7", Place("/srv/other/Dockerfile", 7)),
        ("/home/runner/work/shop/shop-old/Dockerfile:7", Place("/home/runner/work/shop/shop-old/Dockerfile", 7)),
        ("", Place("", 1)),
        ("main.tf:" + "9" * 30, Place("main.tf:" + "9" * 30, 1)),
        ("main.tf:²", Place("main.tf:²", 1)),
    ],
)
def test_places(location: str, expected: Place) -> None:
    assert place(location, WORKSPACE) == expected


def test_without_a_workspace_a_path_stays_as_it_is() -> None:
    assert place("/src/main.tf:2", {}) == Place("/src/main.tf", 2)
