"""What is owed, over simulated days: nothing twice, nothing forgotten, whenever somebody happens to look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniops.catalog.communication import communication_for
from omniops.clock import iso, parse_iso
from omniops.incident.ladder import shipped
from omniops.incident.obligations import Facts, Obligation, obligations
from omniops.incident.outages import outages
from omniops.incident.unposted import Declined
from omniops.journal.events import Event

RULES = communication_for(None)
ZONE = ZoneInfo(RULES.zone)
START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # a Monday
ONSET = START - timedelta(minutes=10)
ID = "2026-11-23-openai-outage"
Told = tuple[float, str, dict[str, Any]]
"""Minutes after START, kind, data."""


def at(minutes: float, start: datetime = START) -> str:
    return iso(start + timedelta(minutes=minutes))


def severity(minutes: float, number: int) -> Told:
    return minutes, "severity", {"severity": f"SEV-{number}", "why": "declared by hand"}


def message(minutes: float, about: str, engine: str = "status", key: str = "", **body: str) -> Told:
    """A message that is queued, and sent at once, unless something else is told of it."""
    data = {"id": f"o{round(minutes * 60):06x}", "engine": engine, "to": "", "about": about, "body": body}
    return minutes, "message.queued", {**data, "key": key or f"{about}/{at(minutes)}"}


def dropped(minutes: float, of: float) -> Told:
    return became(minutes, of, "dropped", why="by hand")


def became(minutes: float, of: float, kind: str, **data: Any) -> Told:
    """What the message of minute ``of`` became: sent, failed, unsure, shown, dropped."""
    return minutes, f"message.{kind}", {"id": f"o{round(of * 60):06x}", **data}


def failed(minutes: float, of: float) -> Told:
    return became(minutes, of, "failed", why="down", retry_at=at(minutes + 1))


def _with_sent(told: Sequence[Told]) -> list[Told]:
    known = {data["id"] for _, kind, data in told if kind.startswith("message.") and kind != "message.queued"}
    found = []
    for one in told:
        found.append(one)
        if one[1] == "message.queued" and one[2]["id"] not in known:
            found.append((one[0], "message.sent", {"id": one[2]["id"], "ref": "", "how": ""}))
    return found


def done(minutes: float, id: str) -> Told:
    return minutes, "comms.done", {"obligation": id, "how": "by telephone"}


def resolved(minutes: float) -> Told:
    return minutes, "incident.resolved", {}


def facts(*told: Told, start: datetime = START, **more: Any) -> Facts:
    onset = iso(start - timedelta(minutes=10))
    first = (0.0, "incident.opened", {"title": "openai-main is out", "onset": onset})
    events = [
        Event(n, f"incident/{ID}", n, at(minutes, start), "eve", "h", "1", kind, data)
        for n, (minutes, kind, data) in enumerate([first, *_with_sent(told)], 1)
    ]
    return Facts(ID, events, **more)


def look(*told: Told, now: float = 0.0, start: datetime = START, **more: Any) -> list[Obligation]:
    return obligations(facts(*told, start=start, **more), RULES, shipped(), ZONE, start + timedelta(minutes=now))


def opened(*told: Told, start: datetime = START, **more: Any) -> dict[str, str]:
    """What is open, with its moment."""
    return {one.id: one.at for one in look(*told, start=start, **more) if one.open}


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, {"status": at(35), "mail.start": at(5), "upstream": at(5), "resolve_by": at(230)}),
        (2, {"status": at(35), "resolve_by": at(24 * 60 - 10)}),
        (3, {"ops.standup": "2026-11-23T17:00:00.000Z", "resolve_by": at(7 * 24 * 60 - 10)}),
        (4, {"review.weekly": "2026-11-23T17:00:00.000Z"}),
    ],
)
def test_by_severity(number: int, expected: dict[str, str]) -> None:
    """What each severity owes from the moment on that it is declared. SEV-4 has no limit but the next cycle."""
    assert opened(severity(5, number)) == expected


def test_nothing_without_a_severity() -> None:
    """An incident that nobody has classified owes nothing yet."""
    assert look() == []


def test_owners_and_what_to_type() -> None:
    """Everybody who owes something is the one whom section 5 names, and every open one says what to type."""
    found = look(severity(0, 1), now=60)
    assert {one.id: one.owner for one in found} == {
        "status": "On-call", "mail.start": "Comms lead", "upstream": "Vendor mgmt", "resolve_by": "On-call",
    }  # fmt: skip
    assert {one.next for one in found} == {
        "omniops comms status", "omniops comms email", "omniops comms upstream", "omniops incident resolve",
    }  # fmt: skip
    late = {one.id: one.late_s(START + timedelta(minutes=60)) for one in found}
    assert (late["status"], late["mail.start"], late["resolve_by"]) == (1800.0, 3600.0, -10200.0)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([severity(0, 1)], 30),
        ([severity(0, 1), message(10, "status")], 40),
        ([severity(0, 1), message(50, "status")], 80),  # late, and then from the post on
        ([severity(0, 1), message(10, "banner")], 40),
        ([severity(0, 1), done(12, "status")], 42),
        ([severity(0, 1), message(10, "status"), dropped(20, 10)], 30),
        ([severity(0, 1), message(10, "status"), failed(11, 10)], 30),  # it is on its way, and nobody has read it
        ([severity(0, 1), message(10, "status"), failed(11, 10), became(14, 10, "sent")], 44),
        ([severity(0, 1), message(10, "status", next=at(35)), became(14, 10, "sent")], 35),  # as was promised
        ([severity(0, 1), message(10, "status"), became(11, 10, "shown", why="no token")], 30),
        ([severity(0, 1), severity(20, 2)], 30),  # one stretch
        ([severity(0, 2), severity(20, 1), message(25, "status")], 55),
        ([severity(0, 1), severity(20, 3)], None),
        ([severity(0, 1), severity(20, 3), severity(60, 2)], 90),
        ([severity(0, 3), message(10, "status"), severity(20, 2)], 50),
        ([severity(0, 1), resolved(20)], None),
        ([severity(0, 1), (5, "frozen", {})], None),
        ([severity(0, 1), message(10, "note", engine="slack")], 30),
    ],
)
def test_the_next_status_update(told: list[Told], expected: float | None) -> None:
    """Every 30 minutes while it is SEV-1 or SEV-2, counted from the last word on the page."""
    assert opened(*told).get("status") == (None if expected is None else at(expected))


def test_status_updates_that_were_made() -> None:
    """Each update that was due is listed once, with when it was due and when it was made."""
    found = look(severity(0, 1), message(10, "status"), message(45, "status"), now=50)
    assert [(one.at, one.done_at) for one in found if one.id == "status"] == [
        (at(75), ""), (at(30), at(10)), (at(40), at(45)),
    ]  # fmt: skip


MAILED = message(1, "mail.start", "mail")
OVER = message(61, "status.resolved", status="resolved")
EARLY = message(9, "status", status="resolved")  # said too early, and taken back by the next text


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([severity(0, 1), resolved(60)], {"mail.start", "mail.resolution", "upstream", "postmortem"}),
        ([severity(0, 1), MAILED, resolved(60)], {"mail.resolution", "upstream", "postmortem"}),
        ([severity(0, 1), severity(9, 3), resolved(60)], {"mail.start", "mail.resolution", "upstream", "postmortem"}),
        ([severity(0, 2), resolved(60)], {"postmortem"}),
        ([severity(0, 3), resolved(60)], set()),
        ([severity(0, 2), message(9, "status"), resolved(60)], {"postmortem", "status.resolved"}),
        ([severity(0, 2), message(9, "status"), resolved(60), OVER], {"postmortem"}),
        ([severity(0, 2), done(9, "status"), resolved(60), done(61, "status.resolved")], {"postmortem"}),
        ([severity(0, 2), EARLY, message(20, "status"), resolved(60)], {"postmortem", "status.resolved"}),
        ([severity(0, 2), EARLY, done(20, "status"), resolved(60)], {"postmortem", "status.resolved"}),
        ([severity(0, 2), message(9, "status"), failed(10, 9), resolved(60)], {"postmortem", "status.resolved"}),
        ([severity(0, 2), message(9, "status"), resolved(60), OVER, failed(62, 61)], {"postmortem", "status.resolved"}),
        ([severity(0, 2), resolved(60), OVER, message(70, "status")], {"postmortem", "status.resolved"}),
        ([severity(0, 1), MAILED, became(2, 1, "shown", why=""), resolved(60)],
         {"mail.start", "mail.resolution", "upstream", "postmortem"}),
        ([severity(0, 2), resolved(60), (90, "postmortem.filed", {"url": "https://x"})], set()),
        ([severity(0, 2), resolved(60), done(90, "postmortem")], set()),
        ([severity(0, 2), resolved(60), (90, "frozen", {})], set()),
    ],
)  # fmt: skip
def test_after_the_resolution(told: list[Told], expected: set[str]) -> None:
    """Customers who were written to are written to again, a page that was told is told, and the postmortem is owed."""
    assert set(opened(*told)) == expected


def test_what_is_on_its_way() -> None:
    """A mail that nobody has received is open and late, says so, and stands in the way of resolving; its message is
    what there is to look at. One in doubt is, too, until somebody says that it arrived."""
    told = [severity(0, 1), MAILED, failed(2, 1)]
    (one,) = [one for one in look(*told, now=9) if one.id == "mail.start"]
    assert (one.open, one.overdue(START + timedelta(minutes=9)), one.blocks_resolving) == (True, True, True)
    assert (one.words, one.next) == ("e-mail to customers: it has begun; o00003c is not sent yet", "omniops outbox")
    assert one.as_json(START)["waits"] == "o00003c"
    (one,) = [one for one in look(severity(0, 1), MAILED, became(2, 1, "unsure", why="")) if one.id == "mail.start"]
    assert one.words.endswith("; o00003c may have been sent")
    assert "mail.start" not in opened(*told, done(9, "mail.start"))
    (one,) = [one for one in look(*told, became(7, 1, "sent"), now=9) if one.id == "mail.start"]
    assert (one.done_at, one.how, one.waits) == (at(7), "o00003c", "")


def test_the_last_word_is_told_where_it_was() -> None:
    """Before anything was posted, "none was posted yet"; else when the last word on the page was, whenever that was."""
    words = [one.words for one in look(severity(10, 1), message(5, "status"), now=12) if one.id == "status"]
    assert words == ["status page: an update every 30 min; the last was at 03:05 UTC"]


def test_the_postmortem() -> None:
    """Five business days after the resolution, at the end of the day there; first it is written, then filed."""
    told = [severity(0, 1), resolved(60)]
    (found,) = [one for one in look(*told) if one.id == "postmortem"]
    assert (found.at, found.next) == ("2026-11-28T08:00:00.000Z", "omniops postmortem new")  # Sunday there: Mon to Fri
    (found,) = [one for one in look(*told, (99, "postmortem.written", {"path": "x"})) if one.id == "postmortem"]
    assert found.next == "omniops postmortem file"


@pytest.mark.parametrize(
    ("declared", "standup", "review"),
    [
        ("2026-11-23T16:59:00Z", "2026-11-23T17:00:00.000Z", "2026-11-23T17:00:00.000Z"),
        ("2026-11-23T17:00:00Z", "2026-11-24T17:00:00.000Z", "2026-11-30T17:00:00.000Z"),
        ("2026-11-27T20:00:00Z", "2026-11-30T17:00:00.000Z", "2026-11-30T17:00:00.000Z"),  # Friday
        ("2026-10-30T20:00:00Z", "2026-11-02T17:00:00.000Z", "2026-11-02T17:00:00.000Z"),  # the clocks go back
        ("2026-03-06T20:00:00Z", "2026-03-09T16:00:00.000Z", "2026-03-09T16:00:00.000Z"),  # the clocks go forward
        ("2026-03-02T16:30:00Z", "2026-03-02T17:00:00.000Z", "2026-03-02T17:00:00.000Z"),
    ],
)
def test_meetings_keep_to_the_wall_clock(declared: str, standup: str, review: str) -> None:
    """09:00 in Los Angeles is another moment in summer; a weekend has no standup; at the meeting it is too late."""
    moment = parse_iso(declared)
    assert opened(severity(0, 3), start=moment)["ops.standup"] == standup
    assert opened(severity(0, 4), start=moment)["review.weekly"] == review


def test_what_is_told_or_over_need_not_be_told_at_a_meeting() -> None:
    """Posted once, resolved, or of another severity by then: nothing is owed to the standup."""
    assert "ops.standup" not in opened(severity(0, 3), message(5, "ops.standup", "slack"))
    assert "ops.standup" not in opened(severity(0, 3), resolved(5))
    assert "ops.standup" not in opened(severity(0, 3), severity(5, 2))


OUT = ((at(-10), ""),)


@pytest.mark.parametrize(
    ("told", "out", "expected"),
    [
        ([severity(0, 2)], OUT, at(5)),
        ([], OUT, at(5)),  # nobody has classified it: the outage counts all the same
        ([severity(0, 2)], ((at(-10), at(4)),), None),  # over before 15 minutes
        ([severity(0, 2), message(2, "status")], OUT, None),  # the page shows it
        ([severity(0, 2), message(6, "banner")], OUT, None),
        ([severity(0, 2), done(6, "banner")], OUT, None),
        ([severity(0, 2), message(6, "banner"), dropped(7, 6)], OUT, at(5)),
        ([severity(0, 2)], ((at(-10), at(4)), (at(20), "")), at(35)),  # it has begun again
        ([severity(0, 2), message(-5, "status")], ((at(-10), at(4)), (at(20), "")), at(35)),
        ([severity(0, 2), message(6, "banner")], ((at(-10), at(20)), (at(120), "")), at(135)),
        ([severity(0, 2), done(6, "banner")], ((at(-10), at(20)), (at(120), "")), at(135)),
        ([severity(0, 2), message(6, "banner"), failed(7, 6)], OUT, at(5)),
        ([severity(0, 2), resolved(4)], OUT, None),
        ([severity(0, 2), (1, "frozen", {})], OUT, None),
    ],
)
def test_the_banner(told: list[Told], out: tuple[tuple[str, str], ...], expected: str | None) -> None:
    """A banner is owed when the outage of a provider passes 15 minutes, counted from the onset (4.1.4)."""
    assert opened(*told, outages=out).get("banner") == expected


def run(id: str, *told: Told, runbook: str = "provider-outage", steps: dict[str, Any] | None = None) -> list[Event]:
    graph = {"id": runbook, "steps": steps or {}}
    first = (0.0, "run.started", {"run": id, "onset": iso(ONSET), "graph": graph, "inputs": {}})
    return [
        Event(n, f"run/{id}", n, at(minutes), "eve", "h", "1", kind, data)
        for n, (minutes, kind, data) in enumerate([first, *told], 1)
    ]


RECOVERED = {"step": "recovered", "outcome": "success", "outputs": {"verdict": "recovered"}}


def test_outages() -> None:
    """A walk of 4.1, by itself or called by the checklist, says that a provider is out, from the onset on; a verdict
    says that it is over, and another walk that it has begun again."""
    called = {"disable.disable": {"runbook": "provider-outage"}, "open": {"runbook": "first-15-minutes"}}
    steps = [(3.0, "step.entered", {"step": "open"}), (12.0, "step.entered", {"step": "disable.disable"})]
    checklist = run("r1", *steps, runbook="first-15-minutes", steps=called)
    assert outages([checklist], "provider-outage") == ((at(-10), ""),)
    assert outages([run("r2", *steps[:1], runbook="first-15-minutes", steps=called)], "provider-outage") == ()
    over = run("r3", (4, "step.done", RECOVERED))
    assert outages([over], "provider-outage") == ((at(-10), at(4)),)
    looked = facts((4, "verified", {"verdict": "recovered"}), (5, "verified", {"verdict": "not_recovered"})).events
    assert outages([run("r3")], "provider-outage", looked) == ((at(-10), at(4)),)
    again = [Event(9, "run/r4", 1, at(20), "eve", "h", "1", "run.started", over[0].data)]
    assert outages([over, again], "provider-outage") == ((at(-10), at(4)), (at(20), ""))


def test_every_provider_is_told() -> None:
    """Fulfilled when each that is affected was told, by a message or by hand; one that is added later is owed again."""
    told = [severity(0, 1), message(1, "upstream", "mail", key="upstream/openai")]
    assert "upstream" in opened(*told, providers=("openai", "groq"))
    assert "upstream" not in opened(*told, providers=("openai",))
    assert "upstream" not in opened(*told, done(2, "upstream"), providers=("openai", "groq"))
    assert "upstream" in opened(*told, failed(2, 1), providers=("openai",))
    late = message(400, "upstream", "mail", key="upstream/groq")
    again = message(500, "upstream", "mail", key="upstream/openai#2")
    (one,) = [one for one in look(*told, late, again, providers=("openai", "groq")) if one.id == "upstream"]
    assert one.done_at == at(400)  # the last of them decides whether it was in time
    nobody = (2.0, "comms.done", {"obligation": "upstream", "how": "the cluster is down", "providers": []})
    assert "upstream" not in opened(severity(0, 1), nobody)
    assert "upstream" in opened(severity(0, 1), nobody, providers=("openai",))
    by_hand = (2.0, "comms.done", {"obligation": "upstream", "how": "called", "providers": ["groq"]})
    assert "upstream" not in opened(*told, by_hand, providers=("openai", "groq"))
    assert "upstream" in opened(*told, by_hand, providers=("openai", "groq", "mistral"))
    assert "upstream" not in opened(severity(0, 1), done(2, "upstream"))  # cluster down: no provider concerned


def test_what_was_declined_for_the_channel() -> None:
    """It is owed from that moment on, by the names of its steps; what is posted later, or a person's word, makes up for
    all of it, and not for what is declined after that. It keeps nobody from resolving."""
    no = tuple(Declined(at(minutes), step, "x") for minutes, step in ((1, "post_ack"), (4, "declare"), (9, "again")))
    (owed,) = look(declined=no[:2], now=5)
    assert (owed.id, owed.at, owed.open, owed.blocks_resolving) == ("channel", at(1), True, False)
    assert owed.words.endswith("post ack, declare")
    for made_up in (message(6, "channel", "slack"), done(6, "channel")):
        (owed,) = look(made_up, declined=no[:2], now=7)
        assert (owed.open, owed.done_at) == (False, at(6))
        (owed,) = look(made_up, declined=no, now=10)
        assert (owed.open, owed.at, owed.words.endswith(": again")) == (True, at(9), True)
        (owed,) = look(made_up, done(20, "channel"), declined=no[:2], now=30)
        assert owed.done_at == at(6)
    for other in ("post_evidence", "post"):
        (owed,) = look(message(6, other, "slack"), declined=no[:2], now=7)
        assert owed.open  # a walk's next text, or somebody's own, does not tell what was left out
    (owed,) = look(message(6, "channel", "slack"), failed(6, 6), declined=no[:2], now=7)
    assert (owed.open, bool(owed.waits), owed.next) == (True, True, "omniops outbox")
    late = (
        message(3, "channel", "slack"),
        became(6, 3, "sent", ref="", how=""),
    )  # declined while it waited
    (owed,) = look(*late, declined=no[:2], now=7)
    assert (owed.open, owed.words.endswith(": declare")) == (True, True)
    read_before = message(6, "channel", "slack", key=f"channel/{at(1)}")  # and looked at until 6
    (owed,) = look(read_before, declined=no[:2], now=7)
    assert (owed.open, owed.words.endswith(": declare")) == (True, True)
    assert look(resolved(8), declined=no[:2], now=9) == []


def test_resolving_is_what_resolve_by_asks_for() -> None:
    """The limit never stands in the way of resolving; a status update that is late does."""
    late = [one for one in look(severity(0, 1), now=600) if one.overdue(START + timedelta(minutes=600))]
    assert {one.id for one in late if not one.blocks_resolving} == {"resolve_by"}
    assert {one.id for one in late if one.blocks_resolving} == {"status", "mail.start", "upstream"}


# Days, with looks at any moment --------------------------------------------------------------------------------------

STARTS = st.sampled_from([START, datetime(2026, 10, 31, 20, 0, tzinfo=UTC), datetime(2026, 3, 7, 22, 0, tzinfo=UTC)])
LOOKS = st.lists(st.integers(1, 700), min_size=1, max_size=25)


@given(STARTS, LOOKS, st.integers(1, 2), st.integers(200, 3000))
def test_somebody_who_posts_whenever_it_is_late(start: datetime, naps: list[int], number: int, end: int) -> None:
    """A laptop that sleeps for as long as it likes, through clock changes: at every look there is one status update
    owed at most, it is due 30 minutes after the last, and whoever posts when it is late never posts twice for one."""
    told: list[Told] = [severity(0, number)]
    minute, last, posted = 0.0, 0.0, 0
    for nap in naps:
        minute += nap
        if minute >= end:
            break
        now = start + timedelta(minutes=minute)
        owed = [one for one in look(*told, now=minute, start=start) if one.id == "status" and one.open]
        assert [one.at for one in owed] == [at(last + 30, start)]
        assert owed[0].overdue(now) == (minute >= last + 30)
        if owed[0].overdue(now):
            told.append(message(minute, "status"))
            last, posted = minute, posted + 1
            again = [one for one in look(*told, now=minute, start=start) if one.id == "status" and one.overdue(now)]
            assert again == []
    told.append(resolved(max(minute, end)))
    found = look(*told, start=start)
    made = [one for one in found if one.id == "status"]
    assert len(made) == posted
    assert len({one.at for one in made}) == posted  # none is fulfilled twice
    assert all(one.done_at for one in made)


CHANGES = st.lists(
    st.tuples(
        st.integers(1, 4000),
        st.one_of(
            st.integers(1, 4),
            st.sampled_from(["status", "banner", "mail.start", "upstream", "ops.standup", "note", "by hand"]),
        ),
    ),
    max_size=14,
    unique_by=lambda change: change[0],
)


def _told(changes: list[tuple[int, int | str]]) -> list[Told]:
    made: list[Told] = []
    for minute, what in sorted(changes):
        if isinstance(what, int):
            made.append(severity(minute, what))
        elif what == "by hand":
            made.append(done(minute, "status"))
        else:
            made.append(message(minute, what, "status" if what in ("status", "banner") else "slack"))
    return made


@given(CHANGES, st.integers(0, 4000), st.integers(4001, 9000))
def test_it_depends_on_nothing_but_the_events(changes: list[tuple[int, int | str]], cut: int, later: int) -> None:
    """A restart at any moment sees what whoever never stopped sees: the moments do not depend on when one looks, one
    obligation is open once, and what is fulfilled stays so whatever is written later."""
    told = _told(changes)
    early, late = look(*told, now=cut), look(*told, now=later)
    assert [(one.id, one.at, one.done_at) for one in early] == [(one.id, one.at, one.done_at) for one in late]
    open_ones = [one.id for one in late if one.open]
    assert len(open_ones) == len(set(open_ones))
    before = [one for one in told if one[0] <= cut]
    kept = {(one.id, one.at, one.done_at) for one in look(*before) if one.done_at and one.id != "upstream"}
    assert kept <= {(one.id, one.at, one.done_at) for one in late if one.done_at}
    for one in look(*before):  # nothing is forgotten: it is open still, or fulfilled, or not owed any more by the rules
        if one.open and one.id in ("mail.start", "upstream"):
            assert one.id in {other.id for other in late}


@given(CHANGES, st.integers(0, 4000))
def test_a_frozen_incident_owes_nothing(changes: list[tuple[int, int | str]], when: int) -> None:
    """From the moment on that 4.5 is entered, whatever came before and comes after."""
    told = sorted([*_told(changes), (float(when), "frozen", {})], key=lambda one: one[0])
    assert look(*told, outages=OUT, providers=("openai",)) == []
