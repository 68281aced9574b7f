"""Provider outage (4.1), killed everywhere and resumed: the part of the crash matrix that CI walks in full.

The other runbooks' part is test_others.py; the whole matrix, for every runbook, is test_matrix.py.
"""

from __future__ import annotations

import pytest

from tests.crash.conftest import MatrixOf

WALK = (
    "in_prompt@disable#1", "before_intent@disable#1", "after_intent@disable#1", "after_send@PUT#1",
    "after_response@disable#1", "after_outcome@disable#1", "in_verify@recovered#1", "in_verify@recovered#2",
    *(f"journal.commit#{n}" for n in range(1, 8)), *(f"journal.head#{n}" for n in range(1, 8)),
)  # fmt: skip
"""Places of the walk. Commits 1 to 7: begun, step entered, intent, outcome, item done, step done, next step entered."""
UNDO = (
    "in_prompt@recovered#1", "in_undo@disable#1", "after_send@PUT#1", "after_response@disable#1",
    *(f"journal.commit#{n}" for n in range(1, 6)), *(f"journal.head#{n}" for n in range(1, 6)),
)  # fmt: skip
"""Places of the undo. Commits 1 to 5: lease, intent, outcome, undone, lease given back."""
LOGIN = ("after_send@POST#1", "after_send@POST#2")
"""Reached, and walked by the long matrix only: nothing of the run has begun."""


@pytest.mark.parametrize("place", WALK)
def test_killed_while_walking(matrix_of: MatrixOf, place: str) -> None:
    """Killed at a place and resumed: the same world, the same writes, no question twice but the one that was open."""
    matrix_of("provider-outage").check("walk", place)


@pytest.mark.parametrize("place", UNDO)
def test_killed_while_undoing(matrix_of: MatrixOf, place: str) -> None:
    """Undo, killed at a place and given again, puts it back with one write."""
    matrix_of("provider-outage").check("undo", place)


@pytest.mark.parametrize("first", ["after_intent@disable#1", "after_send@PUT#1"])
def test_killed_while_resuming(matrix_of: MatrixOf, first: str) -> None:
    """Killed between intent and outcome, and again while that is looked into: still one write."""
    matrix_of("provider-outage").check("walk", first, "in_resume@disable#1")


@pytest.mark.parametrize("first", ["in_undo@disable#1", "after_send@PUT#1"])
def test_killed_while_resuming_an_undo(matrix_of: MatrixOf, first: str) -> None:
    """An undo killed twice, the second time while finding out about the first, is done once."""
    matrix_of("provider-outage").check("undo", first, "in_resume@disable#1")


@pytest.mark.parametrize("place", ["after_intent@disable#1", "after_send@PUT#1", "journal.head#4"])
def test_killed_on_the_fork(matrix_of: MatrixOf, place: str) -> None:
    """The newer fork of OmniRoute, the same."""
    matrix_of("provider-outage", "fork").check("walk", place)


@pytest.mark.parametrize(("phase", "listed"), [("walk", WALK), ("undo", UNDO)])
def test_the_list_is_whole(matrix_of: MatrixOf, phase: str, listed: tuple[str, ...]) -> None:
    """Every place that an uninterrupted run reaches is listed here, but for further looks at traffic."""
    found = matrix_of("provider-outage").baseline(phase).places
    first_look = next((n for n, place in enumerate(found) if place == "in_verify@recovered#1"), len(found))
    reached = set(found[: max(first_look - 2, 0)] if first_look < len(found) else found) - set(LOGIN)
    assert reached <= set(listed), reached - set(listed)
    assert {place for place in listed if not place.startswith("in_verify")} <= set(found)
