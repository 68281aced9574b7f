"""What speaks for disabling: a connection that stands out, or a provider that fails as a whole (0:12)."""

from __future__ import annotations

import pytest

from omniops.actions.latency import Share
from omniops.runner.own.choices import worst_provider
from omniops.services.omniroute_parse import Connection


def connection(id: str, provider: str, active: bool = True) -> Connection:
    return Connection(id, provider, id, provider, provider, active, 1, "m", "", {})


KNOWN = [
    connection("a1", "openai"), connection("a2", "openai"), connection("a3", "openai", active=False),
    connection("b1", "mistral"), connection("b2", "mistral"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("errors", "found"),
    [
        ({"a1": 30, "a2": 40, "b1": 5}, ("openai", 70, ["a1", "a2"])),  # all that are active; a3 is not
        ({"a1": 30, "a2": 0}, ("", 0, [])),  # one of two works: the connection is meant, not the provider
        ({"b1": 3, "b2": 4, "a1": 5, "a2": 1}, ("mistral", 7, ["b1", "b2"])),
        ({"gone": 9}, ("", 0, [])),  # attempts of a connection that is not there any more
        ({}, ("", 0, [])),
    ],
)
def test_a_provider_that_fails_as_a_whole(errors: dict[str, int], found: tuple[str, int, list[str]]) -> None:
    """Only where every active connection of it fails; it is typed by its name then."""
    assert worst_provider([Share(id, 50, count, 1.0) for id, count in errors.items()], KNOWN) == found
