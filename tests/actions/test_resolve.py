"""What an operator types, and which connections or version it means."""

from __future__ import annotations

import unicodedata
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniops.actions import resolve
from omniops.actions.connections import ACTIONS
from omniops.errors import BadInput
from tests.support.fake_omniroute import FakeOmniRoute, connection, context

MAIN = "8ae76e54-1111-4222-8333-444455556666"
SPARE = "8ae99999-1111-4222-8333-444455556666"
NODE = "openai-compatible-chat-afefdc63"


@pytest.fixture
def server() -> FakeOmniRoute:
    fake = FakeOmniRoute()
    fake.known = [
        connection(MAIN, "openai", "main"),
        connection(SPARE, "openai", "spare"),
        connection("azure-1", "azure", "main"),
        connection("node-a", NODE, "fake-a", label="Fake Upstream", prefix="fake"),
        connection("node-b", NODE, "fake-b", label="Fake Upstream", prefix="fake"),
    ]
    return fake


def ids(server: FakeOmniRoute, text: str) -> list[str]:
    return [str(item["id"]) for item in resolve.connections(cast(Any, server), text)]


def refusal(server: FakeOmniRoute, text: str) -> str:
    with pytest.raises(BadInput) as caught:
        resolve.connections(cast(Any, server), text)
    shown = "\n".join(caught.value.lines())
    assert not [c for c in shown if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")]
    return shown


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (MAIN, [MAIN]),
        (MAIN.upper(), [MAIN]),
        ("8ae7", [MAIN]),
        ("spare", [SPARE]),
        (" Spare ", [SPARE]),
        ("openai", [MAIN, SPARE]),
        ("OpenAI", [MAIN, SPARE]),
        ("openai/main", [MAIN]),
        ("fake/fake-a", ["node-a"]),
        ("fake", ["node-a", "node-b"]),
        ("fake upstream", ["node-a", "node-b"]),
        (NODE, ["node-a", "node-b"]),
        ("spare, azure-1", [SPARE, "azure-1"]),
        ("azure-1,spare,spare,openai", [MAIN, SPARE, "azure-1"]),
    ],
)
def test_meant(server: FakeOmniRoute, typed: str, meant: list[str]) -> None:
    """An id, a unique start of one, a name, a provider in any of its names, or several with commas."""
    assert ids(server, typed) == meant


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("main", "several connections have that name"),
        ("8ae", "no connection or provider '8ae'"),
        ("opneai", "near it: openai"),
        ("zzzzzz", "there are: openai/main (8ae76e54)"),
        ("", "no connection was named"),
        (" , ,", "no connection was named"),
        ("openai, zzzzzz", "no connection or provider 'zzzzzz'"),
        ("node-", "several ids begin so"),
    ],
)
def test_refused(server: FakeOmniRoute, typed: str, says: str) -> None:
    """What is unknown or ambiguous is refused with what is near, or with what there is."""
    assert says in refusal(server, typed)


def test_a_name_that_is_also_a_provider(server: FakeOmniRoute) -> None:
    """A connection named like its provider could mean one or all: it is never guessed which."""
    server.change(MAIN, name="openai")
    assert "a connection and of a provider" in refusal(server, "openai")
    server.known = [c for c in server.known if c.id != SPARE]
    assert ids(server, "openai") == [MAIN]


def test_two_providers_with_one_name(server: FakeOmniRoute) -> None:
    """Two nodes that share a prefix are not taken together by it; the provider's own id still tells."""
    server.known.append(connection("node-c", "node-2", "c", label="Other", prefix="fake"))
    assert "several providers have that name" in refusal(server, "fake")
    assert ids(server, "node-2") == ["node-c"]


def test_a_name_with_a_comma(server: FakeOmniRoute) -> None:
    """A name that holds a comma is taken whole."""
    server.change("azure-1", name="eu, west")
    assert ids(server, "eu, west") == ["azure-1"]


def test_at_most_twenty_are_listed() -> None:
    """A server with hundreds of connections does not fill the screen."""
    server = FakeOmniRoute()
    server.known = [connection(f"id-{n}", "p", f"n{n}") for n in range(300)]
    shown = refusal(server, "?????")
    assert "and 280 more" in shown
    assert "p/n19" in shown
    assert "p/n20" not in shown


def test_a_server_without_connections() -> None:
    """An empty server says so, and does not list nothing."""
    assert "the server has no provider connections" in refusal(FakeOmniRoute(), "openai")


HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07x",
    "a\u202eb",
    "🙂🙂",
    "x" * 5000,
    "two\nlines",
    "\u200b",
    "%s{0}${inputs.x}",
    "[red]x",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(server: FakeOmniRoute, name: str) -> None:
    """A name from outside never reaches the screen as it is, in an item, a refusal or an approval."""
    server.known.append(connection("evil-1", "evil", name, label=name))
    found = resolve.connections(cast(Any, server), "evil-1")[0]
    assert found["id"] == "evil-1"
    for shown in (found["target"], found["name"], found["label"]):
        assert len(shown) <= 130
        assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cf")]
    refusal(server, name + "!")
    disable: Any = ACTIONS["connection.disable"]
    seen = disable.observe(context(server), {"connection": "evil-1"})
    assert seen.typed == "evil-1" or seen.typed.isascii()
    assert seen.typed.isprintable()


@given(st.text(max_size=200))
def test_anything_typed_is_refused_politely(typed: str) -> None:
    """Whatever is typed, the answer is connections or a refusal of at most four lines, without control characters."""
    server = FakeOmniRoute()
    server.known = [connection(MAIN, "openai", "main")]
    try:
        assert ids(server, typed) == [MAIN]
    except BadInput as error:
        lines = error.lines()
        assert len(lines) <= 4
        assert all(len(line) < 400 and line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("typed", "read"), [("v3.7.8", "3.7.8"), ("3.7.8\n", "3.7.8"), (" V3.8.49-koosha.0 ", "3.8.49-koosha.0")]
)
def test_version(typed: str, read: str) -> None:
    """A version is three numbers, with or without v, and a suffix where it has one."""
    assert resolve.version(typed) == read


@pytest.mark.parametrize(
    "typed",
    ["", "3.7", "latest", "3.7.8; rm -rf /", "--help", "3.7.8-", "3.7.8-a b", "٣.٧.٨", "v" * 300, "3.7.8/../x"],
)
def test_no_version(typed: str) -> None:
    """Anything else is refused before it can reach a script's argument."""
    with pytest.raises(BadInput, match="is not a version"):
        resolve.version(typed)
