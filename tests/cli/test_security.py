"""`omniops mitigate security` (4.5): what stops, what still goes out, and that it waits for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Command
from tests.support.oncall import folder
from tests.support.scripted_http import Scripted, answer

KEY = "R" * 32
PAGED = answer({"status": "success", "message": "Event processed", "dedup_key": "k"}, 202)


@pytest.fixture
def pagerduty() -> Iterator[Scripted]:
    with Scripted() as server:
        server.on("POST", "/v2/enqueue", PAGED)
        yield server


@pytest.fixture
def omniops(tmp_path: Path, pagerduty: Scripted) -> Command:
    return Command(tmp_path / "home", PAGERDUTY_EVENTS_URL=pagerduty.url, PAGERDUTY_ROUTING_KEY_SECURITY=KEY)


def paged(server: Scripted) -> list[str]:
    return [one.json()["payload"]["summary"].split(" - ")[0] for one in server.seen]


def said(text: str) -> str:
    """What was said, whatever the width of the screen."""
    return " ".join(text.split())


@pytest.mark.parametrize("url", ["", "not a url"])
def test_it_needs_no_server(omniops: Command, pagerduty: Scripted, url: str) -> None:
    """Nothing of it asks OmniRoute, so an address that is missing or wrong keeps nobody from being paged."""
    omniops("incident", "open", "RCE", "--severity", "SEV-3")
    done = omniops("mitigate", "security", "--yes", OMNIROUTE_URL=url)
    assert done.returncode == 10, done.stderr
    assert paged(pagerduty) == ["Security incident on OmniRoute"]
    (only,) = omniops.json("incident", "list")["incidents"]
    assert only["status"] == "frozen"


def test_it_waits_for_no_file_to_be_mended(omniops: Command, pagerduty: Scripted, tmp_path: Path) -> None:
    """A config file that is wrong is left out, and that is said; for every other runbook it has to be mended first."""
    config = tmp_path / "home" / "config" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("= no toml", encoding="utf-8")
    assert "config.toml" in omniops("mitigate", "provider-outage", "x", "--yes").stderr
    done = omniops("mitigate", "4.5", "--yes")
    assert done.returncode == 10, done.stderr
    assert "Going on without it" in said(done.stderr)
    assert paged(pagerduty) == ["Security incident on OmniRoute"]


def test_a_journal_that_cannot_be_written(omniops: Command, pagerduty: Scripted, tmp_path: Path) -> None:
    """The page goes out, once an hour at most; that nothing is frozen is said."""
    journal = tmp_path / "journal.db"
    journal.write_bytes(b"no database at all" * 100)
    for _ in range(2):
        done = omniops("mitigate", "security", "--yes", OMNIOPS_JOURNAL=str(journal))
        assert done.returncode not in (0, 10, 70)
        assert "nothing is frozen" in said(done.stderr)
    assert len({one.json()["dedup_key"] for one in pagerduty.seen}) == 1
    bare = omniops("mitigate", "security", "--yes", OMNIOPS_JOURNAL=str(journal), PAGERDUTY_ROUTING_KEY_SECURITY="")
    assert "call me" in bare.stderr
    assert journal.read_bytes().startswith(b"no database")


def test_several_are_open(omniops: Command, pagerduty: Scripted) -> None:
    """Without a person to say which, none of them is frozen, and the page goes out all the same."""
    for title in ("One", "Two"):
        omniops("incident", "open", title, "--severity", "SEV-3")
    done = omniops("mitigate", "security", "--yes")
    assert (done.returncode, "none of them is frozen" in said(done.stderr)) == (10, True)
    assert paged(pagerduty) == ["Security incident on OmniRoute"]


def test_a_handoff_that_speaks_of_it(omniops: Command, tmp_path: Path) -> None:
    """What waits in the outbox of all incidents and speaks of a frozen one is not sent any more."""
    rota = str(folder(tmp_path / "rota"))
    omniops("incident", "open", "RCE in tenant isolation", "--severity", "SEV-3")
    assert omniops("oncall", "handoff", "--yes", OMNIOPS_RUNBOOKS=rota).returncode != 0
    (waits,) = omniops.json("outbox")["messages"]
    assert "RCE in tenant isolation" in waits["body"]["text"]
    assert omniops("mitigate", "security", "--yes").returncode == 10
    assert omniops.json("outbox")["messages"] == []
