"""`omniops mitigate security` (4.5): what stops, what still goes out, and that it waits for nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from omniops.actions.paging import SECURITY_BY_HAND
from omniops.catalog import get
from omniops.config import Settings
from omniops.engine.state import RunState
from omniops.runner.security import entered
from omniops.runner.session import Result
from tests.support.command import Command
from tests.support.oncall import folder
from tests.support.scripted_http import Play, Scripted, answer, by_request

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


FULL = """
import json, os, resource, sys
from omniops.cli import context
from omniops.entry import run
from omniops.journal.head import Head
from omniops.journal.store import SqliteJournal
from omniops.runner import asking, session, walk, write  # once for all cases

def full(place, name, left):  # the disk is full from this write on, as the system sees it
    write = getattr(place, name)
    def counted(self, what):
        left[0] -= 1
        if left[0] < 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        return write(self, what)
    setattr(place, name, counted)

found = []
for case in json.loads(sys.argv[1]):
    os.environ["OMNIOPS_HOME"] = case["home"]
    for again in (False, True):
        read, said = os.pipe()
        if not (pid := os.fork()):
            os.dup2(said, 1), os.dup2(said, 2)
            if not again:
                full({"append": SqliteJournal, "write": Head}[case["of"]], case["of"], [case["after"]])
            code = run(case["then" if again else "words"])
            os._exit(code if not context.opened or again else 99)  # 99: the outbox would be sent now
        os.close(said)
        text = open(read, encoding="utf-8").read()
        found.append([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text])
print(json.dumps(found))
"""


def filled(omniops: Command, *cases: dict[str, Any]) -> Iterator[list[tuple[int, str]]]:
    """For each case, how its command ended on a disk that was full from some write on, and the next one with room."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, json.dumps(cases)],
        env=omniops.env, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ended = [(code, said(text)) for code, text in json.loads(done.stdout)]
    yield from (ended[at : at + 2] for at in range(0, len(ended), 2))


LATER = ["mitigate", "security", "--until", "freeze", "--yes"]


@pytest.mark.parametrize(
    ("of", "sent"),
    [("append", {0: 1, 1: 2, 2: 2, 4: 2, 5: 2, 6: 1}), ("write", {0: 2, 2: 2, 4: 2, 5: 1})],
)
def test_a_disk_that_is_full_from_some_moment_on(
    of: str, sent: dict[int, int], omniops: Command, pagerduty: Scripted, tmp_path: Path
) -> None:
    """Wherever the journal, or its head, takes no more, somebody is paged, and once: what has left is not sent again,
    what the run sends when it is resumed has the same key. Nothing of the outbox is sent."""
    cases = [
        {"home": str(tmp_path / str(after)), "of": of, "after": after, "words": ["mitigate", "security", "--yes"],
         "then": ["resume", "--yes"]}
        for after in sent
    ]  # fmt: skip
    if of == "append":  # not even begun
        cases[0]["then"] = LATER
    for case, ((code, text), (then, later)) in zip(cases, filled(omniops, *cases), strict=True):
        begun = case["then"] != LATER
        assert (code, "omniops resume" in text, "--until freeze" in text) == (6, begun, not begun), text
        assert then == 10 if begun else "Frozen" in later, later
    keys = Counter(one.json()["dedup_key"] for one in pagerduty.seen)
    assert list(keys.values()) == list(sent.values())


def test_a_run_that_cannot_be_taken_up_again(omniops: Command, pagerduty: Scripted) -> None:
    """A resume whose lease the journal does not take pages all the same, with the run's own key."""
    home, again = omniops.env["OMNIOPS_HOME"], ["resume", "--yes"]
    begun = {
        "home": home,
        "of": "append",
        "after": 2,
        "words": ["mitigate", "security", "--yes"],
        "then": ["--version"],
    }
    resumed = {"home": home, "of": "append", "after": 0, "words": again, "then": again}
    _, ((code, text), (then, later)) = filled(omniops, begun, resumed)
    assert (code, "The page does not wait for that" in text, then) == (6, True, 10), text + later
    assert list(Counter(one.json()["dedup_key"] for one in pagerduty.seen).values()) == [3]


def test_nothing_leaves_before_the_freeze_is_made_up_for(omniops: Command, pagerduty: Scripted) -> None:
    """A disk too full to freeze: no later command sends what waited, though it has room again; the freeze ends that,
    and drops what waited."""
    hook = "/services/T/B"
    pagerduty.on("POST", hook, answer("down", 503))
    omniops.env["SLACK_WEBHOOK_URL"] = pagerduty.url + hook
    omniops("incident", "open", "RCE", "--severity", "SEV-3")
    assert omniops("comms", "post", "it is public", "--yes").returncode in (7, 8)
    pagerduty.on("POST", hook, answer("ok"))
    tried = len(pagerduty.seen)
    owed = Path(omniops.env["OMNIOPS_HOME"], "state", "journal.db.freeze-owed")
    held: list[bool] = []

    def looked(_: object) -> Play:
        held.append(owed.exists())
        return PAGED

    pagerduty.on("POST", "/v2/enqueue", by_request(looked))
    case = {"home": omniops.env["OMNIOPS_HOME"], "of": "append", "after": 0, "words": ["mitigate", "security", "--yes"],
            "then": ["--version"]}  # fmt: skip
    (((code, text), _),) = filled(omniops, case)
    assert held == [True]  # before the page is sent, or somebody asked to telephone
    assert (code, "omniops sends nothing at all from here" in text) == (6, True), text
    late = omniops.later(600, "tick", "--quiet")
    assert (late.returncode, "nothing leaves from here" in said(late.stdout)) == (1, True), late
    assert omniops.later(600, "resume").returncode == 0
    assert [one.path for one in pagerduty.seen[tried:]] == ["/v2/enqueue"]
    assert "Frozen" in omniops(*LATER).stderr
    assert not owed.exists()
    late = omniops.later(600, "tick")
    assert "nothing leaves from here" not in said(late.stdout)
    assert [one.path for one in pagerduty.seen[tried:]] == ["/v2/enqueue"]


