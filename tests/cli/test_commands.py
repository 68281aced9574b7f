"""The commands around the walk, through the real program, against the simulator: what they print and how they exit."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omniops.drill import launcher
from tests.support.command import Command


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[launcher.Simulator]:
    """One simulator with a failing connection; real time, because these walks end after the change."""
    with launcher.start("provider-outage", state=tmp_path_factory.mktemp("sim") / "drill") as running:
        yield running


@pytest.fixture
def omniops(simulator: launcher.Simulator, tmp_path: Path) -> Command:
    simulator.reset()
    env = {name: value for name, value in simulator.env.items() if name in ("OMNIROUTE_URL", "OMNIROUTE_PASSWORD")}
    return Command(tmp_path, OMNIOPS_ENV="test", **env)


DISABLE = ("mitigate", "provider-outage", "openai-main", "--yes", "--until", "disable")


def test_from_the_change_to_the_end(omniops: Command) -> None:
    """In force until undone; the incident is resolved only then; the record tells all of it."""
    done = omniops.json(*DISABLE)
    assert done["outcome"] == "mitigated"
    (one,) = omniops.json("mitigations")["mitigations"]
    assert one["undo"] == f"omniops undo {one['id']}" == done["changes"][0]["undo"]
    assert one["by"] == "eve"
    refused = omniops("incident", "resolve", "--yes")
    assert (refused.returncode, one["undo"] in refused.stderr) == (3, True)
    assert omniops("undo", "--yes", "--force").returncode == 0
    assert omniops.json("mitigations")["mitigations"] == []
    assert omniops("undo", "--yes").returncode == 0
    assert omniops("incident", "note", "all quiet").returncode == 0
    assert omniops("incident", "resolve", "--yes").returncode == 0
    told = omniops.json("incident", "show", done["incident"])
    kinds = [event["kind"] for event in told["events"]]
    for kind in ("incident.opened", "run.started", "intent", "outcome", "undone", "note", "incident.resolved"):
        assert kind in kinds
    assert kinds.count("intent") == 2
    assert omniops.json("incident", "list")["incidents"] == []
    assert omniops.json("incident", "list", "--all")["incidents"][0]["status"] == "resolved"


@pytest.mark.parametrize("spelling", ["SEV1", "sev-1", "1"])
def test_a_severity_that_is_settled(spelling: str, omniops: Command) -> None:
    """SEV1, sev-1 and 1 are all understood: by classify, which tells what follows, and by incident severity."""
    answer = omniops.json("classify", spelling)
    assert (answer["severity"], answer["page"]["priority"], answer["resolve_by"]["after_s"]) == ("SEV-1", "P0", 14400)
    assert omniops("classify", spelling, "--exit-code").returncode == 11
    assert omniops("classify", spelling, "--error-ratio", "0.9").returncode == 2
    assert omniops("classify", "SEV-9").returncode == 2
    omniops.json(*DISABLE)
    assert omniops.json("incident", "severity", spelling, "--why", "all keys")["severity"] == "SEV-1"
    assert omniops.json("incident", "list")["incidents"][0]["severity"] == "SEV-1"


def test_kept_on_purpose(omniops: Command) -> None:
    """A kept mitigation no longer stands in the way of resolving, and is still listed."""
    omniops.json(*DISABLE)
    (one,) = omniops.json("mitigations")["mitigations"]
    assert omniops("mitigations", "keep", one["id"], "--reason", " ").returncode == 2
    assert omniops("mitigations", "keep", "m999", "--reason", "x").returncode == 2
    assert omniops("mitigations", "keep", one["id"], "--reason", "the provider is being replaced").returncode == 0
    assert omniops.json("mitigations")["mitigations"][0]["state"] == "kept"
    assert omniops("incident", "resolve", "--yes").returncode == 0


def test_nothing_is_told_of_a_frozen_incident(omniops: Command, tmp_path: Path) -> None:
    """Once 4.5 was entered, a note is refused (10), and the reasons of keep and --abort are not stored."""
    secret = "the tenant key leaks in CVE-2026-0001"
    started = omniops("mitigate", "provider-outage", "openai-main", "--yes", OMNIOPS_FAILPOINT="after_outcome")
    assert started.returncode == -9
    (incident,) = omniops.json("incident", "list")["incidents"]
    omniops("mitigate", "security", "--incident", incident["id"], "--yes")  # frozen, though nobody says who was paged
    assert omniops.json("incident", "list")["incidents"][0]["status"] == "frozen"
    refused = omniops("incident", "note", secret, "--incident", incident["id"])
    assert (refused.returncode, "SECURITY.md" in refused.stderr) == (10, True)
    aborted = omniops("resume", incident["open_runs"][0], "--abort", secret)
    assert (aborted.returncode, "not stored" in aborted.stderr) == (3, True)
    disabled, paged = omniops.json("mitigations")["mitigations"]
    assert (paged["action"], "undo" in paged) == ("page.send", False)
    kept = omniops("mitigations", "keep", disabled["id"], "--reason", secret)
    assert (kept.returncode, "not stored" in kept.stderr) == (0, True)
    assert omniops.json("mitigations")["mitigations"][0]["state"] == "kept"
    told = omniops.json("incident", "show", incident["id"])
    assert "frozen" in {event["kind"] for event in told["events"]}
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or b"CVE-2026" not in file.read_bytes(), file


def test_dry_run_changes_nothing(omniops: Command, simulator: launcher.Simulator) -> None:
    """Every change is shown before -> after; nothing is sent, and nothing is in the journal."""
    done = omniops("mitigate", "provider-outage", "openai-main", "--dry-run", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert (answer["dry_run"], answer["outcome"]) == (True, None)
    assert answer["changes"][0]["after"]["isActive"] is False
    assert "Recovered" not in done.stderr
    assert simulator.writes() == {}
    assert omniops.json("incident", "list", "--all")["incidents"] == []


@pytest.mark.parametrize(("target", "through"), [("openai-main", True), ("openai", False)])
def test_dry_run_promises_what_the_walk_does(target: str, through: bool, omniops: Command) -> None:
    """Both connections of a provider: after the first, the second is the last live one, and --yes does not cover it."""
    dry = omniops("mitigate", "provider-outage", target, "--yes", "--until", "disable", "--dry-run")
    assert (dry.returncode, "It would go through." in dry.stderr) == (0, through), dry.stderr
    flag = re.search(r"give (--confirm \S+)", dry.stderr)
    assert (flag is None) == through
    flags = flag[1].split() if flag else []
    real = omniops("mitigate", "provider-outage", target, "--yes", "--until", "disable")
    assert real.returncode == (0 if through else 3)
    if flags:
        assert omniops("resume", "--yes", *flags).returncode == 0


def test_without_a_person_nothing_is_assumed(omniops: Command, simulator: launcher.Simulator) -> None:
    """Without --yes a change is not made: exit 3, and the flag is named."""
    done = omniops("mitigate", "provider-outage", "openai-main", stdin="y\ny\ny\n", FORCE_COLOR="1")
    assert (done.returncode, "--yes" in done.stderr) == (3, True)
    assert simulator.writes() == {}
    again = omniops(*DISABLE)  # the first run has ended, so it is not in the way
    assert again.returncode == 0, again.stderr


def test_what_is_half_done_stays_open(omniops: Command, simulator: launcher.Simulator) -> None:
    """The first of two is disabled, the second is destructive by then: exit 3, and the run goes on with the flag."""
    words = ("openai", "--yes", "--until", "disable")
    done = omniops("mitigate", "provider-outage", *words)
    assert (done.returncode, sum(simulator.writes().values())) == (3, 1)
    flag = re.search(r"--confirm (\S+)", done.stderr)
    resume = re.search(r"omniops resume r\w+", done.stderr)
    assert flag is not None, done.stderr
    assert resume is not None, done.stderr
    again = omniops(*resume[0].split()[1:], "--yes", "--confirm", flag[1], "--json")
    answer = json.loads(again.stdout)
    assert (again.returncode, answer["outcome"], len(answer["changes"])) == (0, "mitigated", 2)
    assert omniops("undo", "--yes", "--force").returncode == 0


def test_undo_where_the_audit_log_cannot_be_read(omniops: Command, simulator: launcher.Simulator) -> None:
    """Whether somebody else has written since is then unknown: a warning, and no flag says yes to it but --force."""
    assert omniops(*DISABLE).returncode == 0
    simulator.control("heal", {})
    simulator.control("faults", {"spec": "error-500@GET:/api/compliance"})
    done = omniops("undo", "--yes")
    assert done.returncode == 3, done.stderr
    assert "whether somebody else has written to it since is unknown" in " ".join(done.stderr.split())
    assert "the audit log cannot be read" in done.stderr
    assert "--force" in done.stderr
    assert sum(simulator.writes().values()) == 1
    simulator.control("faults", {"spec": ""})
    assert omniops("undo", "--yes").returncode == 0


def test_undo_by_force_where_the_audit_log_cannot_be_read(omniops: Command, simulator: launcher.Simulator) -> None:
    """--force is the word for it, once the warning has been shown."""
    assert omniops(*DISABLE).returncode == 0
    simulator.control("heal", {})
    simulator.control("faults", {"spec": "error-500@GET:/api/compliance"})
    done = omniops("undo", "--yes", "--force")
    assert (done.returncode, "is unknown" in done.stderr) == (0, True), done.stderr
    assert sum(simulator.writes().values()) == 2


def test_unknown_and_ambiguous_targets(omniops: Command) -> None:
    """A target that is none is refused with what is near it, before anything begins."""
    done = omniops("mitigate", "provider-outage", "opnai", "--yes")
    assert (done.returncode, "openai" in done.stderr) == (2, True)
    assert omniops("mitigate", "provider-outage", "--yes").returncode == 2
    assert omniops("mitigate", "security", "x", "--yes").returncode == 2
    assert omniops("mitigate", "provider-outtage", "openai").returncode == 2
    assert omniops("mitigate", "provider-outage", "openai-main", "--yes", "--until", "nowhere").returncode == 2
    assert omniops.json("incident", "list", "--all")["incidents"] == []


def test_two_walks_of_one_target(omniops: Command) -> None:
    """A run that is open is resumed, not begun again."""
    killed = omniops(*DISABLE, OMNIOPS_FAILPOINT="after_outcome")
    assert killed.returncode == -9
    second = omniops(*DISABLE)
    assert (second.returncode, "omniops resume" in second.stderr) == (3, True)
    resumed = omniops("resume", "--yes", "--json")
    assert json.loads(resumed.stdout)["outcome"] == "mitigated"
    assert "Nothing to resume" in omniops("resume").stderr


def test_abort_an_open_run(omniops: Command) -> None:
    """A paused run that nobody wants any more is ended with a reason."""
    assert omniops(*DISABLE, OMNIOPS_FAILPOINT="before_intent").returncode == -9
    done = omniops("resume", "--abort", "the page was false", "--json")
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (3, "aborted")
    assert omniops("incident", "resolve", "--yes").returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        ("mitigations",), ("incident", "list"), ("runbook", "list"), ("runbook", "show", "4.1"), ("runbook", "lint"),
        ("classify", "--error-ratio", "0.7"), ("drill", "list"), ("drill", "faults"), ("resume",), ("undo", "--yes"),
    ],
)  # fmt: skip
def test_json_is_all_that_is_on_stdout(words: tuple[str, ...], tmp_path: Path) -> None:
    """With --json stdout is one JSON object with a schema, on a machine where nothing has happened yet."""
    done = Command(tmp_path)(*words, "--json")
    assert json.loads(done.stdout)["schema"].startswith("omniops."), done.stderr
    assert done.returncode == 0, done.stderr


def test_no_journal_is_no_whole_journal(tmp_path: Path) -> None:
    """A path at which nothing was ever written is refused: a mistyped one must not read as all clear."""
    omniops = Command(tmp_path)
    refused = omniops("journal", "verify")
    assert refused.returncode == 2
    assert "there is no journal at" in refused.stderr
    assert "There is no journal at" in omniops("mitigations").stderr


def test_reading_makes_no_journal(tmp_path: Path) -> None:
    """Looking at a journal that is not there does not make one."""
    assert Command(tmp_path)("mitigations").returncode == 0
    assert not list(tmp_path.rglob("*.db"))


@pytest.mark.parametrize("words", [("mitigat",), ("--nope",), ("incident", "shwo"), ("mitigate",), ("--color", "red")])
def test_usage_errors(words: tuple[str, ...], tmp_path: Path) -> None:
    """What is typed wrong exits with 2, in words, without a traceback."""
    done = Command(tmp_path)(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_no_settings(tmp_path: Path) -> None:
    """Without OMNIROUTE_URL the message names it."""
    done = Command(tmp_path)("mitigate", "provider-outage", "x", "--yes", "--json")
    assert (done.returncode, "OMNIROUTE_URL" in done.stderr) == (2, True)
    assert json.loads(done.stdout)["schema"] == "omniops.error/1"


def test_a_broken_pipe_is_success(tmp_path: Path) -> None:
    """`omniops runbook show ... | head -1` ends quietly, with 0."""
    command = Command(tmp_path)
    argv = f"{sys.executable} -m omniops runbook show 4.4; echo $? >&2"
    done = subprocess.run(
        ["bash", "-c", f"({argv}) | head -1"], env=command.env, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() == "0"


FULL = "the answer could not be written: No space left on device; what the command did stands\n"
CLOSED = "the answer could not be written: Bad file descriptor; what the command did stands\n"


def redirected(command: Command, words: str, rest: str, **env: str) -> tuple[str, int]:
    """Run it with a shell's redirections; stderr without what was owed, and the exit code."""
    script = f"{sys.executable} -m omniops {words} {rest}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], env={**command.env, **env}, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    return done.stderr, done.returncode


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", ["--version", "incident list"])
def test_an_answer_that_does_not_arrive(words: str, unbuffered: str, tmp_path: Path) -> None:
    """A full disk behind stdout, or nothing, is a failure, with one line that says so; a reader who has gone is none,
    whether the answer waits in a buffer or not."""
    for rest, told in (("> /dev/full", (FULL, 5)), ("| true", ("", 0)), (">&-", (CLOSED, 5))):
        assert redirected(Command(tmp_path), words, rest, PYTHONUNBUFFERED=unbuffered) == told


