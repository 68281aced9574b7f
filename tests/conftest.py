"""For all tests."""

from __future__ import annotations

from hypothesis import settings

# A deadline of 200 ms an example says how busy the machine is, and nothing about the code.
settings.register_profile("omniops", deadline=None)
settings.load_profile("omniops")
