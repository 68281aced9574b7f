"""A value with named fields that never changes: what NamedTuple gives, but for being a tuple.

To make a NamedTuple costs 0.19 ms each, at every start of every command, because Python compiles code for it; to make
one of these costs a tenth of that. The first question of a walk comes after some forty of them (docs/benchmarks.md).
What is made by the thousand (the journal's events), or compared, sorted and taken apart as a tuple, stays a NamedTuple.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self, dataclass_transform


@dataclass_transform(frozen_default=True)
class Value:
    """Fields are declared as annotations, and given in that order or by name; a default is the class's attribute.

    Raises TypeError where one is missing, unknown or given twice.
    """

    _fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls._fields = (*cls._fields, *cls.__annotations__)
        cls.__match_args__ = cls._fields  # type: ignore[attr-defined, misc]  # mypy makes its own, the same

    def __init__(self, *values: Any, **named: Any) -> None:
        fields, kind = self._fields, type(self)
        given = dict(zip(fields, values, strict=False))
        wrong = [name for name in named if name in given or name not in fields]
        wrong += [name for name in fields if name not in given and name not in named and not hasattr(kind, name)]
        if wrong or len(values) > len(fields):
            raise TypeError(f"{kind.__name__}({', '.join(fields)}): {', '.join(wrong) or f'{len(values)} values'}")
        self.__dict__.update(given, **named)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Value) and self._asdict() == other._asdict()

    def __hash__(self) -> int:
        return hash((type(self), *self._asdict().values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._asdict().items())})"

    def _asdict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._fields}

    def _replace(self, **changes: Any) -> Self:
        return type(self)(**{**self._asdict(), **changes})
