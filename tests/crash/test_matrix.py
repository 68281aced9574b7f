"""The whole crash matrix: every runbook, every step, every failpoint, each time it is reached, walk and undo.

It takes one to two hours, and is run before a release, with one command:

    OMNIOPS_LONG=1 sh .ci/test --dist load tests/crash

A test is one scenario and phase; all its crashes are tried, and those that went wrong are listed together. Reads that
are answered (after_send@GET) are left out: a read leaves nothing behind, and the journal's places lie around each.
``OMNIOPS_CRASH_LOG=FILE`` writes every case down as it is tried.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest

from omniops.drill.scenarios import SCENARIOS
from tests.crash.conftest import MatrixOf
from tests.support.matrix import Matrix

pytestmark = [pytest.mark.long, pytest.mark.timeout(3 * 3600)]

CASES = [(name, "3.7.9") for name, one in SCENARIOS.items() if not one.paged] + [
    ("provider-outage", "fork"),
    ("provider-outage-all-down", "fork"),
]
UNDONE = [case for case in CASES if case[0] not in ("security", "failover")]  # those two leave nothing to undo
OPEN = ("after_intent", "after_send", "after_response", "job.", "in_undo")
"""Places that leave an intent without an outcome: going on begins by finding out what became of it."""


def tried(matrix: Matrix, phase: str, cases: Iterable[tuple[str, ...]]) -> None:
    """Try every case, then list all that went wrong. ``phase``: walk, undo, or undone (instead of resumed)."""
    wrong, count = [], 0
    for kills in cases:
        count += 1
        try:
            if phase == "undone":
                matrix.check_undone(*kills)
            else:
                matrix.check(phase, *kills)
        except AssertionError as error:
            wrong.append(f"{' then '.join(kills)}: {error}")
        note = os.environ.get("OMNIOPS_CRASH_LOG")
        if note:
            failed = wrong and wrong[-1].startswith(" then ".join(kills) + ":")
            with open(note, "a", encoding="utf-8") as log:
                log.write(f"{'FAIL' if failed else 'ok'} {matrix.name} {phase} {' then '.join(kills)}\n")
                log.write(f"{wrong[-1]}\n" if failed else "")
    assert count, "the matrix is empty"
    assert not wrong, f"{len(wrong)} of {count} crashes of {matrix.name} {phase}:\n\n" + "\n\n".join(wrong)


@pytest.mark.parametrize(("scenario", "flavour"), CASES)
def test_every_place_of_a_walk(matrix_of: MatrixOf, scenario: str, flavour: str) -> None:
    """Killed anywhere in the walk, and resumed."""
    matrix = matrix_of(scenario, flavour)
    tried(matrix, "walk", ((place,) for place in matrix.baseline("walk").places))


@pytest.mark.parametrize(("scenario", "flavour"), UNDONE)
def test_every_place_of_an_undo(matrix_of: MatrixOf, scenario: str, flavour: str) -> None:
    """Killed anywhere in the undo, and given again."""
    matrix = matrix_of(scenario, flavour)
    tried(matrix, "undo", ((place,) for place in matrix.baseline("undo").places))


@pytest.mark.parametrize("phase", ["walk", "undo"])
@pytest.mark.parametrize(("scenario", "flavour"), UNDONE)
def test_killed_in_every_resume(matrix_of: MatrixOf, scenario: str, flavour: str, phase: str) -> None:
    """Killed between every intent and its outcome, and again while the resume finds out."""
    matrix = matrix_of(scenario, flavour)
    first = [place for place in matrix.baseline(phase).places if place.startswith(OPEN) and "POST" not in place]
    tried(matrix, phase, ((place, "in_resume#1") for place in first))


@pytest.mark.parametrize("scenario", ["provider-outage", "provider-outage-all-down", "rollback", "auth-broken"])
def test_undone_instead_of_resumed(matrix_of: MatrixOf, scenario: str) -> None:
    """Killed between every intent and its outcome, and undone instead: everything is as it was."""
    matrix = matrix_of(scenario)
    places = [(place,) for place in matrix.baseline("walk").places if place.startswith(OPEN) and "POST" not in place]
    tried(matrix, "undone", places)


@pytest.mark.parametrize("phase", ["walk", "undo"])
@pytest.mark.parametrize("scenario", ["provider-outage", "rollback"])
def test_every_place_of_a_resume(matrix_of: MatrixOf, scenario: str, phase: str) -> None:
    """Killed at every place of what goes on after a first kill in the middle of the write."""
    matrix = matrix_of(scenario)
    open_ones = [place for place in matrix.baseline(phase).places if place.startswith(OPEN) and "POST" not in place]
    first = open_ones[-2]  # the write has been sent, or the script runs, and the answer is not known
    tried(matrix, phase, ((first, place) for place in matrix.resumed_places(phase, first)))
