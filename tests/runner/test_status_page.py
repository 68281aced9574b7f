"""The status page, through both services: one entry per incident, every text once, and nothing old last."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from omniops.errors import InDoubt
from omniops.journal.events import New
from omniops.journal.lease import me
from omniops.runner import outbox
from tests.support.fake_statuspage import TOKEN, FakeStatuspage
from tests.support.messages import INCIDENT, STREAM, Post
from tests.support.status_repo import StatusRepo


def publish(post: Post, status: str = "investigating", body: str = "We look into it.", **more: str) -> Any:
    given = {"title": "OmniRoute: service disruption", "status": status, "impact": "major", "body": body, **more}
    return post.send("status", "", **given)


@pytest.fixture
def page() -> Iterator[FakeStatuspage]:
    with FakeStatuspage() as running:
        yield running
        assert running.wrong == []


@pytest.fixture
def post(tmp_path: Path, page: FakeStatuspage) -> Iterator[Post]:
    yield (made := Post(tmp_path, page.env))
    made.clients.statuspage.close()


@pytest.fixture
def repo(tmp_path: Path) -> StatusRepo:
    return StatusRepo(tmp_path)


@pytest.fixture
def git(tmp_path: Path, repo: StatusRepo) -> Post:
    return Post(tmp_path, repo.env)


def test_one_entry_from_open_to_resolved(post: Post, page: FakeStatuspage) -> None:
    """All texts of an incident are in one entry, whose impact and status follow; its id is in the journal."""
    for status in ("investigating", "identified", "monitoring", "resolved"):
        message = publish(post, status, f"It is {status}.")
        assert (message.state, message.ref) == ("sent", "https://stspg.io/1")
    (entry,) = page.incidents
    assert (entry["status"], entry["impact"], len(page.texts())) == ("resolved", "major", 4)
    assert entry["metadata"]["omniops"]["incident"] == INCIDENT
    assert [fact["id"] for fact in post.facts("status.opened")] == [entry["id"]]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_an_answer_that_is_lost(post: Post, page: FakeStatuspage, method: str) -> None:
    """Published, and the answer lost: it is looked for, found by what the entry carries, and not published again."""
    if method == "PATCH":
        publish(post)
    page.breaks = method
    assert publish(post, "identified", "Found.").state == "unsure"
    assert post.flush(3600)[-1] == "sent"
    assert post.messages()[-1].how == "it was there already"
    assert (len(page.incidents), page.texts().count("Found.")) == (1, 1)


def test_killed_before_it_was_written_down(post: Post, page: FakeStatuspage) -> None:
    """The entry was made by somebody who was killed at once: it is found again by its metadata."""
    publish(post)
    post.forget("message.sent", "status.opened")
    assert post.flush(3600) == ["sent"]
    assert (len(page.incidents), len(page.texts())) == (1, 1)


def test_killed_with_its_request_under_way(post: Post, page: FakeStatuspage) -> None:
    """Whoever published was killed late, and its request arrives later still: until it can arrive no more, nobody asks
    for it; then it is found, and there is one entry."""
    id = post.queue("status", title="T", status="investigating", impact="major", body="We look into it.")
    gone = {**me(), "pid": 999_999_999, "started": "1", "send_by": post.clock.boot() + 5}
    post.journal.append([New(STREAM, None, "message.sending", {"id": id, "attempt": 1, **gone})])
    assert post.flush(5 + 16) == ["sending"]
    post.flush(22)
    assert page.asked == []
    post.clients.statuspage.open(INCIDENT, id, "T", "investigating", "major", "We look into it.")
    assert post.flush(10) == ["sent"]
    assert (len(page.incidents), len(page.texts())) == (1, 1)


@pytest.mark.parametrize(("code", "wait", "seconds"), [(420, "17", 17), (429, "", 60), (429, "nan", 60)])
def test_patience(post: Post, page: FakeStatuspage, code: int, wait: str, seconds: int) -> None:
    """420 and 429: as long as it says, else a minute; a number that is none is no reason to leave the message as being
    sent."""
    page.busy = (code, wait)
    assert publish(post).state == "waiting"
    assert post.flush(seconds - 1) == ["waiting"]
    assert post.flush(1) == ["sent"]


def test_one_request_a_second(post: Post, page: FakeStatuspage) -> None:
    """Statuspage allows no more: the second request waits."""
    import time

    post.clients.statuspage.pace_s = 0.3
    begun = time.monotonic()
    publish(post)
    assert len(page.asked) == 2
    assert time.monotonic() - begun > 0.29


def test_validation_in_words(post: Post) -> None:
    """422: Statuspage's own words, and nothing was published."""
    message = publish(post, title=" ")
    assert message.state == "waiting"
    assert "Name can't be blank; Incident is not valid" in message.why


