"""A scripted OmniRoute for each test, and clients of it with small limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omniops.clock import Clock, SystemClock
from omniops.config import Settings
from omniops.services.omniroute import OmniRoute
from tests.support.scripted_http import Scripted

MakeClient = Callable[..., OmniRoute]


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted() as scripted:
        yield scripted


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings with a state folder of their own."""
    return lambda **given: Settings({"OMNIOPS_HOME": str(tmp_path), **given})


@pytest.fixture
def make(server: Scripted, settings: Callable[..., Settings]) -> Iterator[MakeClient]:
    """Make a client of the scripted server, with these settings; it gives up after ``timeout_s``."""
    made: list[OmniRoute] = []

    def make(
        *,
        timeout_s: float = 10.0,
        url: str = "",
        clock: Clock | None = None,
        guard: Callable[[str], None] | None = None,
        **given: str,
    ) -> OmniRoute:
        kind = type("Impatient", (OmniRoute,), {"timeout_s": timeout_s})
        made.append(kind(url or server.url, settings(**given), clock or SystemClock(), guard))
        return made[-1]

    yield make
    for client in made:
        client.close()
