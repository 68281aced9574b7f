"""connection.disable: what is shown, what makes it destructive, what is sent, and when undo is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from omniops.actions.connections import ACTIONS
from omniops.clock import iso
from omniops.errors import BadInput, NotOurs, Refused, Unreachable
from omniops.services.omniroute import TestReply as Probe
from omniops.services.omniroute import WriteReply
from tests.support.fake_omniroute import DOWN, START, FakeOmniRoute, connection, context

DISABLE: Any = ACTIONS["connection.disable"]
MAIN = "8ae76e54-1111-4222-8333-444455556666"
SPARE = "9bf87f65-1111-4222-8333-444455556666"


@pytest.fixture
def server() -> FakeOmniRoute:
    fake = FakeOmniRoute()
    fake.known = [connection(MAIN), connection(SPARE, name="spare"), connection("azure-1", "azure")]
    fake.models = {"openai": ["openai/gpt-4o", "openai/o3"], "azure": ["azure/gpt-4o"]}
    return fake


def disabled(server: FakeOmniRoute, id: str = MAIN) -> tuple[dict[str, Any], dict[str, Any]]:
    """Disable it as the runner would; the before-image, and what undo is given as ``after``."""
    ctx, args = context(server), {"connection": id}
    before = DISABLE.observe(ctx, args).state
    applied = DISABLE.apply(ctx, args, before, "r1/disable/0")
    server.clock.sleep(60)
    return before, {**DISABLE.observe(ctx, args).desired, "_at": applied.at}


def undo_view(server: FakeOmniRoute, before: dict[str, Any], after: dict[str, Any]) -> Any:
    return DISABLE.observe_undo(context(server), {"connection": before["id"]}, before, after)


def test_shows_identity_and_the_written_field(server: FakeOmniRoute) -> None:
    """State and desired hold identity and isActive only; what is volatile is shown, not bound."""
    server.change(MAIN, shown={"testStatus": "unavailable", "lastError": "[500]"})
    seen = DISABLE.observe(context(server), {"connection": MAIN})
    assert seen.target == "openai/main (8ae76e54)"
    assert seen.state == {"id": MAIN, "provider": "openai", "name": "main", "isActive": True}
    assert seen.desired == {**seen.state, "isActive": False}
    assert seen.shown == {"testStatus": "unavailable", "lastError": "[500]"}
    assert (seen.already, seen.destructive, seen.warnings) == (False, False, ())
    assert seen.at == iso(START)


def test_already_disabled(server: FakeOmniRoute) -> None:
    """A connection that is out already is success without a write, and nobody is warned."""
    server.change(MAIN, active=False)
    server.change(SPARE, active=False)
    seen = DISABLE.observe(context(server), {"connection": MAIN})
    assert seen.already
    assert not seen.destructive


def test_sends_one_put(server: FakeOmniRoute) -> None:
    """One write; the moment of the change is the server's own."""
    applied = DISABLE.apply(context(server), {}, {"id": MAIN}, "k")
    assert server.calls == ["set_active"]
    assert (applied.status, applied.at, applied.outputs) == ("applied", iso(START), {"changed_at": iso(START)})
    assert applied.evidence == {"code": 200, "request_id": "req-1"}


@pytest.mark.parametrize("status", ["not_applied", "in_doubt"])
def test_passes_on_what_the_answer_proves(server: FakeOmniRoute, status: str) -> None:
    """A 4xx is not applied, a 5xx in doubt; neither has a moment of change."""
    server.reply = WriteReply(status, "HTTP 5xx", 500, None, "", "req-9")
    applied = DISABLE.apply(context(server), {}, {"id": MAIN}, "k")
    assert (applied.status, applied.outputs, applied.detail) == (status, {}, "HTTP 5xx")


def test_unknown_connection(server: FakeOmniRoute) -> None:
    """An id that the server does not know is bad input, with the id made safe to show."""
    with pytest.raises(BadInput, match="there is no connection nope"):
        DISABLE.observe(context(server), {"connection": "nope\x1b[2J"})


def test_last_live_connection_is_destructive(server: FakeOmniRoute) -> None:
    """The last connection that serves models names them, says what clients will see, and has to be typed."""
    server.change(SPARE, active=False)
    seen = DISABLE.observe(context(server), {"connection": MAIN})
    assert seen.destructive
    assert seen.typed == "openai/main"
    assert "openai/gpt-4o, openai/o3" in seen.warnings[0]
    assert "400" in seen.warnings[0]
    assert "404" in seen.warnings[0]


