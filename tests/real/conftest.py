"""Fixtures of the tests against a real OmniRoute; how to run them: tests/support/real_server.py."""

from __future__ import annotations

from tests.support.real_server import omniroute, two_connections

__all__ = ["omniroute", "two_connections"]
