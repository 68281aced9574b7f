"""The report of an incident: what is in it, by structure; and that nothing else is."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from omniops.clock import iso
from omniops.incident.obligations import Obligation
from omniops.incident.postmortem import _well
from omniops.incident.report import Change, Owed, Report, _owed
from omniops.incident.report_html import POLICY
from omniops.incident.score import closing
from omniops.incident.series import Point, Series, thinned
from omniops.incident.story import story
from omniops.journal.events import New
from omniops.runner.exporting import FORMATS, rendered, report_of
from omniops.runner.known import incident_of
from omniops.text import is_secret
from tests.support.incidents import HOSTILE, ID, START, STREAM, TITLE, Story

LATER = START + timedelta(minutes=50)
VOID = {"meta", "link", "rect", "line", "circle", "polyline", "br"}


class Page(HTMLParser):
    """The elements of a page with their texts; fails where one is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def made(story: Story) -> Report:
    return report_of(story.journal, incident_of(story.journal, ID), LATER)


def test_an_undo_is_no_run_taken_up_again() -> None:
    """What an undo does with a run's lease is not told; that somebody went on with the run is."""
    run = New("run/r1", None, "lease.taken", {"how": "undo"})
    journal = Story().journal
    journal.append([run, run._replace(data={"how": "resumed"})])
    assert [one.words for one in story(journal.read("run/r1"))] == ["run taken up again: resumed"]


@pytest.fixture
def whole() -> Report:
    return made(Story().opened().mitigated().put_back())


def test_json(whole: Report) -> None:
    """The JSON has all of it: severities with who and why, roles, looks, changes, people, and how obligations went."""
    said = json.loads(rendered(whole, "json"))
    assert (said["schema"], said["id"], said["severity"], said["security_path"]) == (
        "omniops.report/1",
        ID,
        "SEV-1",
        None,
    )
    assert [(one["severity"], one["by"]) for one in said["severities"]] == [("SEV-2", "alice"), ("SEV-1", "bob")]
    assert said["severities"][0]["why"] == "one provider is down"
    assert (said["roles"]["commander"], said["roles"]["comms"]) == ("alice", None)
    looks = said["series"]["points"]
    assert [one["verdict"] for one in looks] == ["cannot tell", "fail", "fail", "fail", "pass", "pass"]
    assert (looks[0]["p95_s"], looks[1]["p95_s"], said["series"]["budget_p95_s"]) == (None, 4.2, 1.5)
    assert [one["at"][11:16] for one in said["series"]["changes"]] == ["02:09", "02:40"]
    (change,) = said["changes"]
    assert (change["action"], change["by"], change["state"]) == ("connection.disable", "alice", "put back")
    assert change["undone"].startswith("2026-11-23T02:40")
    people = {one["who"]: one for one in said["people"]}
    assert (people["alice"]["roles"], people["bob"]["did"]) == (["commander"], ["1 put back", "1 severity"])
    owed = {one["id"]: one["state"] for one in said["obligations"]}
    expected = {"mail.start": "kept", "status": "open, 16m 00s late", "resolve_by": "open"}
    assert {id: owed[id] for id in expected} == expected


def test_page(whole: Report) -> None:
    """The page is closed in itself, fits a phone and paper, and holds what happened as text, hostile texts too."""
    text = rendered(whole, "html")
    page = Page(text)
    assert {"http-equiv": "Content-Security-Policy", "content": POLICY} in page.named("meta")
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.named("meta")
    assert "@media print" in text
    assert "max-width:599px" in text
    assert "".join(page.texts["title"]) == "".join(page.texts["h1"]) == TITLE
    headings = ["SLO series", "Timeline", "Who did what", "Severity", "What was owed", "Changes and mitigations"]
    assert page.texts["h2"] == headings
    assert any(HOSTILE in words for words in page.texts["span"])
    forbidden = {"script", "img", "iframe", "object", "embed", "form", "base", "a", "image", "use", "foreignobject"}
    assert not forbidden & {tag for tag, _ in page.tags}
    for _, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on") or name in ("src", "style", "srcset")]
        assert attrs.get("href", "data:,") == "data:,"
    assert not re.search(r"url\(|@import", text)