def test_an_expired_credential_serves_nothing(server: FakeOmniRoute) -> None:
    """A second connection whose credential the upstream refuses does not count as live; one in cooldown does."""
    server.change(SPARE, shown={"testStatus": "expired"})
    assert DISABLE.observe(context(server), {"connection": MAIN}).destructive
    server.change(SPARE, shown={"testStatus": "unavailable"})
    assert not DISABLE.observe(context(server), {"connection": MAIN}).destructive


def test_nothing_is_listed(server: FakeOmniRoute) -> None:
    """A custom upstream with no listed models is named by its default model, or by itself; a failing list changes
    nothing."""
    only = connection(
        "node-a", "openai-compatible-chat-1", "a", label="Fake Upstream", prefix="fake", default_model="m"
    )
    server.known.append(only)
    seen = DISABLE.observe(context(server), {"connection": "node-a"})
    assert "serves fake/m:" in seen.warnings[0]
    assert seen.typed == "fake/a"
    server.change("node-a", default_model="", name="ä ü")
    server.broken["models_of"] = DOWN
    seen = DISABLE.observe(context(server), {"connection": "node-a"})
    assert "the models of Fake Upstream" in seen.warnings[0]
    assert seen.typed == "node-a"


def test_another_node_with_the_same_prefix_serves_too(server: FakeOmniRoute) -> None:
    """Another provider covers a model only if its list has the same client id."""
    server.known += [connection("n1", "node-1", prefix="fake"), connection("n2", "node-2", prefix="fake")]
    server.models |= {"node-1": ["fake/a", "fake/b"], "node-2": ["fake/a"]}
    assert "serves fake/b:" in DISABLE.observe(context(server), {"connection": "n1"}).warnings[0]
    server.models["node-2"].append("fake/b")
    assert not DISABLE.observe(context(server), {"connection": "n1"}).destructive


def test_many_models_are_counted(server: FakeOmniRoute) -> None:
    """A long list is cut, and says how many more there are."""
    server.models["azure"] = [f"azure/m{n}" for n in range(12)]
    assert "azure/m4 and 7 more" in DISABLE.observe(context(server), {"connection": "azure-1"}).warnings[0]


def test_undo_of_what_is_ours(server: FakeOmniRoute) -> None:
    """Our own row in the audit log is passed over; the state equals what we left; undo enables it again."""
    before, after = disabled(server)
    seen = undo_view(server, before, after)
    assert not seen.already
    assert "not_ours" not in seen.shown
    assert seen.state == {key: value for key, value in after.items() if key != "_at"}
    assert seen.desired == before
    assert DISABLE.undo(context(server), {}, before, "k").status == "applied"
    assert DISABLE.observe(context(server), {"connection": MAIN}).state == before
    assert undo_view(server, before, after).already


@pytest.mark.parametrize("seconds", [0.5, 1.5, 30.0])
def test_a_later_write_is_not_ours(server: FakeOmniRoute, seconds: float) -> None:
    """Somebody disabled it again since: undo is refused with who, when and what, even a moment after ours."""
    before, after = disabled(server)
    server.wrote("openai:main", ["isActive"], "alice\x1b[31m", START + timedelta(seconds=seconds))
    why = undo_view(server, before, after).shown["not_ours"]
    assert why == f"alice changed isActive at {iso(START + timedelta(seconds=seconds))}"
    assert "test_connection" not in server.calls


def test_an_earlier_write_and_the_servers_notes_do_not_count(server: FakeOmniRoute) -> None:
    """A write before ours, the server's own health notes, and writes to other connections refuse nothing."""
    before, after = disabled(server)
    server.wrote("openai:main", ["name"], "alice", START - timedelta(seconds=1))
    server.wrote("openai:main", ["testStatus", "lastError"], "system", START + timedelta(seconds=9))
    server.wrote("openai:spare", ["isActive"], "alice", START + timedelta(seconds=9))
    assert "not_ours" not in undo_view(server, before, after).shown


def test_our_own_row_is_told_by_what_it_changed(server: FakeOmniRoute) -> None:
    """Another's write a few milliseconds before ours is not taken for ours, nor ours for another's."""
    before, after = disabled(server)
    server.wrote("openai:main", ["priority"], "alice", START + timedelta(milliseconds=2))
    assert "not_ours" not in undo_view(server, before, after).shown