def test_wrong_key_and_page(tmp_path: Path, page: FakeStatuspage) -> None:
    """In words, and without the key."""
    for setting, value, word in (
        ("STATUSPAGE_TOKEN", "wrong-key-1", "the key"),
        ("STATUSPAGE_PAGE", "x", "no such page"),
    ):
        message = publish(Post(tmp_path, {**page.env, setting: value}))
        assert word in message.why
        assert value not in message.why or setting == "STATUSPAGE_PAGE"


def test_an_entry_that_was_deleted(post: Post, page: FakeStatuspage) -> None:
    """The next text makes a new one."""
    publish(post)
    page.incidents.clear()
    assert publish(post, "identified", "Still.").state == "sent"
    assert page.texts() == ["Still."]


OTHERS = {"metadata": {"omniops": {"incident": "2026-11-23-other", "messages": []}}}


@pytest.mark.parametrize(
    ("lies", "word"),
    [
        ({"id": "p00000000099"}, "answered with p00000000099"),
        ({"id": "../../other"}, "answered with none"),
        (OTHERS, "another mark"),
        ({"metadata": {}}, "no mark"),
    ],
)
def test_an_entry_that_is_not_ours(post: Post, page: FakeStatuspage, lies: dict[str, Any], word: str) -> None:
    """An entry that comes back under another id, or with another incident's mark, is not written to."""
    publish(post)
    page.lies = lies
    message = publish(post, "identified", "Found.")
    assert (message.state, word in message.why) == ("waiting", True), message.why
    assert (page.texts(), [one for one in page.asked if one.startswith("PATCH")]) == (["We look into it."], [])
    page.lies = {}
    assert post.flush(3600)[-1] == "sent"


@pytest.mark.parametrize(
    ("write", "lies"),
    [
        ("update", {"id": "p00000000099"}),
        ("update", OTHERS),
        ("update", {"metadata": {}}),
        ("open", {"id": "../../other"}),
        ("open", OTHERS),
        ("open", {"metadata": {}}),
    ],
)
def test_a_write_that_answers_with_another(post: Post, page: FakeStatuspage, write: str, lies: dict[str, Any]) -> None:
    """What came back is not what was written: in doubt, so that it is looked for by its mark."""
    client, words = post.clients.statuspage, ("T", "identified", "major", "Found.")
    entry = client.open(INCIDENT, "o0", *words)
    page.lies = lies
    again = partial(client.update, entry) if write == "update" else partial(client.open, INCIDENT)
    with pytest.raises(InDoubt, match="Statuspage has it") as caught:
        again("o1", *words)
    assert "not what was written" in caught.value.why


@pytest.mark.parametrize("kind", ["post", "git"])
@pytest.mark.parametrize("more", [{"body": "x" * 25_001}, {"title": "x" * 256}])
def test_a_text_that_is_too_long(kind: str, more: dict[str, str], request: pytest.FixtureRequest) -> None:
    """Nothing is cut off what customers read: it is not published, and how long it may be is said."""
    bench: Post = request.getfixturevalue(kind)
    message = publish(bench, **more)
    assert (message.state, "characters, and this has" in message.why) == ("waiting", True), message.why


@pytest.mark.parametrize("kind", ["post", "git"])
def test_nothing_old_after_something_new(kind: str, request: pytest.FixtureRequest) -> None:
    """A text that could not be sent is given up once a newer one is on the page."""
    bench: Post = request.getfixturevalue(kind)
    bench.queue("status", title="T", status="investigating", impact="major", body="old")
    data = {"id": bench.messages()[0].id, "why": "down", "retry_at": "2026-12-01T00:00:00.000Z"}
    bench.journal.append([New(STREAM, None, "message.failed", data)])
    assert publish(bench, "resolved", "new").state == "sent"
    assert bench.flush(30 * 86400) == ["dropped", "sent"]


@pytest.mark.parametrize("how", ["applied", "applied, and then not to be asked", "never there"])
def test_nothing_old_while_something_new_is_in_doubt(post: Post, page: FakeStatuspage, how: str) -> None:
    """The newer text may be on the page: the older one waits until that is known, and is then given up, or sent."""
    old = post.queue("status", title="T", status="monitoring", impact="major", body="old")
    later = {"id": old, "why": "down", "retry_at": "2026-11-23T03:00:20.000Z"}
    post.journal.append([New(STREAM, None, "message.failed", later)])
    page.breaks = "POST"
    assert publish(post, "resolved", "new").state == "unsure"
    if how == "never there":
        page.incidents.clear()
        outbox.drop(post.journal, post.messages()[1].id, "looked: it is not there")
    if how == "applied, and then not to be asked":
        page.busy = (429, "")
        assert post.flush(40) == ["waiting", "waiting"]
    post.flush(3600)
    assert post.flush(3600) == (["sent", "dropped"] if how == "never there" else ["dropped", "sent"])
    assert page.texts() == (["old"] if how == "never there" else ["new"])


