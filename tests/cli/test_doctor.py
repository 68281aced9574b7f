"""`omniops doctor`: nothing configured, everything configured, everything down; reads only, and no secret anywhere."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pexpect  # type: ignore[import-untyped]
import pytest

from omniops.clock import SystemClock
from omniops.config import Settings, load
from omniops.drill import chat, launcher
from omniops.runner.doctor import EXAMINERS, Finding, Screen, examine
from omniops.runner.doctor.base import Look, Report
from omniops.runner.doctor.books import reviews
from omniops.runner.doctor.clocks import compare, skew_s
from omniops.runner.doctor.people import SCOPES
from omniops.runner.doctor.together import examine_all
from tests.support.command import Command
from tests.support.fake_statuspage import TOKEN as KEY
from tests.support.fake_statuspage import FakeStatuspage
from tests.support.pager import FakePager
from tests.support.screen import ROOT, output, start
from tests.support.scripted_http import Scripted, Seen, answer, by_request, raw
from tests.support.slack import FakeSlack
from tests.support.smtp import PASSWORD, SmtpServer, certificate
from tests.support.status_repo import StatusRepo

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SCREEN = Screen(True, 120, 40, True, True, "xterm-256color")
DEAD = "http://127.0.0.1:9"
BUILD = {"status": "success", "data": {"version": "2.42.0", "revision": "abc"}}


def checks(answer: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {check["name"]: check for check in answer["checks"]}


def found(settings: Settings, name: str) -> Finding:
    """One line of the report of a machine on which nothing else is looked at."""
    wanted = next(group for group in EXAMINERS if group == name)
    return examine_all({wanted: EXAMINERS[wanted]}, Look(settings, SystemClock(), SCREEN), 20)[0]


@pytest.fixture
def prometheus() -> Iterator[Scripted]:
    """A Prometheus whose every query has one value, but for the WebSocket gauge, which nobody measures."""

    def query(seen: Seen) -> Any:
        empty = "ws" in parse_qs(seen.body.decode())["query"][0]
        rows = [] if empty else [{"metric": {}, "value": [1795417941.9, "3"]}]
        return answer({"status": "success", "data": {"resultType": "vector", "result": rows}})

    with Scripted() as server:
        server.on("GET", "/api/v1/status/buildinfo", answer(BUILD))
        server.on("POST", "/api/v1/query", by_request(query))
        yield server


def test_nothing_configured(tmp_path: Path) -> None:
    """A fresh machine: one thing fails, the server's address; the rest says what omniops does without, and the mend."""
    done = Command(tmp_path)("doctor", "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["schema"], answer["ok"]) == (1, "omniops.doctor/1", False)
    by_name = checks(answer)
    assert [name for name, check in by_name.items() if check["status"] == "fail"] == ["server"]
    assert "OMNIROUTE_URL" in by_name["server"]["mend"]
    for name in (
        "config file",
        "Prometheus",
        "Alertmanager",
        "Grafana",
        "PagerDuty",
        "key: security",
        "Slack",
        "mail",
        "status page",
    ):
        assert by_name[name]["status"] == "not configured"
    assert by_name["runbooks"]["status"] == by_name["journal"]["status"] == "ok"
    assert all(check["mend"] for check in answer["checks"] if check["status"] != "ok")
    assert not list(tmp_path.rglob("*.db"))


def test_everything_configured(tmp_path: Path, prometheus: Scripted) -> None:
    """Versions, whose tokens, rights, data for SLOs; nothing is written or sent, and secrets appear nowhere."""
    with (
        launcher.start("provider-outage", state=tmp_path / "sim") as simulator,
        FakePager(tmp_path) as pager,
        FakeSlack(tmp_path) as slack,
    ):
        env = {
            **{name: simulator.env[name] for name in ("OMNIROUTE_URL", "OMNIROUTE_PASSWORD", "OMNIROUTE_BIN")},
            **pager.env, **slack.env, "PROMETHEUS_URL": prometheus.url, "GRAFANA_URL": "https://grafana.example.net",
            "OMNIOPS_ENV": "test", "GH_REPO": "a/b", "GH_TOKEN": "canary-github-token",
        }  # fmt: skip
        home = tmp_path / "home"
        home.mkdir()
        done = Command(home)("doctor", "--json", **env)
        answer = json.loads(done.stdout)
        by_name = checks(answer)
        assert (done.returncode, answer["ok"]) == (0, True), done.stdout
        assert "3.7.9" in by_name["server"]["detail"]
        assert by_name["login"]["status"] == by_name["rights"]["status"] == "ok"
        assert "2.42.0" in by_name["Prometheus"]["detail"]
        assert by_name["availability-cluster"]["status"] == "ok"
        assert (by_name["ws-connections"]["status"], "no data" in by_name["ws-connections"]["detail"]) == ("warn", True)
        assert "Alice Primary" in by_name["PagerDuty"]["detail"]
        assert by_name["PAGERDUTY_FROM"]["status"] == by_name["abilities"]["status"] == "ok"
        assert "cannot be tested" in by_name["key: primary"]["detail"]
        assert "chat:write" in by_name["Slack"]["detail"]
        assert by_name["scripts"]["status"] == "ok"
        assert by_name["environment"]["detail"].startswith("test")
        for service in ("OmniRoute", "PagerDuty", "Prometheus", "Slack"):
            assert service in by_name["clocks"]["detail"] or service == "Prometheus"  # that one tells no time
        plain = Command(home)("doctor", **env, COLUMNS="100")
        assert plain.returncode == 0
        assert max(len(line) for line in plain.stdout.splitlines()) <= 100
        secrets = [value for name, value in env.items() if name.endswith(("PASSWORD", "TOKEN")) or "ROUTING" in name]
        assert len(secrets) >= 5
        for text in (done.stdout, done.stderr, plain.stdout, plain.stderr):
            assert not [secret for secret in secrets if secret in text]
        assert simulator.writes() == {}
        assert {asked.method for asked in pager.asked} == {"GET"}
        assert slack.texts() == []
        assert {seen.path for seen in prometheus.seen} == {"/api/v1/status/buildinfo", "/api/v1/query"}
        assert not list(home.rglob("*.db"))


def test_everything_down(tmp_path: Path) -> None:
    """Every service refuses the connection: each fails in words, with a mend, and one login is not even tried."""
    urls = ("OMNIROUTE_URL", "PROMETHEUS_URL", "ALERTMANAGER_URL", "PAGERDUTY_URL", "SLACK_URL")
    env = dict.fromkeys(urls, DEAD)
    secrets = {
        "OMNIROUTE_PASSWORD": "canary-1-password",
        "PAGERDUTY_TOKEN": "canary-2-token",
        "SLACK_BOT_TOKEN": "canary-3",
    }
    done = Command(tmp_path)("doctor", "--json", **env, **secrets)
    by_name = checks(json.loads(done.stdout))
    assert done.returncode == 1
    for name in ("server", "Prometheus", "Alertmanager", "PagerDuty", "Slack"):
        assert by_name[name]["status"] == "fail", name
        assert by_name[name]["mend"]
    assert by_name["login"]["status"] == "not configured"
    assert "canary" not in done.stdout + done.stderr


def test_what_hangs_holds_nothing(tmp_path: Path) -> None:
    """A service that takes the connection and says nothing is a finding when the time is up; the others are told."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = Settings({"OMNIROUTE_URL": url, "PROMETHEUS_URL": url, "OMNIOPS_HOME": str(tmp_path)})
        began = time.monotonic()
        report = examine(settings, SystemClock(), SCREEN, within_s=1.5)
        assert time.monotonic() - began < 30
    by_name = {finding.name: finding for finding in report.findings}
    assert by_name["OmniRoute"].status == by_name["Prometheus"].status == "fail"
    assert "no end within" in by_name["OmniRoute"].detail
    assert by_name["terminal"].status == "ok"


def test_a_wrong_password_is_tried_once(tmp_path: Path) -> None:
    """One login for all reads; after two refusals none is sent, because five lock it for everybody."""
    refusal = answer({"error": {"message": "Invalid password"}}, 401)
    with Scripted() as server:
        server.on("GET", "/api/monitoring/health", answer({"status": "healthy", "version": "3.7.9", "uptime": 60}))
        server.on("GET", "/api/providers", answer({"error": "Unauthorized"}, 401))
        server.on("POST", "/api/auth/login", refusal)
        env = {"OMNIROUTE_URL": server.url, "OMNIROUTE_PASSWORD": "canary-wrong-password"}
        for tries in (1, 2, 2):
            done = Command(tmp_path)("doctor", "--json", **env)
            assert checks(json.loads(done.stdout))["login"]["status"] == "fail"
            assert len(server.asked("POST", "/api/auth/login")) == tries
            assert "canary" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        ({}, "ok", "3 connections"),
        ({"refused": "/api/keys"}, "warn", "API keys (refused)"),
    ],
)
def test_rights(given: dict[str, str], status: str, words: str, tmp_path: Path) -> None:
    """What the login may not read is named; the rest is still looked at."""
    row = {"id": "c1", "provider": "openai", "name": "main", "isActive": True}
    with Scripted() as server:
        server.on("GET", "/api/monitoring/health", answer({"status": "healthy", "version": "3.7.9", "uptime": 60}))
        rows = [{**row, "id": f"c{n}"} for n in range(3)]
        server.on("GET", "/api/providers", answer({"connections": rows}))
        server.on("GET", "/api/combos", answer({"combos": []}))
        server.on("GET", "/api/telemetry/summary", answer({"count": 0}))
        server.on("GET", "/api/keys", answer({"total": 2, "keys": []}))
        server.on("GET", "/api/db/health", answer({"isHealthy": True, "issues": []}))
        if given:
            server.on("GET", given["refused"], answer({"error": "Forbidden"}, 403))
        settings = Settings({"OMNIROUTE_URL": server.url, "OMNIOPS_HOME": str(tmp_path)})
        report = examine_all({"OmniRoute": EXAMINERS["OmniRoute"]}, Look(settings, SystemClock(), SCREEN), 20)
    by_name = {finding.name: finding for finding in report}
    assert by_name["rights"].status == status
    assert words in by_name["rights"].detail + by_name["login"].detail


def test_an_account_that_can_less(tmp_path: Path) -> None:
    """A token that PagerDuty does not know fails and names the other region; a key of nobody needs PAGERDUTY_FROM."""
    with FakePager(tmp_path) as pager:
        wrong = Settings({**pager.env, "PAGERDUTY_TOKEN": "canary-unknown-token"})
        finding = found(wrong, "PagerDuty")
        assert (finding.status, "region" in finding.detail) == ("fail", True)
        other = Settings({**pager.env, "PAGERDUTY_FROM": "Bob@example.test"})
        by_name = {
            one.name: one for one in examine_all({"P": EXAMINERS["PagerDuty"]}, Look(other, SystemClock(), SCREEN), 20)
        }
        assert by_name["PAGERDUTY_FROM"].status == "warn"


def test_slack_without_the_scope(tmp_path: Path) -> None:
    """A bot that may not post is a warning that names the scope; a token that is none is refused in words."""
    with FakeSlack(tmp_path, token=chat.READONLY_TOKEN) as slack:
        finding = found(Settings(slack.env), "Slack")
        unknown = found(Settings({**slack.env, "SLACK_BOT_TOKEN": "xoxb-canary-unknown"}), "Slack")
    assert (finding.status, "chat:write" in finding.mend) == ("warn", True)
    assert (unknown.status, "does not know this token" in unknown.detail) == ("fail", True)


@pytest.mark.parametrize("scope", [*SCOPES, "chat:write"])
def test_each_scope_that_slack_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scope: str) -> None:
    """Each one that a bot lacks is named by doctor, and README names all of them."""
    monkeypatch.setitem(chat.SCOPES, chat.TOKEN, tuple(one for one in chat.SCOPES[chat.TOKEN] if one != scope))
    with FakeSlack(tmp_path) as slack:
        finding = found(Settings(slack.env), "Slack")
    assert (finding.status, scope in finding.detail + finding.mend) == ("warn", True)
    assert f"`{scope}`" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b'{"versionInfo": {"version": "0.25.0"}, "cluster": {"status": "ready"}}', "ok", "0.25.0"),
        (b'{"versionInfo": {}}', "fail", "names no version"),
        (b"<html>a proxy</html>", "fail", "no JSON"),
        (b"[" * 100_000, "fail", "no JSON"),
    ],
)
def test_alertmanager(body: bytes, status: str, words: str) -> None:
    """Its version, or that something else answers at its address."""
    with Scripted() as server:
        server.on("GET", "/api/v2/status", raw(body))
        finding = found(Settings({"ALERTMANAGER_URL": server.url}), "Alertmanager")
    assert (finding.status, words in finding.detail) == (status, True), finding


def test_slos_without_data(tmp_path: Path) -> None:
    """No data for what the severity ladder reads fails; no traffic is a warning."""

    def line(rows: list[Any]) -> dict[str, Finding]:
        with Scripted() as server:
            server.on("GET", "/api/v1/status/buildinfo", answer(BUILD))
            vector = {"status": "success", "data": {"resultType": "vector", "result": rows}}
            server.on("POST", "/api/v1/query", answer(vector))
            look = Look(Settings({"PROMETHEUS_URL": server.url}), SystemClock(), SCREEN)
            return {one.name: one for one in examine_all({"P": EXAMINERS["Prometheus"]}, look, 20)}

    empty = line([])
    assert empty["availability-cluster"].status == empty["latency-p95-aggregate"].status == "fail"
    assert empty["latency-p99-aggregate"].status == "warn"
    assert line([{"metric": {}, "value": [1, "NaN"]}])["availability-cluster"].status == "warn"


def test_a_secret_that_leads_nowhere(tmp_path: Path) -> None:
    """A reference whose file is gone, or whose command fails, is found out before it is needed."""
    path = tmp_path / "config" / "config.toml"
    path.parent.mkdir()
    path.write_text(
        'PAGERDUTY_ROUTING_KEY_DATA = "file:/nowhere/at/all"\nPAGERDUTY_ROUTING_KEY_SECURITY = "cmd:echo short"\n'
    )
    look = Look(load({"OMNIOPS_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}), SystemClock(), SCREEN)
    by_name = {one.name: one for one in examine_all({"keys": EXAMINERS["routing keys"]}, look, 20)}
    assert (by_name["key: data"].status, "config.toml:1" in by_name["key: data"].detail) == ("fail", True)
    assert by_name["key: security"].status == "warn"
    assert "short" not in by_name["key: security"].detail


def test_a_secret_too_short_to_hide(tmp_path: Path) -> None:
    """A secret of a few characters cannot be taken out of texts: that is said, once, and without its value."""
    given = {"OMNIROUTE_PASSWORD": "abc12", "GH_TOKEN_COMMAND": "false", "OMNIOPS_HOME": str(tmp_path)}
    look = Look(Settings(given), SystemClock(), SCREEN)
    warned = [f for f in EXAMINERS["settings"](look) if f.name == "secrets"]
    assert len(warned) == 1
    assert warned[0].status == "warn"
    assert warned[0].detail.startswith("OMNIROUTE_PASSWORD: shorter than 6")
    assert "abc12" not in str(warned)


def test_scripts(tmp_path: Path) -> None:
    """Scripts that are missing or not executable, a compose file that is gone: each fails and is named."""
    (tmp_path / "rollback.sh").write_text("#!/bin/sh\n")
    settings = Settings(
        {
            "OMNIROUTE_BIN": str(tmp_path),
            "OMNIROUTE_COMPOSE_FILE": str(tmp_path / "c.yml"),
            "OMNIROUTE_REPO": str(tmp_path),
            "PATH": "/",
        }
    )
    lines = examine_all({"scripts": EXAMINERS["scripts"]}, Look(settings, SystemClock(), SCREEN), 20)
    assert [line.status for line in lines] == ["fail", "fail", "fail"]
    assert "rollback.sh" in lines[0].detail
    assert "snapshot-data.sh" in lines[0].detail
    assert str(tmp_path) in lines[1].detail
    assert "c.yml" in lines[2].detail


def test_the_journal(tmp_path: Path) -> None:
    """A journal that others may read is a warning, one that was cut fails with the way out."""
    omniops = Command(tmp_path, OMNIROUTE_URL=DEAD)
    omniops("mitigate", "security", "--onset", "now")
    journal = tmp_path / "state" / "journal.db"
    assert checks(omniops.json("doctor"))["its permissions"]["status"] == "ok"
    journal.chmod(0o644)
    assert checks(omniops.json("doctor"))["its permissions"]["status"] == "warn"
    for path in journal.parent.glob("journal.db*"):
        if path.name != "journal.db.head":
            path.unlink()
    assert checks(omniops.json("doctor"))["journal"]["status"] == "fail"


def test_reviews() -> None:
    """A runbook that nobody has looked at for 180 days, or ever, is named; younger ones are not."""
    day = timedelta(days=1)
    dates = {"new": (NOW - 180 * day).date().isoformat(), "old": (NOW - 181 * day).date().isoformat()}
    logs = {id: [{"date": date, "reviewer": "r", "change": "c"}] for id, date in dates.items()}
    finding = reviews({**logs, "never": []}, NOW)
    assert finding.status == "warn"
    assert "old (it was last reviewed 181 days ago)" in finding.detail
    assert "never (it was never reviewed)" in finding.detail
    assert "new" not in finding.detail
    assert reviews({"new": logs["new"]}, NOW).status == "ok"


@pytest.mark.parametrize(
    ("skews", "status", "mend"),
    [
        ({}, "not configured", ""),
        ({"OmniRoute": 0.4, "Slack": -4.0}, "ok", ""),
        ({"OmniRoute": 90.0, "Slack": 0.0}, "warn", "set the clock of OmniRoute"),
        ({"OmniRoute": -90.0, "Slack": -91.0}, "warn", "set this machine's clock"),
    ],
)
def test_clocks(skews: dict[str, float], status: str, mend: str) -> None:
    """A service whose clock is off is named; where all are off in one way, it is ours."""
    (finding,) = compare(skews)
    assert (finding.status, finding.mend.startswith(mend)) == (status, True)


def test_dates() -> None:
    """A Date header against our clock; what is none says nothing."""
    assert skew_s(format_datetime(NOW + timedelta(seconds=30)), NOW) == 30.5
    assert skew_s("", NOW) is None
    assert skew_s("soon", NOW) is None


def test_a_broken_check_hides_no_other() -> None:
    """A bug in one examiner is its own line; what it had found before stays."""

    def broken(look: Look) -> Iterator[Finding]:
        yield Finding("first", "ok", "fine")
        raise KeyError("x")

    look = Look(Settings({}), SystemClock(), SCREEN)
    lines = examine_all({"broken": broken, "terminal": EXAMINERS["terminal"]}, look, 20)
    assert [(line.group, line.status) for line in lines[:2]] == [("broken", "ok"), ("broken", "fail")]
    assert "KeyError at test_doctor.py:" in lines[1].detail
    assert lines[2].group == "terminal"


@pytest.mark.parametrize(
    ("screen", "wrong"),
    [
        (SCREEN, []),
        (SCREEN._replace(columns=79), ["terminal"]),
        (SCREEN._replace(lines=20, term="dumb", unicode=False), ["terminal", "TERM", "characters"]),
        (SCREEN._replace(interactive=False), ["terminal"]),
    ],
)
def test_terminals(screen: Screen, wrong: list[str]) -> None:
    """Size, TERM and characters are told; without a terminal that is what is told."""
    lines = list(EXAMINERS["terminal"](Look(Settings({}), SystemClock(), screen)))
    assert [line.name for line in lines if line.status != "ok"] == wrong


def test_on_a_terminal(tmp_path: Path) -> None:
    """On a terminal of 100x40 its size is seen, and the report fits into it."""
    child = start(
        sys.executable, "-m", "omniops", "doctor", columns=100, rows=40, OMNIOPS_HOME=str(tmp_path), COLUMNS=""
    )
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    shown = [line.rstrip() for line in output(child).splitlines()]
    assert any("100x40, interactive" in line for line in shown)
    assert any(line.startswith("1 fail, ") for line in shown)
    assert max(len(line) for line in shown) <= 100


def test_the_exit_code() -> None:
    """Warnings and what is not configured are no failure."""
    lines = [Finding("a", "warn", "x"), Finding("b", "not configured", "x")]
    assert Report(lines).exit == 0
    assert Report([*lines, Finding("c", "fail", "x")]).exit == 1


def test_the_ways_to_customers(tmp_path: Path) -> None:
    """The status page by its name, the mail server's greeting and login, a webhook's address: nothing is published, and
    no secret is shown."""
    with FakeStatuspage() as page, SmtpServer(tls=certificate(tmp_path), login=True) as smtp:
        hook = {"SLACK_WEBHOOK_URL": f"{page.url}/services/T0/B0/canary-hook"}
        done = Command(tmp_path / "home")(
            "doctor", "--json", **page.env, **smtp.env, **hook, APPRISE_URLS="json://canary"
        )
        by_name = checks(json.loads(done.stdout))
        for name, word in (("status page", "OmniRoute"), ("mail", "takes the login"), ("Slack's webhook", "cannot be")):
            assert (by_name[name]["status"], word in by_name[name]["detail"]) == ("ok", True), by_name[name]
        assert by_name["MAIL_FROM"]["detail"] == "status@omni.test"
        secrets = ("canary", PASSWORD, "c%40nary", KEY)
        assert not [secret for secret in secrets if secret in done.stdout + done.stderr]
        assert ([asked.split()[0] for asked in page.asked], smtp.letters) == (["GET"], [])


@pytest.mark.parametrize("what", ["clean", "dirty", "nowhere"])
def test_the_checkout_of_the_status_page(tmp_path: Path, what: str) -> None:
    """A clean checkout with a remote is fine; one with somebody's work in it, or that is none, fails in words."""
    repo = StatusRepo(tmp_path)
    if what == "dirty":
        (repo.folder / "config.yml").write_text("mine\n", encoding="utf-8")
    env = {"STATUS_REPO": str(repo.folder if what != "nowhere" else tmp_path / "nowhere"), "PATH": "/usr/bin:/bin"}
    finding = found(Settings(env), "status page")
    words = {"clean": "main goes to the folder", "dirty": "config.yml", "nowhere": "not a git checkout"}
    assert (finding.status, words[what] in finding.detail) == ("ok" if what == "clean" else "fail", True), finding


def test_what_is_set_up_by_half(tmp_path: Path) -> None:
    """A key without a page, a webhook beside a bot's token, a mail server that is not there."""
    assert "STATUSPAGE_PAGE" in found(Settings({"STATUSPAGE_TOKEN": "canary-key"}), "status page").detail
    both = {"SLACK_WEBHOOK_URL": "https://hooks.example/services/x", "SLACK_BOT_TOKEN": "xoxb-1"}
    assert found(Settings(both), "webhooks").status == "warn"
    assert found(Settings({"SMTP_URL": "smtp://127.0.0.1:9"}), "mail").status == "fail"