def test_nobody_was_reached(omniops: Command, pagerduty: Scripted, tmp_path: Path) -> None:
    """PagerDuty refuses, and nobody is at the terminal: the run stays open, and `tick` says so until somebody has
    called."""
    pagerduty.on("POST", "/v2/enqueue", answer({}, 403))
    done = omniops("mitigate", "security", "--yes")
    assert (done.returncode, "omniops resume r" in done.stderr) == (3, True), done.stderr
    late = omniops("tick", "--quiet")
    assert (late.returncode, "not known to have been reached" in said(late.stdout)) == (1, True), late
    answers = tmp_path / "answers.yaml"
    answers.write_text("by_hand: done\n", encoding="utf-8")
    assert omniops("resume", "--yes", "--answers", str(answers)).returncode == 10
    assert omniops("tick", "--quiet").stdout == ""


def test_another_incident_with_its_title(omniops: Command, pagerduty: Scripted) -> None:
    """It would be told in a channel that is called so; nothing is opened."""
    omniops("incident", "open", "RCE in the proxy", "--severity", "SEV-3")
    assert omniops("mitigate", "security", "--yes").returncode == 10
    done = omniops("incident", "open", "rce in the  proxy")
    assert (done.returncode, "another title" in said(done.stderr)) == (10, True), done.stderr


@pytest.mark.parametrize("url", ["http://[::1", "https://h:abc", "not a url"])
def test_an_events_address_that_is_none(omniops: Command, url: str) -> None:
    """It cannot be paged through: whom to call is said, and the run stays open."""
    done = omniops("mitigate", "security", "--yes", PAGERDUTY_EVENTS_URL=url)
    assert (done.returncode, SECURITY_BY_HAND in said(done.stderr)) == (3, True), done.stderr
    assert "PAGERDUTY_EVENTS_URL is not a plain base URL" in said(done.stderr)
    assert omniops("tick", "--quiet").returncode == 1


def test_typed_again_after_a_crash(omniops: Command, pagerduty: Scripted) -> None:
    """Whoever was killed types the same again: the same run goes on, and nobody is paged twice."""
    killed = omniops("mitigate", "security", "--yes", OMNIOPS_FAILPOINT="after_response@page_security")
    assert killed.returncode == -9
    done = omniops("mitigate", "security", "--yes")
    assert (done.returncode, "Going on with run" in done.stderr) == (10, True), done.stderr
    assert len({one.json()["dedup_key"] for one in pagerduty.seen}) == 1
    assert len(omniops.json("incident", "list", "--all")["incidents"]) == 1


def test_a_full_disk_and_no_routing_key(omniops: Command, pagerduty: Scripted, tmp_path: Path) -> None:
    """Somebody is told whom to call; where only the freeze was wanted, nobody is."""
    omniops.env["PAGERDUTY_ROUTING_KEY_SECURITY"] = ""
    cases = [
        {"home": str(tmp_path / str(at)), "of": "append", "after": 2, "words": words, "then": ["--version"]}
        for at, words in enumerate((["mitigate", "security", "--yes"], LATER))
    ]
    whole, freeze = (first for first, _ in filled(omniops, *cases))
    assert (whole[0], SECURITY_BY_HAND in whole[1]) == (6, True), whole
    assert (freeze[0], SECURITY_BY_HAND in freeze[1]) == (99, False), freeze


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


def test_the_checklist_on_a_full_disk(omniops: Command, pagerduty: Scripted, tmp_path: Path) -> None:
    """4.5 entered from the checklist waits for no journal either, from the answer that leads there on; the run that is
    resumed later pages nobody twice."""
    omniops.env |= {"OMNIROUTE_URL": "http://127.0.0.1:9", "OMNIROUTE_PASSWORD": "correct horse"}
    answers = tmp_path / "answers.yaml"
    answers.write_text("classify: security\n", encoding="utf-8")
    words = ["checklist", "--answers", str(answers), "--yes"]
    cases = [
        {
            "home": str(tmp_path / str(after)),
            "of": "append",
            "after": after,
            "words": words,
            "then": ["resume", "--yes"],
        }
        for after in (11, 14, 17)
    ]
    for case in cases:
        done = omniops("incident", "open", "x", "--onset", "now", OMNIOPS_HOME=str(case["home"]))
        assert done.returncode == 0, done.stderr
    for (code, text), (then, later) in filled(omniops, *cases):
        assert (code, "omniops resume" in text) == (6, True), text
        assert then == 10, later
    keys = Counter(one.json()["dedup_key"] for one in pagerduty.seen)
    assert list(keys.values()) == [2, 2, 2]


@pytest.mark.parametrize(("until", "pages"), [("", True), ("freeze", False)])
def test_who_wanted_the_freeze_alone_pages_nobody(until: str, pages: bool) -> None:
    """Nor does the run of `--until freeze` once it is resumed and the journal fails."""
    graph = get("security", Settings({}))
    state = SimpleNamespace(graph=graph, current="freeze", started={"until": until})
    assert entered(Result(cast(RunState, state), "")) is pages
