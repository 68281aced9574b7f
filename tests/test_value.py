"""Values with named fields: made and compared as a NamedTuple is, but for being a tuple."""

from __future__ import annotations

import pytest

from omniops.value import Value


class Place(Value):
    """A place."""

    name: str
    x: int
    y: int = 7


class Marked(Place):
    mark: str = "here"


def test_it_is_made_by_order_or_by_name() -> None:
    """Fields come in the order of their declaration, those of the base first; defaults fill in."""
    assert (Place("a", 1).name, Place("a", 1).x, Place("a", 1).y) == ("a", 1, 7)
    assert Place(x=1, name="a", y=2) == Place("a", 1, 2)
    assert Marked("a", 1, 2, "m") == Marked("a", 1, mark="m", y=2)
    assert repr(Marked("a", 1)) == "Marked(name='a', x=1, y=7, mark='here')"


@pytest.mark.parametrize(
    ("values", "named", "wrong"),
    [((), {}, "name, x"), (("a",), {"y": 1}, "x"), (("a", 1), {"x": 2}, "x"), (("a", 1), {"z": 2}, "z"),
     (("a", 1, 2, 3), {}, "4 values")],
)  # fmt: skip
def test_what_does_not_fit_is_refused(values: tuple[object, ...], named: dict[str, object], wrong: str) -> None:
    """A field that is missing, unknown or given twice, or one value too many, is an error that names it."""
    with pytest.raises(TypeError) as error:
        Place(*values, **named)  # type: ignore[arg-type]
    assert str(error.value) == f"Place(name, x, y): {wrong}"


def test_it_never_changes() -> None:
    """A field cannot be set; a copy with another value is another value, and the first stays what it is."""
    one = Place("a", 1)
    with pytest.raises(AttributeError, match=r"Place\.x cannot be changed"):
        one.x = 2  # type: ignore[misc]
    assert one._replace(x=2) == Place("a", 2)
    assert one == Place("a", 1)
    assert one._asdict() == {"name": "a", "x": 1, "y": 7}
    with pytest.raises(TypeError):
        one._replace(z=2)


def test_two_are_the_same_where_all_of_them_is() -> None:
    """Equality and hash go by class and fields: what a walk is asked to do is never taken for another request."""
    assert Place("a", 1) != Marked("a", 1)
    assert Place("a", 1) != ("a", 1, 7)
    assert len({Place("a", 1), Place("a", 1, 7), Place("a", 2)}) == 2
    match Marked("a", 1, mark="m"):
        case Marked(name, x, y, mark):
            assert (name, x, y, mark) == ("a", 1, 7, "m")
