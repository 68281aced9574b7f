"""`omniops config` through the real command: the file it writes, what it shows, and commands with a wrong file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from omniops.config.names import SETTINGS
from tests.support.command import Command

CANARIES = {
    "GH_TOKEN": "canary-github", "SLACK_BOT_TOKEN": "canary-slack", "OMNIROUTE_PASSWORD": "canary-password",
}  # fmt: skip


def write(home: Path, content: str) -> Path:
    path = home / "config" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def test_init(tmp_path: Path) -> None:
    """A commented file for the owner alone; never over one that is there, unless --force."""
    omniops = Command(tmp_path)
    done = omniops("config", "init")
    path = tmp_path / "config" / "config.toml"
    assert (done.returncode, done.stdout.strip()) == (0, str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert tomllib.loads(path.read_text()) == {}
    path.write_text('GH_REPO = "mine/mine"\n')
    again = omniops("config", "init")
    assert (again.returncode, "--force" in again.stderr) == (2, True)
    assert path.read_text() == 'GH_REPO = "mine/mine"\n'
    assert omniops("config", "init", "--force", "--json").returncode == 0
    assert "mine/mine" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_force_mends_what_cannot_be_read(tmp_path: Path) -> None:
    """`config init` works where the file is wrong, which every other command refuses."""
    write(tmp_path, "nonsense")
    assert Command(tmp_path)("config", "show").returncode == 2
    assert Command(tmp_path)("config", "init", "--force").returncode == 0
    assert Command(tmp_path)("config", "show").returncode == 0


def test_every_line_of_it_is_right(tmp_path: Path) -> None:
    """With the comments taken away every example is understood, and every setting is there."""
    omniops = Command(tmp_path)
    omniops("config", "init")
    path = tmp_path / "config" / "config.toml"
    path.write_text(re.sub(r"^# (?=[A-Z_]+ = |\[env)", "", path.read_text(), flags=re.MULTILINE))
    names = {row["name"] for row in omniops.json("config", "show", OMNIOPS_OPERATOR="")["settings"] if row["set"]}
    assert names == set(SETTINGS)
    staging = omniops.json("config", "show", "--env", "staging")
    assert staging["environment"] == "staging"


def test_show(tmp_path: Path) -> None:
    """Every setting, its value and origin; secrets are said to be set and never shown."""
    (tmp_path / "secret").write_text(CANARIES["SLACK_BOT_TOKEN"])
    path = write(
        tmp_path,
        'GRAFANA_URL = "https://grafana.example.net"\n'
        f'SLACK_BOT_TOKEN = "file:{tmp_path}/secret"\nGH_TOKEN = "env:MY_TOKEN"\n',
    )
    env = {
        "OMNIROUTE_PASSWORD": CANARIES["OMNIROUTE_PASSWORD"], "MY_TOKEN": CANARIES["GH_TOKEN"],
        "PROMETHEUS_URL": "https://u:canary-url@prometheus.example.net", "PAGERDUTY_TOKEN_COMMAND": "touch ran",
        "PAGERDUTY_FROM": CANARIES["OMNIROUTE_PASSWORD"],
    }  # fmt: skip
    done = Command(tmp_path)("config", "show", **env, COLUMNS="200")
    assert done.returncode == 0, done.stderr
    assert f"https://grafana.example.net  ({path}:1)" in done.stdout
    assert f"set (secret, from {path}:2)" in done.stdout
    assert f"set (secret, from {path}:3)" in done.stdout
    assert "set (secret, from environment OMNIROUTE_PASSWORD)" in done.stdout
    assert "set (secret, from environment PAGERDUTY_TOKEN_COMMAND)" in done.stdout
    assert "https://api.pagerduty.com  (default)" in done.stdout
    answer = Command(tmp_path).json("config", "show", **env)
    assert answer["schema"] == "omniops.config/1"
    found = {row["name"]: row for row in answer["settings"]}
    assert list(found) == list(SETTINGS)
    assert found["GH_TOKEN"]["value"] is None
    assert found["GH_TOKEN"]["set"] is True
    assert found["OMNIOPS_OPERATOR"]["value"] == "eve"
    assert "canary" not in done.stdout + done.stderr + str(answer)
    assert not list(tmp_path.rglob("ran"))


@pytest.mark.parametrize("words", [["--env", "staging", "config", "show"], ["config", "show", "--env=staging"]])
def test_the_environment_flag(words: list[str], tmp_path: Path) -> None:
    """--env stands anywhere on the line; where the shell overrides its table, that is said."""
    write(tmp_path, '[env.staging]\nOMNIROUTE_URL = "https://staging.example.net"\n')
    answer = Command(tmp_path).json(*words)
    assert (answer["environment"], answer["environments"]) == ("staging", ["staging"])
    assert answer["settings"][0]["value"] == "https://staging.example.net"
    done = Command(tmp_path)(*words, OMNIROUTE_URL="https://prod.example.net")
    assert "Not from [env.staging], because the shell sets them: OMNIROUTE_URL." in done.stderr


@pytest.mark.parametrize("words", [["--env"], ["--env", ""], ["--env", "--json"], ["--env", "nowhere"]])
def test_wrong_environments(words: list[str], tmp_path: Path) -> None:
    """--env without a name, or with one that there is not, is bad usage."""
    done = Command(tmp_path)("config", "show", *words)
    assert (done.returncode, "settings" in done.stdout) == (2, False)


@pytest.mark.parametrize("words", [["mitigations"], ["classify", "--error-ratio", "0.6"], ["runbook", "list"]])
def test_a_wrong_file_stops_every_command(words: list[str], tmp_path: Path) -> None:
    """Exit 2 and at most four lines, with file, line and column; a secret in it is not repeated."""
    path = write(tmp_path, f'\nGH_TOKEN = "{CANARIES["GH_TOKEN"]}"\n')
    done = Command(tmp_path)(*words)
    assert done.returncode == 2
    assert f"{path}:2:12" in done.stderr.replace("\n", "")
    assert "canary" not in done.stdout + done.stderr


def test_approvals_show_its_name(tmp_path: Path) -> None:
    """The chosen environment is what a run is begun in."""
    write(tmp_path, '[env.staging]\nOMNIROUTE_URL = "http://127.0.0.1:9"\n')
    omniops = Command(tmp_path)
    omniops("mitigate", "security", "--env", "staging", "--onset", "now")
    shown = omniops.json("incident", "show", "--env", "staging")
    started = next(event for event in shown["events"] if event["kind"] == "run.started")
    assert (started["data"]["environment"], started["data"]["url"]) == ("staging", "http://127.0.0.1:9")


def test_a_drill_knows_no_config_file(tmp_path: Path) -> None:
    """A drill is the same with a file full of real settings, and with one that every other command refuses."""
    real = (
        'OMNIROUTE_URL = "https://prod.example.net"\nOMNIROUTE_PASSWORD = "cmd:touch ran"\nOMNIOPS_ENV = "production"'
    )
    for content in (f'{real}\nOMNIOPS_JOURNAL = "{tmp_path}/real.db"\n', "nonsense"):
        write(tmp_path, content)
        done = Command(tmp_path)("drill", "provider-outage", "--auto", "--until", "disable", "--json")
        assert done.returncode == 0, done.stderr
        assert "production" not in done.stdout + done.stderr
        assert not list(tmp_path.rglob("ran"))
        assert not (tmp_path / "real.db").exists()