@pytest.mark.parametrize(
    ("rest", "told", "code", "unbuffered"),
    [
        (">/dev/full", FULL, 6, ""),
        (">/dev/full", FULL, 6, "1"),
        (">&-", CLOSED, 6, ""),
        ("2>&-", "", 0, ""),
        ("2>/dev/full", "", 0, ""),
        ("<&- >&- 2>&-", "", 6, "1"),
    ],
)
def test_what_was_done_before_it_did_not_arrive(
    rest: str, told: str, code: int, unbuffered: str, tmp_path: Path
) -> None:
    """It stands, and the exit code is not that of a failure that changed nothing."""
    omniops = Command(tmp_path, PYTHONUNBUFFERED=unbuffered)
    said, ended = redirected(omniops, "incident open 'it is out' --onset now --json", rest)
    assert (told in said, ended) == (True, code), said
    assert len(omniops.json("incident", "list")["incidents"]) == 1


@pytest.mark.parametrize("rest", [">/dev/full 2>&1", ">&- 2>&-"])
def test_an_error_that_nobody_reads(rest: str, tmp_path: Path) -> None:
    """It ends with its own exit code, whoever finds it."""
    omniops = Command(tmp_path, PYTHONUNBUFFERED="1")
    assert redirected(omniops, "incident severity nonsense --why x --json", rest) == ("", 2)
    assert redirected(omniops, "incident --nonsense", rest) == ("", 2)