def test_two_at_once_make_one_entry(tmp_path: Path, page: FakeStatuspage) -> None:
    """A tick takes the older text while the newer one is being published: it waits, and there is one entry."""
    post = Post(tmp_path, page.env)
    old = post.queue("status", title="T", status="investigating", impact="major", body="old")
    later = {"id": old, "why": "down", "retry_at": "2026-11-23T03:00:02.000Z"}
    post.journal.append([New(STREAM, None, "message.failed", later)])
    tick = Post(tmp_path, page.env)
    tick.clock, tick.journal = post.clock, post.journal
    page.meanwhile = lambda: tick.flush(3)
    assert publish(post, "identified", "new").state == "sent"
    assert post.flush(3600) == ["dropped", "sent"]
    assert (len(page.incidents), page.texts()) == (1, ["new"])


def test_what_is_under_way_is_not_asked_for_yet(post: Post, page: FakeStatuspage) -> None:
    """Nobody saw the answer a moment ago: neither a person's word nor the next text is faster than what may still
    arrive."""
    page.breaks = "POST"
    message = publish(post)
    assert message.state == "unsure"
    page.incidents.clear()  # it is not there yet
    outbox.retry(post.journal, message.id)
    post.queue("status", title="T", status="identified", impact="major", body="Found.")
    asked = len(page.asked)
    assert post.flush(5) == ["waiting", "waiting"]
    assert len(page.asked) == asked
    assert post.flush(20) == ["sent", "sent"]
    assert page.texts() == ["We look into it.", "Found."]


def test_a_file_per_incident(git: Post, repo: StatusRepo) -> None:
    """One Markdown file with cState's front matter, the newest text first, pushed; the checkout follows it."""
    assert publish(git).state == "sent"
    git.clock.sleep(1800)
    publish(git, "resolved", "It is over.")
    (path,) = repo.published()
    assert re.fullmatch(r"content/issues/2026-\d\d-\d\d-omniroute-service-disruption\.md", path)
    _, head, body = repo.text().split("---\n", 2)
    front = yaml.safe_load(head)
    assert front["title"] == "OmniRoute: service disruption"
    assert (front["resolved"], front["severity"]) == (True, "disrupted")
    assert (front["section"], front["affected"], front["resolvedWhen"] > front["date"]) == ("issue", [], True)
    assert body.index("*Resolved* - It is over.") < body.index("*Investigating* - We look into it.")
    assert (repo.folder / path).read_text(encoding="utf-8").strip() == repo.text()
    assert repo.git("status", "--porcelain") == ""
    assert INCIDENT not in repo.text() + repo.git("log", "main", at=repo.remote)


def test_killed_after_the_push(git: Post, repo: StatusRepo) -> None:
    """The commit carries the message: whoever comes after finds it, and publishes nothing twice."""
    publish(git)
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    git.forget("message.sent", "status.opened")
    assert git.flush(3600) == ["sent"]
    assert (git.messages()[0].how, repo.commits()) == ("it was there already", 1)
    assert (repo.folder / repo.published()[0]).exists()


def test_two_incidents_of_one_day(git: Post, repo: StatusRepo, tmp_path: Path) -> None:
    """Each has a file of its own; a title says nothing of which is which."""
    from omniops.services.status_git import StatusGit, Update

    publish(git)
    other = Update("2026-11-23-other", "o1", "OmniRoute: service disruption", "investigating", "none", "x")
    done = StatusGit(git.settings).publish(other, git.clock.now())
    assert sorted(repo.published()) == sorted({*repo.published(), done.path})
    assert done.path.endswith("-disruption-2.md")


