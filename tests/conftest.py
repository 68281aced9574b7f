"""For all tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

# A deadline of 200 ms an example says how busy the machine is, and nothing about the code.
settings.register_profile("omniops", deadline=None)
settings.load_profile("omniops")


@pytest.fixture(autouse=True)
def _streams_of_its_own() -> Iterator[None]:
    """What a command keeps for its own lifetime would be an ended test's closed stream in the next test of a worker."""
    yield
    context = sys.modules.get("omniops.cli.context")
    if context is not None:
        context.streams.cache_clear()
        context.as_they_are.cache_clear()


REAL = "tests/real/"
FIRST = (REAL, "tests/crash/", "tests/cli/test_drill.py", "tests/test_wheel.py", "tests/cli/", "tests/terminal/")
"""What waits most, or is longest, begins first: at the end, small files keep every worker busy."""


def _rank(nodeid: str) -> int:
    return next((place for place, start in enumerate(FIRST) if nodeid.startswith(start)), len(FIRST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One file after another to each worker, in the order below; but all that asks the real servers to one worker,
    because each worker would start servers of its own, and they mostly wait."""
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    class Files(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return REAL if nodeid.startswith(REAL) else nodeid.split("::", 1)[0]

    config.option.loadscopereorder = False
    return Files(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The order of the files. What takes hours is asked for, and not skipped: a skip is a test that could not run."""
    items.sort(key=lambda item: _rank(item.nodeid))
    if os.environ.get("OMNIOPS_LONG"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)