def test_plot(whole: Report) -> None:
    """Both plots have the budget's line, a point for each look that measured, a ? for the one that could not tell, and
    a mark for each change."""
    page = Page(rendered(whole, "html"))
    svgs = page.named("svg")
    assert [svg["class"] for svg in svgs] == ["plot wide", "plot narrow"]
    assert {svg["role"] for svg in svgs} == {"img"}
    assert "p95 at most 4.2 s, budget 1.5 s" in str(svgs[0]["aria-label"])
    kinds: dict[str, int] = {}
    for tag, attrs in page.tags:
        if tag in ("line", "circle", "text", "polyline"):
            kind = f"{tag} {attrs.get('class')}"
            kinds[kind] = kinds.get(kind, 0) + 1
    assert kinds["line budget"] == 4  # two panels, drawn twice
    assert (kinds["circle bad"], kinds["circle good"]) == (2 * (3 + 3), 2 * (2 + 2))
    assert (kinds["text unknown"], kinds["line mark"], kinds["text number"]) == (4, 4, 4)


def test_markdown(whole: Report) -> None:
    """The Markdown has the same parts; what somebody wrote is no markup in it, and breaks no table."""
    text = rendered(whole, "markdown")
    parts = ["SLO series", "Timeline", "Who did what", "Severity", "What was owed", "Changes and mitigations"]
    assert re.findall("^## (.*)$", text, re.M) == parts
    assert "<" not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    tables = [line for line in text.splitlines() if line.startswith("| ")]
    counts = {len(re.findall(r"(?<!\\)\|", line)) for line in tables}
    assert counts == {4, 5, 6}
    assert "| 2026-11-23 02:09:42 UTC | 4.20 s | 31.00% | fail |" in tables
    assert text.count("\n# ") + text.startswith("# ") == 1


@pytest.mark.parametrize("format", FORMATS)
def test_frozen(format: str) -> None:
    """Of an incident on the security path only that, who and when: neither its id nor its title, severity or roles."""
    text = rendered(made(Story().opened().mitigated().frozen()), format)
    assert "carol" in text
    assert "02:14" in text
    for word in ("openai", "OpenAI", "alice", "bob", "Bob", "SEV-", "r7f3a", "customer", "2026-11-23-"):
        assert word not in text.replace("2026-11-23T", "").replace("2026-11-23 ", "")
    if format == "json":
        said = json.loads(text)
        assert set(said) == {"schema", "made", "security_path"}
        assert said["security_path"] == {"at": "2026-11-23T02:14:00.000Z", "by": "carol"}


@pytest.mark.parametrize("format", FORMATS)
def test_no_secret(format: str) -> None:
    """A secret that reached the journal before omniops knew it is not in the export."""
    story = Story().opened().mitigated()
    canary = f"canary-{format}-7f3a9c"
    story.add(14, STREAM, "note", text=f"the password is {canary}")
    story.add(14, STREAM, "role", role="comms", who=canary)
    story.add(14, STREAM, "severity", severity="SEV-2", why=canary)
    is_secret(canary)
    text = rendered(made(story), format)
    assert canary not in text
    assert "the password is" in text


@pytest.mark.parametrize("format", FORMATS)
def test_a_long_note_is_whole(format: str) -> None:
    """What somebody wrote down is not cut where others read what happened."""
    story = Story().opened()
    note, why = f"{'word ' * 3000}its end", f"{'reason ' * 300}and its end"
    story.add(14, STREAM, "note", text=note)
    story.add(14, STREAM, "severity", severity="SEV-2", why=why)
    text = rendered(made(story), format)
    assert note in text
    assert why in text


def test_nobody_looked() -> None:
    """Without figures the report says so, in every format, and is whole otherwise."""
    found = made(Story().opened())
    assert found.series is not None  # hourly figures from before
    story = Story()
    story.add(1, STREAM, "incident.opened", title="x", onset="2026-11-23T02:00:00.000Z")
    found = made(story)
    assert found.series is None
    assert "Nobody has looked" in rendered(found, "html")
    assert "Nobody has looked" in rendered(found, "markdown")
    assert json.loads(rendered(found, "json"))["series"] is None


