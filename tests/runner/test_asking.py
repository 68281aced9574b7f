"""Questions of a walk."""

from __future__ import annotations

from omniops.runner.asking import marked
from omniops.runner.person import Option


def test_a_suggestion_changes_no_order() -> None:
    """The numbers of a menu stay what they are: 2 is SEV-2, whatever is suggested."""
    options = [Option(f"sev-{number}", f"SEV-{number}") for number in range(1, 5)]
    found = marked(options, "sev-3")
    assert [option.key for option in found] == ["sev-1", "sev-2", "sev-3", "sev-4"]
    assert [option.key for option in found if option.suggested] == ["sev-3"]
    assert marked(options, "") == options