@pytest.mark.parametrize("state", ["dirty", "untracked", "ahead", "diverged"])
def test_a_checkout_that_is_not_clean(git: Post, repo: StatusRepo, state: str) -> None:
    """Somebody's work lies in it: a clear failure, nothing is published, and nothing of it is lost."""
    config = repo.folder / "config.yml"
    if state == "untracked":
        config = repo.folder / "new.md"
    config.write_text("mine\n", encoding="utf-8")
    if state in ("ahead", "diverged"):
        repo.git("commit", "--quiet", "--all", "-m", "mine")
    if state == "diverged":
        repo.git("push", "--quiet", "origin", "HEAD~1^{commit}:refs/heads/other")
        elsewhere = repo.folder.parent / "elsewhere"
        repo.git("clone", "--quiet", str(repo.remote), str(elsewhere), at=repo.folder.parent)
        repo.git("commit", "--quiet", "--allow-empty", "-m", "theirs", at=elsewhere)
        repo.git("push", "--quiet", at=elsewhere)
    before, head = repo.git("status", "--porcelain"), repo.git("rev-parse", "HEAD")
    message = publish(git)
    assert message.state == "waiting"
    assert ("changes of its own" if state in ("dirty", "untracked") else "another way") in message.why
    assert (repo.git("status", "--porcelain"), repo.git("rev-parse", "HEAD")) == (before, head)
    assert (config.read_text(encoding="utf-8"), repo.published()) == ("mine\n", [])


def test_somebody_else_pushes(git: Post, repo: StatusRepo) -> None:
    """What others have pushed is taken along, not lost; a person's lines in the file stay."""
    publish(git)
    elsewhere = repo.folder.parent / "elsewhere"
    repo.git("clone", "--quiet", str(repo.remote), str(elsewhere), at=repo.folder.parent)
    path = elsewhere / repo.published()[0]
    path.write_text(path.read_text(encoding="utf-8").replace("affected: []", "affected: [API]") + "By hand.\n")
    repo.git("commit", "--quiet", "--all", "-m", "theirs", at=elsewhere)
    repo.git("push", "--quiet", at=elsewhere)
    assert publish(git, "identified", "Found.").state == "sent"
    assert all(words in repo.text() for words in ("affected: [API]", "By hand.", "Found.", "We look into it."))


HOSTILE = (
    '"; rm -rf / #\n---\nresolved: true\n{{< script >}} {{{% evil %}}} {{{{< four >}}}}'
    "<img src=x onerror=alert(1)> $(id) `id` \x1b[2J"
)


def test_hostile_titles_and_texts(git: Post, repo: StatusRepo) -> None:
    """A title is one quoted line of YAML and no path; HTML and shortcodes of a text are shown, not obeyed."""
    assert publish(git, body=HOSTILE, title=f"../../{HOSTILE}").state == "sent"
    (path,) = repo.published()
    assert re.fullmatch(r"content/issues/[a-z0-9-]+\.md", path)
    _, head, body = repo.text().split("---\n", 2)
    front = yaml.safe_load(head)
    assert (front["resolved"], "rm -rf" in front["title"], "\x1b" in repo.text()) == (False, True, False)
    assert "<img" not in body
    assert re.findall(r"\{\{[<%]\s*(\w+)", body) == ["track"]


@pytest.mark.parametrize(
    ("remote", "word"),
    [
        ("https://git.example/x.git", "nothing but this machine"),
        ("https://user:hunter2-secret@git.example/x.git", "list of processes"),
        ("git@git.example:status.git", "nothing but this machine"),
        ("http://git.example/x.git", "in the clear"),
        ("git://git.example/x.git", "in the clear"),
        ("ext::sh -c touch% /tmp/x", "of git's own"),
    ],
)
def test_where_it_may_be_pushed(tmp_path: Path, repo: StatusRepo, remote: str, word: str) -> None:
    """A drill pushes to this machine only, and nobody pushes in the clear; the address's password is not shown."""
    repo.git("remote", "set-url", "--push", "origin", remote)
    message = publish(Post(tmp_path, repo.env, guarded=True))
    assert (message.state, word in message.why, "hunter2" in message.why) == ("waiting", True, False)


@pytest.mark.parametrize("what", ["no folder", "no checkout", "no remote"])
def test_no_checkout(tmp_path: Path, repo: StatusRepo, what: str) -> None:
    """In words: what is missing."""
    folder = {"no folder": tmp_path / "nowhere", "no checkout": tmp_path, "no remote": repo.folder}[what]
    repo.git("config", "--unset", "branch.main.remote")
    message = publish(Post(tmp_path, {"STATUS_REPO": str(folder)}))
    assert message.state == "waiting"
    assert ("goes nowhere" if what == "no remote" else "not a git checkout") in message.why


def test_statuspage_goes_first(tmp_path: Path, page: FakeStatuspage, repo: StatusRepo) -> None:
    """Where both are set up, Statuspage is the status page."""
    publish(Post(tmp_path, {**page.env, **repo.env}))
    assert (len(page.texts()), repo.published()) == (1, [])


def test_no_key_anywhere(post: Post, page: FakeStatuspage) -> None:
    """The key stands in no event."""
    publish(post)
    assert TOKEN not in repr(post.events())
    assert page.asked
