"""Strict YAML: what is refused, where, and with which words."""

from __future__ import annotations

import os

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from omniops.catalog import strict_yaml
from omniops.catalog.strict_yaml import MAX_BYTES, BadYaml, Place, parse
from omniops.errors import Exit

LONG = bool(os.environ.get("OMNIOPS_LONG"))


@pytest.fixture(params=["c", "python"])
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parsers of PyYAML: the same refusal at the same place."""
    if request.param == "c" and not hasattr(yaml, "CSafeLoader"):
        pytest.skip("PyYAML was built without libyaml")
    loader = yaml.CSafeLoader if request.param == "c" else yaml.SafeLoader
    monkeypatch.setattr(strict_yaml, "LOADER", loader)


REFUSED = [
    ("a: 1\nb: 2\na: 3\n", 3, 1, "'a' is there twice (first on line 1)"),
    ("a:\n  b: 1\n  b: 2\n", 3, 3, "'b' is there twice (first on line 2)"),
    ('a: 1\n"a": 2\n', 2, 1, "there twice"),
    ("on: x\n", 1, 1, "read by YAML as true or false"),
    ("a:\n  yes: x\n", 2, 3, "'yes' is read by YAML"),
    ("Off: x\n", 1, 1, "'Off' is read by YAML"),
    ("n: x\n", 1, 1, "'n' is read by YAML"),
    ("a: yes\n", 1, 4, "can mean true, false or a word"),
    ("a: True\n", 1, 4, "can mean true, false or a word"),
    ("a: 1:30\n", 1, 4, "base 60"),
    ("a: [5m, 12:30:45]\n", 1, 9, "base 60"),
    ("a: 2026-06-18\n", 1, 4, "a date to YAML"),
    ("a: 2026-06-18T10:00:00Z\n", 1, 4, "a date to YAML"),
    ("2026-06-18: a\n", 1, 1, "is not a word"),
    ("1: a\n", 1, 1, "is not a word"),
    ("1.5: a\n", 1, 1, "is not a word"),
    ("a: 010\n", 1, 4, "a number of another kind"),
    ("a: 0x1F\n", 1, 4, "a number of another kind"),
    ("a: 1_000\n", 1, 4, "a number of another kind"),
    ("a: 1e3\n", 1, 4, "a number of another kind"),
    ("a: .nan\n", 1, 4, "a number of another kind"),
    ("a: 12345678901234567890\n", 1, 4, "too many digits"),
    ("a:\tb\n", 1, 3, "a tab"),
    ("a:\n\tb: c\n", 2, 1, "a tab"),
    ("a: &x b\n", 1, 4, "an anchor"),
    ("a: &x [1]\nb: *x\n", 1, 4, "an anchor"),
    ("b: *x\n", 1, 4, "an alias"),
    ("a: {<<: {b: c}}\n", 1, 5, "a merge key"),
    ("a: !!str 5\n", 1, 4, "a tag"),
    ("a: !!python/object:os.system x\n", 1, 4, "a tag"),
    ("a: !x {b: c}\n", 1, 4, "a tag"),
    ("---\na: b\n---\nc: d\n", 3, 1, "a second document"),
    ("%YAML 1.1\n---\na: b\n", 1, 1, "a directive"),
    ("", 1, 1, "the file is empty"),
    ("   \n\n", 1, 1, "the file is empty"),
    ("# nothing but words\n", 1, 1, "the file is empty"),
    ("a: ~\n", 1, 4, "no value"),
    ("a: null\n", 1, 4, "no value"),
    ("a:\nb: c\n", 1, 3, "no value"),
    ("- a\n-\n", 2, 2, "no value"),
    ("~: a\n", 1, 1, "an empty key"),
    ("? [a, b]\n: c\n", 1, 3, "a key that is not a word"),
    ("? {a: b}\n: c\n", 1, 3, "a key that is not a word"),
    ("a: b: c\n", 1, 5, "mapping values are not allowed"),
    ("a: @b\n", 1, 4, "cannot start any token"),
    ('a: "b\n', 2, 1, "unexpected end of stream"),
    ("a: \x1b[2J\n", 1, 4, "a hidden character (U+001B)"),
    ("a: x\u202ey\n", 1, 5, "a hidden character (U+202E)"),
    ("a: b\u2028c: d\n", 1, 5, "a hidden character (U+2028)"),
    ('a: "\\x1b[2J"\n', 1, 4, "text with a hidden character (U+001B)"),
    ('"\\u202e": a\n', 1, 1, "text with a hidden character (U+202E)"),
    ("a: \ufffe\n", 1, 4, "a character that YAML does not allow"),
    ("[" * 50, 1, 17, "nested more than 16 levels"),
    ("[" * 100_000, 1, 17, "nested more than 16 levels"),
    ("{a: " * 50, 1, 65, "nested more than 16 levels"),
    ("- " * 50 + "x\n", 1, 33, "nested more than 16 levels"),
]


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize(("text", "line", "column", "words"), REFUSED, ids=[repr(row[0][:24]) for row in REFUSED])
def test_refused_with_place_words_and_mend(text: str, line: int, column: int, words: str) -> None:
    """What YAML would guess at is refused at its own line and column, with what it is and a mend."""
    with pytest.raises(BadYaml) as caught:
        parse(text.encode(), "some/file.yaml")
    assert caught.value.what.startswith(f"some/file.yaml:{line}:{column}: ")
    assert words in caught.value.what
    assert caught.value.next
    assert caught.value.exit == Exit.USAGE
    assert len(caught.value.lines()) <= 4


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize(
    ("data", "place", "words"),
    [
        (b"a: b\nc: \xff\n", "2:4", "not UTF-8"),
        ("a: é".encode("latin-1"), "1:4", "not UTF-8"),
        ("a: b".encode("utf-16"), "1:1", "not UTF-8"),
        (b"a: b\n" * (MAX_BYTES // 5 + 1), "1:1", "too large"),
        (b'a: "\\UFFFFFFFF"', "1:", "not YAML"),
        (b'a: "\\ud800"', "1:", ""),
    ],
    ids=["byte", "latin-1", "utf-16", "huge", "escape", "surrogate"],
)
def test_bytes_that_are_no_text(data: bytes, place: str, words: str) -> None:
    """Bytes that are not UTF-8, too many bytes, and escapes outside Unicode are refused with their place."""
    with pytest.raises(BadYaml) as caught:
        parse(data, "f.yaml")
    assert caught.value.what.startswith(f"f.yaml:{place}")
    assert words in caught.value.what


@pytest.mark.usefixtures("_loader")
def test_values_and_places() -> None:
    """Plain values come out as they are written, each with the line and column of its key and of itself."""
    text = "a: 5m\nb:\n  - 1\n  - -2.5\n  - true\n  - \"yes\"\n  - 3.7.9\nc: {d: '0:12', e: |\n    x\n    y\n  }\n"
    text = text.replace("e: |\n    x\n    y\n  }", "e: {}}")
    document = parse(text.encode(), "f.yaml")
    assert document.value == {"a": "5m", "b": [1, -2.5, True, "yes", "3.7.9"], "c": {"d": "0:12", "e": {}}}
    assert document.places[("a",)] == Place(1, 4, 1, 1)
    assert document.places[("b", 1)] == Place(4, 5, 4, 5)
    assert document.places[("c", "d")] == Place(8, 8, 8, 5)
    assert document.places[()] == Place(1, 1, 1, 1)


@pytest.mark.usefixtures("_loader")
def test_windows_lines_and_byte_order_mark() -> None:
    """A file saved by a Windows editor is read like any other."""
    document = parse(b"\xef\xbb\xbfa: b\r\nc: d\r\n", "f.yaml")
    assert document.value == {"a": "b", "c": "d"}
    assert document.places[("c",)].line == 2


@settings(max_examples=3000 if LONG else 300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))))
def test_anything_is_read_or_refused(data: bytes) -> None:
    """Whatever the bytes are, the answer is a value or a BadYaml, never another exception."""
    refused: BadYaml | None = None
    try:
        assert () in parse(data, "f.yaml").places
    except BadYaml as error:
        refused = error
    assert refused is None or (refused.line >= 1 and refused.column >= 1 and refused.next)


@settings(max_examples=2000 if LONG else 200, deadline=None)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"%@`#?, \n~<=0123456789.\\uxU\t", max_size=80))
def test_syntax_soup_is_read_or_refused(text: str) -> None:
    """The same for texts made of YAML's own signs, with both parsers."""
    for loader in {getattr(yaml, "CSafeLoader", yaml.SafeLoader), yaml.SafeLoader}:
        saved, strict_yaml.LOADER = strict_yaml.LOADER, loader
        try:
            parse(text.encode(), "f.yaml")
        except BadYaml:
            pass
        finally:
            strict_yaml.LOADER = saved