def test_figures_of_another_time_are_left_out() -> None:
    """What was recorded days before, or put back days later, does not squeeze the looks into a dot."""
    story = Story()
    story.add(-60 * 48, "figures", "figures", p95_s=9.0, requests=400, source="omniroute")
    story.opened().mitigated()
    story.add(60 * 72, "figures", "figures", p95_s=9.0, requests=400, source="omniroute")
    found = made(story).series
    assert found is not None
    assert max(one.p95_s or 0 for one in found.points) == 4.2
    assert found.end - found.begin < timedelta(hours=1)


def test_many_looks_are_thinned_to_the_worst() -> None:
    """Ten thousand looks are drawn as a few hundred, and the one that was over budget is among them."""
    points = [Point(START + timedelta(seconds=n), 9.0 if n == 5001 else 0.1, None, "pass") for n in range(10_000)]
    drawn = thinned(points, lambda one: one.p95_s)
    assert len(drawn) <= 240
    assert max(one.p95_s or 0 for one in drawn) == 9.0


@pytest.mark.parametrize(
    "points", [[(0, None)], [(0, 0.0)], [(0, 1e-9), (0, 1e12)], [(0, 1.0), (60 * 60 * 24 * 30, 2.0)]]
)
def test_odd_series_are_drawn(points: list[tuple[int, Any]]) -> None:
    """One look, none that could tell, a zero, an absurd figure, a month: there is a drawing, with finite numbers."""
    from omniops.incident.plot import NARROW, WIDE, svg

    looks = [Point(START + timedelta(seconds=at), value, value, "pass") for at, value in points]
    for shape in (WIDE, NARROW):
        drawn = svg(Series(looks, [], 1.5, 0.006), shape)
        assert not re.search("nan|inf", drawn)
        Page(drawn)


def test_numbers_that_agree() -> None:
    """Paging somebody is no change to the service; what is told within a minute is told in time, in the draft as in the
    drill's summary; and an undo reads the way it went."""
    told_of = Story().opened().mitigated()
    told = Owed("status", "an update", "page", iso(START), iso(START), "kept", "good")
    unresolved = told._replace(id="resolve_by", tone="")
    paged = Change("m9", iso(START), "page.escalate", "page #481", "alice", "done")
    found = made(told_of.put_back())
    whole = found._replace(changes=[paged, *found.changes], obligations=[told, told._replace(tone="bad"), unresolved])
    well = _well(incident_of(told_of.journal, ID), whole, None)
    assert well == [
        "1 of 2 things that others were to be told were told in time.", "1 of 1 changes were put back."
    ]  # fmt: skip
    assert "undo openai/main: isActive no -> isActive yes" in [one.words for one in found.story]
    late = obligation(START, timedelta(seconds=59)), obligation(START, timedelta(seconds=60))
    assert [_owed(one, LATER).tone for one in late] == ["good", "bad"]
    mail = [obligation(START, timedelta(minutes=minutes))._replace(id="mail.start") for minutes in (14, 15)]
    assert [_owed(one, LATER).tone for one in mail] == ["good", "bad"]  # "at SEV-1 start", one thing after the other
    assert closing(incident_of(told_of.journal, ID), late, LATER)[0] == "told         2 of 2 that were owed, 1 late"


def test_who_reads_a_mail() -> None:
    """The timeline says that customers were written to, and not the name of a mailbox."""
    journal = Story().opened().journal
    body = {"id": "o1", "engine": "mail", "to": "announce@example.org", "about": "mail.start", "body": {}, "key": "k"}
    journal.append([New(STREAM, None, "message.queued", body)])
    assert story(journal.read(STREAM))[-1].words == "to be sent: mail.start to customers"


def obligation(due: datetime, later: timedelta) -> Obligation:
    return Obligation("status", ID, "page", "an update", iso(due), "On-call", done_at=iso(due + later))
