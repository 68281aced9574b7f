"""Fixtures of the tests against a real OmniRoute; how to run them: tests/support/real_server.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.real_server import omniroute, two_connections

__all__ = ["omniroute", "two_connections"]

FIRST_RUN_S = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test that needs the server installs it, which takes longer than a test otherwise may."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(FIRST_RUN_S))
