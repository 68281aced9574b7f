"""For all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# A deadline of 200 ms an example says how busy the machine is, and nothing about the code.
settings.register_profile("omniops", deadline=None)
settings.load_profile("omniops")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes hours is asked for, and not skipped: a skip is a test that should have run here, and could not."""
    if os.environ.get("OMNIOPS_LONG"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)