def test_without_our_own_row_a_later_one_is_still_not_ours(server: FakeOmniRoute) -> None:
    """Where our own row is missing, nobody else's is passed over in its stead."""
    before, after = disabled(server)
    server.audit.clear()
    server.wrote("openai:main", ["isActive"], "alice", START + timedelta(seconds=5))
    assert "alice changed isActive" in undo_view(server, before, after).shown["not_ours"]


def test_a_row_under_the_connections_id_counts(server: FakeOmniRoute) -> None:
    """A log that names the connection by its id is read as well."""
    before, after = disabled(server)
    server.audit.clear()
    server.wrote(MAIN, ["isActive"], "alice", START + timedelta(seconds=5))
    assert "alice" in undo_view(server, before, after).shown["not_ours"]


def test_a_write_with_unknown_fields_or_moment_counts(server: FakeOmniRoute) -> None:
    """What the audit log does not say is not taken for harmless."""
    before, after = disabled(server)
    server.wrote("openai:main", [], "alice", START + timedelta(seconds=9))
    assert "changed something" in undo_view(server, before, after).shown["not_ours"]


def test_twins_cannot_be_told_apart(server: FakeOmniRoute) -> None:
    """Two connections of one provider and name share their audit rows, so the rows refuse nothing there, but warn."""
    server.change(SPARE, name="main")
    before, after = disabled(server)
    disabled(server, SPARE)
    seen = undo_view(server, before, after)
    assert "not_ours" not in seen.shown
    assert "one of two connections of that name" in seen.warnings[0]


def test_an_audit_log_with_a_gap_is_a_warning(server: FakeOmniRoute) -> None:
    """A log that cannot say who else wrote is not taken for "nobody"; what it does say counts all the same."""
    before, after = disabled(server)
    server.audit_gap = "the audit log cannot be read (it answered 500)"
    seen = undo_view(server, before, after)
    assert seen.shown["writes_unknown"] == server.audit_gap
    assert seen.warnings == (f"whether somebody else has written to it since is unknown: {server.audit_gap}",)
    server.tests[MAIN] = Probe(False, "401", None)
    assert len(undo_view(server, before, after).warnings) == 2
    server.wrote("openai:main", ["isActive"], "alice", START + timedelta(seconds=5))
    assert "alice" in undo_view(server, before, after).shown["not_ours"]


def test_a_changed_state_is_not_what_we_left(server: FakeOmniRoute) -> None:
    """A rename leaves no matching state, so the runner sees that it is not ours."""
    before, after = disabled(server)
    server.change(MAIN, name="renamed")
    seen = undo_view(server, before, after)
    assert seen.state != {key: value for key, value in after.items() if key != "_at"}


def test_a_deleted_connection_cannot_come_back(server: FakeOmniRoute) -> None:
    """Undo of a connection that is gone is refused, not an error of the server."""
    before, after = disabled(server)
    server.known = []
    with pytest.raises(NotOurs, match="is gone"):
        undo_view(server, before, after)


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Probe(False, "401 invalid\x07 key", None), None, "401 invalid key"),
        (Probe(False, "", None), None, "the upstream refuses it"),
        (Probe(True, "", 3.0), Unreachable("no answer in 10 s"), "it could not be tested: no answer in 10 s"),
    ],
)
def test_a_failing_test_is_shown(server: FakeOmniRoute, reply: Probe, error: Unreachable | None, words: str) -> None:
    """A connection test that fails, or cannot be made, is a warning and is named for the runner."""
    before, after = disabled(server)
    server.tests[MAIN] = reply
    server.broken = {"test_connection": error} if error else {}
    seen = undo_view(server, before, after)
    assert seen.shown["test_failed"] == words
    assert words in seen.warnings[0]


def test_refusals_are_not_swallowed(server: FakeOmniRoute) -> None:
    """A credential that is refused ends the undo; it is not a failing connection."""
    before, after = disabled(server)
    server.broken["test_connection"] = Refused("403")
    with pytest.raises(Refused):
        undo_view(server, before, after)


def test_reconcile_leaves_it_to_the_state() -> None:
    """There is no better evidence than the connection itself."""
    assert DISABLE.reconcile(context(FakeOmniRoute()), {}, {}, "k", False) is None


def test_stopping_a_whole_provider_is_typed(server: FakeOmniRoute) -> None:
    """4.1.3: where a whole provider has to stop, what stops with it is listed, and the confirmation is typed."""
    seen = DISABLE.observe(context(server), {"connection": MAIN, "stops": ["openai/gpt-4o"]})
    assert seen.destructive
    assert "openai/gpt-4o" in seen.warnings[0]
    assert not DISABLE.observe(context(server), {"connection": MAIN}).destructive
