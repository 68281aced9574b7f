"""An incident whose comms are tried, and engines that take whatever they are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omniops.runner.engines import registry
from tests.support import toy_engine
from tests.support.comms import Comms


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, Any]]]:
    """Every engine takes what it is given; what they were given."""
    toy_engine.taken.clear()
    for name in toy_engine.ENGINES:
        monkeypatch.setitem(registry._HOMES, name, "tests.support.toy_engine")
    return toy_engine.taken


@pytest.fixture
def comms(tmp_path: Path, sent: list[Any]) -> Comms:
    return Comms(tmp_path, TOY="1")