def test_letters_that_the_screen_has_not(tmp_path: Path) -> None:
    """What cannot be written in its letters is written in others; JSON stays JSON."""
    omniops = Command(tmp_path, PYTHONIOENCODING="ascii")
    omniops("incident", "open", "Zürich is out")
    assert omniops.json("incident", "list")["incidents"][0]["title"] == "Zürich is out"
    assert "Z?rich" in omniops("incident", "export").stdout


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    """What the machine refuses is no bug of omniops: the file is named, and what is to be mended."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    omniops = Command(tmp_path / "file" / "home")
    for words, ends in ((("config", "init"), 2), (("drill", "security", "--auto"), 6)):
        done = omniops(*words)
        assert done.returncode == ends, done.stderr
        assert "Not a directory" in done.stderr


def test_nothing_behind_stdin(tmp_path: Path) -> None:
    """Without stdin nothing is read from it, and what is no UTF-8 is refused, before anything is queued."""
    omniops = Command(tmp_path)
    omniops("incident", "open", "it is out")
    for rest in ("<&-", "< <(printf 'q\\xff\\xfez')"):
        said, ended = redirected(omniops, "comms post - --yes", rest)
        assert ended == 2, said
    assert "is no UTF-8" in said
    assert omniops.json("outbox", "--all")["messages"] == []


def test_an_unreachable_server(tmp_path: Path) -> None:
    """Nothing listens: exit 5, state unchanged, and the same command works later."""
    command = Command(tmp_path, OMNIROUTE_URL="http://127.0.0.1:9", OMNIROUTE_PASSWORD="x")
    done = command("mitigate", "provider-outage", "openai", "--yes")
    assert done.returncode == 5
    assert len(done.stderr.strip().splitlines()) <= 6


def test_onsets(tmp_path: Path) -> None:
    """An onset is a moment in the past; what is none is refused before anything begins."""
    from datetime import UTC, datetime, timedelta

    from omniops.errors import BadInput
    from omniops.runner.opening import read_onset

    now = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
    assert read_onset("now", now) == now
    assert read_onset("10m ago", now) == now - timedelta(minutes=10)
    assert read_onset("02:15", now) == now - timedelta(minutes=45)
    assert read_onset("23:50", now) == now - timedelta(hours=3, minutes=10)
    assert read_onset("2026-11-24T02:00Z", now) == now - timedelta(hours=1)
    early = now.replace(hour=1, minute=44)
    assert read_onset("01:45", early) == early
    with pytest.raises(BadInput, match="yesterday's was 23h 29m ago"):  # not silently a day back
        read_onset("02:15", early)
    for bad in ("soon", "25:00", "10", "2026-11-24T02:00", "2026-11-25T00:00Z", "9999999999d"):
        with pytest.raises(BadInput):
            read_onset(bad, now)
