"""One simulator per scenario and module, for all crashes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.matrix import Matrix

MatrixOf = Callable[..., Matrix]


@pytest.fixture(scope="module")
def matrix_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MatrixOf]:
    """Returns the matrix of a scenario and flavour; its simulator stops at the module's end."""
    made: dict[tuple[str, str], Matrix] = {}

    def get(scenario: str, flavour: str = "3.7.9") -> Matrix:
        if (scenario, flavour) not in made:
            folder: Path = tmp_path_factory.mktemp(f"{scenario}-{flavour}")
            made[scenario, flavour] = Matrix(scenario, flavour, folder)
        return made[scenario, flavour]

    yield get
    for matrix in made.values():
        matrix.close()
