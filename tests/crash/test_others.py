"""One or two places of every other runbook, killed and resumed: the named part of the crash matrix for CI.

The whole matrix is test_matrix.py.
"""

from __future__ import annotations

import pytest

from omniops.failpoints import OF_A_WALK
from tests.crash.conftest import MatrixOf

WALK = (
    ("provider-outage-all-down", "after_send@PUT#2"),  # the second connection, whose approval is destructive
    ("provider-outage-all-down", "in_prompt@withdraw#2"),  # one combo done, the other not
    ("latency-regression", "job.folder#2"),  # rollback.sh, called from another runbook
    ("auth-broken", "after_response@restore#1"),
    ("data-incident", "job.spawned#3"),  # restore-data.sh goes on alone
    ("data-incident", "in_prompt@page_data#1"),  # a page by hand
    ("security", "in_prompt@page_security#1"),
    ("rollback", "job.spawned#2"),
    ("failover", "in_verify@recovered#1"),
)
UNDO = (("rollback", "job.spawned#1"),)


@pytest.mark.parametrize(("scenario", "place"), WALK)
def test_killed_while_walking(matrix_of: MatrixOf, scenario: str, place: str) -> None:
    """Killed at a place and resumed: the same world, the same writes, no question twice but the one that was open."""
    matrix_of(scenario).check("walk", place)


@pytest.mark.parametrize(("scenario", "place"), UNDO)
def test_killed_while_undoing(matrix_of: MatrixOf, scenario: str, place: str) -> None:
    """Undo, killed at a place and given again, puts it back once."""
    matrix_of(scenario).check("undo", place)


def test_killed_while_resuming_a_script(matrix_of: MatrixOf) -> None:
    """Killed while the script runs, and again while its end is awaited: the script runs once."""
    matrix_of("rollback").check("walk", "job.spawned#2", "in_resume@rollback#1")


def test_every_place_is_somewhere(matrix_of: MatrixOf) -> None:
    """The runs that are killed here reach every failpoint of a walk, so none is left untried."""
    walks = [matrix_of(name).baseline("walk") for name in ("provider-outage-all-down", "rollback", "data-incident")]
    found = {place for base in [*walks, matrix_of("rollback").baseline("undo")] for place in base.places}
    assert {place.partition("#")[0].partition("@")[0] for place in found} == set(OF_A_WALK)
