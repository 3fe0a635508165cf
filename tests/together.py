"""Which tests go to the same worker: those that share what takes long to make, or would wait for each other.

pytest-xdist's own marker for this (``xdist_group``) has no effect with pytest 9.2, whose node ids it cannot change.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

from fixtures.sandbox.faults import UnknownFault, get
from tests.matrix import PLAIN, Look

# Files whose tests share a fixture of the module.
_FILES = ("tests/test_hostile.py", "tests/test_network.py", "tests/test_role.py", "tests/reports/test_page.py")
# Files of the environment that terraform has applied, which a test may have to itself.
_APPLIED = ("tests/real/test_drift.py", "tests/real/test_live.py", "tests/real/test_terraform.py")
_MATRIX = "tests/test_matrix.py"
_HEALTHY = "test_the_healthy_world_is_green"


class Scheduler(LoadScopeScheduling):
    """Hands out tests in their order, one by one, and those that belong together at once."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def group_of(nodeid: str) -> str:
    """What a test belongs to; its own id where that is nothing but itself."""
    file, _, name = nodeid.partition("::")
    if file in _FILES:
        return file
    if file in _APPLIED:
        return "the applied environment"
    look = _look(name) if file == _MATRIX else PLAIN
    return nodeid if look == PLAIN else repr(look)


def _look(test: str) -> Look:
    """How a case of the matrix is looked at: whoever looks in an unusual way must look at the healthy world so, too."""
    if test == _HEALTHY:
        return Look(terraform=True)
    try:
        return Look.at(get(test.partition("[")[2].removesuffix("]"))) if test.startswith("test_a_") else PLAIN
    except UnknownFault:
        return PLAIN
