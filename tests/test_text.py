"""Words, and what must never reach a screen or the journal."""

from __future__ import annotations

import subprocess
import sys

import pytest

from omniops.text import lateness
from tests.support.screen import ROOT


@pytest.mark.parametrize("seed", range(4))
def test_a_secret_inside_another_leaves_no_rest(seed: int) -> None:
    """Of two secrets, one of which begins with the other, nothing is left, in whatever order a set yields them."""
    script = (
        "from omniops.text import is_secret, redact\n"
        "for secret in ('hunter2', 'hunter2-and-more', 'hunter2-and'): is_secret(secret)\n"
        "print(redact({'hunter2-and-more': ['a hunter2-and-more b', 'hunter2']}))"
    )
    env = {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(seed)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'***': ['a *** b', '***']}"


@pytest.mark.parametrize(
    ("left_s", "just_s", "words"),
    [
        (250, 1, "due in 4m 10s"), (0, 1, "due now"), (-0.4, 1, "due now"), (-12, 1, "12s late"), (-12, 60, "due now"),
        (-723, 60, "12m 03s late"),
    ],
)  # fmt: skip
def test_lateness(left_s: float, just_s: float, words: str) -> None:
    """Everything that is due is worded alike, early, just now and late."""
    assert lateness(left_s, "due ", just_s) == words
