"""Flags above environment above file; named environments; references to secrets; and what a wrong file says."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniops import text
from omniops.config import FLAGS, SECRETS, Settings, load, refuse_no_home, refuse_no_runbooks
from omniops.config.file import config_path
from omniops.config.names import SETTINGS
from omniops.config.reading import parse
from omniops.errors import BadInput

CANARY = "canary-4711-do-not-show"


def write(home: Path, content: str, mode: int = 0o600) -> Path:
    path = home / "config" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
    return path


def settings(home: Path, content: str = "", flags: dict[str, str] | None = None, **env: str) -> Settings:
    if content:
        write(home, content)
    return load({"OMNIOPS_HOME": str(home), "PATH": "/usr/bin:/bin", **env}, flags)


def refused(home: Path, content: str | bytes) -> list[str]:
    """The lines of the error that a file ends in, its path cut off."""
    path = write(home, "")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadInput) as caught:
        settings(home)
    assert CANARY not in str(caught.value.__dict__) + str(caught.value.args)
    lines = caught.value.lines()
    assert len(lines) <= 4
    assert caught.value.exit == 2
    return [lines[0].removeprefix(f"{path}:"), *lines[1:]]


def test_the_table_knows_every_secret() -> None:
    """What is a secret is one fact: the table of settings and SECRETS agree; what has a flag is a setting."""
    assert sorted(SECRETS) == sorted(s.name for s in SETTINGS.values() if s.kind == "secret")
    assert set(FLAGS) <= set(SETTINGS)


def test_layers(tmp_path: Path) -> None:
    """A flag wins over the environment, that over the file, that over the default; each says where it came from."""
    content = 'OMNIOPS_OPERATOR = "file-eve"\nGH_REPO = "file/repo"\n\nOMNIOPS_RUNBOOKS = "/file/books"\n'
    found = settings(
        tmp_path, content, {"OMNIOPS_RUNBOOKS": "/flag/books"},
        OMNIOPS_OPERATOR="env-eve", OMNIOPS_RUNBOOKS="/env/books", GH_REPO=" ",
    )  # fmt: skip
    file = tmp_path / "config" / "config.toml"
    assert (found.operator, found.origin("OMNIOPS_OPERATOR")) == ("env-eve", "environment OMNIOPS_OPERATOR")
    assert (str(found.user_runbooks), found.origin("OMNIOPS_RUNBOOKS")) == ("/flag/books", "flag --runbooks")
    assert (found.get("GH_REPO"), found.origin("GH_REPO")) == ("file/repo", f"{file}:2")  # empty is unset
    assert (found.get("GRAFANA_URL", "none"), found.origin("GRAFANA_URL")) == ("none", "default")


def test_where_the_file_is(tmp_path: Path) -> None:
    """OMNIOPS_HOME/config, else XDG_CONFIG_HOME/omniops; no file is no error, and makes nothing."""
    assert config_path({"OMNIOPS_HOME": "/h", "XDG_CONFIG_HOME": "/x"}) == Path("/h/config/config.toml")
    assert config_path({"XDG_CONFIG_HOME": "/x"}) == Path("/x/omniops/config.toml")
    assert settings(tmp_path).file is None
    assert list(tmp_path.iterdir()) == []


def test_named_environments(tmp_path: Path) -> None:
    """A table's values lie over those of the top; its name is the environment's; the file's own choice is the last."""
    content = """
        OMNIOPS_ENV = "production"
        OMNIROUTE_URL = "https://prod.example.net"
        GH_REPO = "a/b"
        [env.staging]
        OMNIROUTE_URL = "https://staging.example.net"
    """
    plain = settings(tmp_path, content)
    assert (plain.environment, plain.omniroute_url) == ("production", "https://prod.example.net")
    for chosen in (settings(tmp_path, flags={"OMNIOPS_ENV": "staging"}), settings(tmp_path, OMNIOPS_ENV="staging")):
        assert (chosen.environment, chosen.omniroute_url) == ("staging", "https://staging.example.net")
        assert chosen.get("GH_REPO") == "a/b"
        assert chosen.origin("OMNIROUTE_URL").endswith("config.toml:6")
    assert settings(tmp_path, OMNIOPS_ENV="production").omniroute_url == "https://prod.example.net"
    flag_wins = settings(tmp_path, flags={"OMNIOPS_ENV": "staging"}, OMNIOPS_ENV="production")
    assert flag_wins.environment == "staging"


def test_an_environment_that_is_none(tmp_path: Path) -> None:
    """A name that no table has is refused: it would put one name over another's server. Without tables it is a name."""
    assert settings(tmp_path, OMNIOPS_ENV="anything").environment == "anything"
    with pytest.raises(BadInput, match="no environment 'staging'"):
        settings(tmp_path, flags={"OMNIOPS_ENV": "staging"})
    content = '[env.staging]\nOMNIROUTE_URL = "https://staging.example.net"\n'
    for flags, name in (({"OMNIOPS_ENV": "stagign"}, ""), ({}, "stagign")):
        with pytest.raises(BadInput, match="did you mean 'staging'") as caught:
            settings(tmp_path, content, flags, OMNIOPS_ENV=name)
        assert caught.value.next == "--env staging"


def test_the_shell_over_a_chosen_environment(tmp_path: Path) -> None:
    """What the shell sets wins over the table too, and can be told: the name alone would mislead."""
    content = '[env.staging]\nOMNIROUTE_URL = "https://staging.example.net"\nGH_REPO = "a/b"\n'
    found = settings(tmp_path, content, {"OMNIOPS_ENV": "staging"}, OMNIROUTE_URL="https://prod.example.net")
    assert found.omniroute_url == "https://prod.example.net"
    assert found.shadowed() == ["OMNIROUTE_URL"]


@pytest.mark.parametrize("given", ["", "_FILE", "_COMMAND"])
def test_secrets_of_the_environment_win(given: str, tmp_path: Path) -> None:
    """A secret given by the environment in any way hides the file's reference."""
    (tmp_path / "s").write_text("from-environment\n")
    value = {"": "from-environment", "_FILE": str(tmp_path / "s"), "_COMMAND": "echo from-environment"}[given]
    found = settings(tmp_path, 'GH_TOKEN = "env:OTHER"', None, OTHER="from-file", **{f"GH_TOKEN{given}": value})
    assert found.secret("GH_TOKEN") == "from-environment"
    assert found.origin("GH_TOKEN") == f"environment GH_TOKEN{given}"


@pytest.mark.parametrize("kind", ["env", "file", "cmd"])
def test_references(kind: str, tmp_path: Path) -> None:
    """env:, file: and cmd: are resolved at the moment of use, and redacted from then on."""
    secret = f"referred-{kind}-secret"
    (tmp_path / "s").write_text(f"{secret}\n")
    line = {"env": "env:OTHER", "file": f"file:{tmp_path}/s", "cmd": f"cmd:echo {secret}"}[kind]
    found = settings(tmp_path, f'GH_TOKEN = "{line}"', OTHER=secret)
    assert found.has_secret("GH_TOKEN")
    assert found.secret("GH_TOKEN") == secret
    assert text.redact(f"it is {secret}") == "it is ***"


@pytest.mark.parametrize(
    ("reference", "word"),
    [
        ("env:NOWHERE", "NOWHERE"),
        ("file:/nowhere/at/all", "/nowhere/at/all"),
        ("cmd:false", "exited with 1"),
        ("file:/dev/zero", "/dev/zero"),
    ],
)
def test_references_that_lead_nowhere(reference: str, word: str, tmp_path: Path) -> None:
    """The error names the setting, the file and its line, and what it leads to."""
    found = settings(tmp_path, f'\nGH_TOKEN = "{reference}"')
    assert found.has_secret("GH_TOKEN")
    with pytest.raises(BadInput) as caught:
        found.secret("GH_TOKEN")
    assert "GH_TOKEN" in caught.value.what
    assert "config.toml:2" in caught.value.what
    assert word in caught.value.what


@pytest.mark.parametrize("token", [f"xoxb-{CANARY}-\u00e9", f"xoxb-{CANARY}\nxoxb-2", f"xoxb {CANARY}"])
def test_a_token_that_is_none(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told before anything is sent, not as a bug after which something may have been; and is redacted."""
    monkeypatch.setattr(text, "_secrets", ())
    with pytest.raises(BadInput) as caught:
        load({"SLACK_BOT_TOKEN": token}).secret("SLACK_BOT_TOKEN")
    assert CANARY not in "".join(caught.value.lines())
    assert text.redact(token) == "***"
    assert load({"OMNIROUTE_PASSWORD": "pass w\u00f6rd"}).secret("OMNIROUTE_PASSWORD") == "pass w\u00f6rd"


def test_every_secret_is_known_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets in files as well, used or not; but no command is run for it, and no pipe read, which gives it once."""
    monkeypatch.setattr(text, "_secrets", ())
    (tmp_path / "s").write_text("smtp://u:canary-mail@mail.example.org\n")
    os.mkfifo(tmp_path / "pipe")
    content = f'SMTP_URL = "file:{tmp_path}/s"\nSLACK_BOT_TOKEN = "cmd:touch {tmp_path}/ran"'
    settings(tmp_path, content, GH_TOKEN_FILE=f"{tmp_path}/pipe").remember_secrets()
    assert text.redact("canary-mail") == "***"
    assert not (tmp_path / "ran").exists()


def test_a_secret_inside_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longer one is taken out whole, whichever was learned first: its tail is a secret too."""
    for order in (("hunter2", "hunter2-and-more"), ("hunter2-and-more", "hunter2")):
        monkeypatch.setattr(text, "_secrets", ())
        for secret in order:
            text.is_secret(secret)
        assert text.redact({"a": "hunter2-and-more, hunter2"}) == {"a": "***, ***"}


def test_commands_get_no_secrets(tmp_path: Path) -> None:
    """A command that prints one secret sees neither the others nor the variables that references name."""
    content = 'GH_TOKEN = "env:OTHER"\nOMNIROUTE_PASSWORD = "cmd:env"'
    found = settings(tmp_path, content, OTHER="o-secret", PAGERDUTY_TOKEN="p-secret", PLAIN="plain-value")
    printed = found.secret("OMNIROUTE_PASSWORD")
    assert "plain-value" in printed
    assert "o-secret" not in printed
    assert "p-secret" not in printed


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        (
            'OMNIROUTE_URI = "x"',
            "1:1",
            ["no setting 'OMNIROUTE_URI'", "nearest name is OMNIROUTE_URL", "OMNIROUTE_URL"],
        ),
        ('\n  omniroute_url = "x"', "2:3", ["no setting", "OMNIROUTE_URL"]),
        ('[env.a]\nSLACK_TOKEN="x"', "2:1", ["no setting", "SLACK_BOT_TOKEN"]),
        ('XYZZY = "x"', "1:1", ["no setting", "config show"]),
        (f'GH_TOKEN = "{CANARY}"', "1:12", ["GH_TOKEN is a secret", "env:NAME"]),
        (f'[env.a]\nGH_TOKEN =   "{CANARY}"', "2:14", ["GH_TOKEN is a secret"]),
        (f'GH_TOKEN = "env:{CANARY}"', "1:12", ["GH_TOKEN is a secret"]),  # no name of a variable
        ('GH_TOKEN = "file:"', "1:12", ["GH_TOKEN is a secret"]),
        ('GH_TOKEN_FILE = "/x"', "1:1", ["here it is a reference", 'GH_TOKEN = "file:PATH"']),
        ('GH_TOKEN_COMMAND = "x"', "1:1", ['GH_TOKEN = "cmd:COMMAND"']),
        ("GH_REPO = 3", "1:11", ["GH_REPO is no text", 'GH_REPO = "..."']),
        ('GH_REPO = ["a"]', "1:11", ["no text"]),
        ('GH_REPO = "a\\nb"', "1:11", ["line end"]),
        (f'PROMETHEUS_URL = "https://u:{CANARY}@h"', "1:18", ["not a plain base URL", "https://"]),
        ('PROMETHEUS_URL = "prom:9090"', "1:18", ["not a plain base URL"]),
        ('OMNIROUTE_URLS = ["https://a", "b"]', "1:18", ["not a plain base URL"]),
        ('OMNIROUTE_BIN = "bin"', "1:17", ["no whole path", "/ or ~/"]),
        ('GH_TOKEN = "file:secret"', "1:12", ["no whole path"]),
        ('[staging]\nGH_REPO = "a/b"', "1:1", ["no table 'staging'", "[env.NAME]"]),
        ('[env."a b"]\nGH_REPO = "a/b"', "1:1", ["no name for an environment"]),
        ('[env]\nGH_REPO = "a/b"', "2:1", ["env.GH_REPO is no table", "[env.staging]"]),
        ('[env.a]\nOMNIOPS_ENV = "b"', "2:1", ["OMNIOPS_ENV stands inside an environment"]),
        ("GH_REPO = a/b", "1:11", ["no TOML"]),
        ('GH_REPO = "a"\nGH_REPO = "b"', "2:14", ["no TOML", "overwrite"]),
        (f"GH_TOKEN = {CANARY}", "1:12", ["no TOML"]),
        ('GH_REPO = "a/b', "1:15", ["no TOML"]),
        ("GH_REPO = " + "1" * 5000, "1:5011", ["no TOML"]),
        ("GH_REPO = " + "[" * 5000, "1:5011", ["no TOML"]),
        ('env.staging.GH_REPO = "a"\nenv.staging.GH_REPOS = "a"', "2:1", ["nearest name is GH_REPO"]),
        (b'GH_REPO = "a"\n# \xff', "2:3", ["no UTF-8"]),
    ],
)
def test_what_is_wrong_with_it(content: str | bytes, place: str, words: list[str], tmp_path: Path) -> None:
    """Line, column, the nearest name and the mend; never the value of a secret. Exit 2, at most four lines."""
    lines = refused(tmp_path, content)
    assert lines[0].startswith(f"{place}: "), lines
    for word in words:
        assert word in "\n".join(lines)


_PIECES = [
    "GH_REPO",
    "GH_TOKEN",
    "env",
    "[",
    "]",
    "=",
    '"',
    "\n",
    ".",
    "a",
    "\\",
    "#",
    "{",
    "}",
    "'",
    "1",
    ",",
    "\0",
    "é",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=25).map("".join))
def test_any_text(content: str) -> None:
    """Whatever the file holds, it is understood, or refused in words with a place; nothing else is raised."""
    said = "f:1:1: "
    try:
        parse(content.encode(), "f")
    except BadInput as error:
        said = error.what
    assert re.match(r"f:\d+:\d+: ", said)


def test_the_first_of_many(tmp_path: Path) -> None:
    """Of several errors the first one is told, and how many more there are."""
    assert refused(tmp_path, 'A = "1"\nB = "2"\nGH_TOKEN = "x-y-z"')[0].endswith("(and 2 more)")


@pytest.mark.parametrize("what", ["folder", "pipe", "writable", "huge"])
def test_files_that_are_not_read(what: str, tmp_path: Path) -> None:
    """A folder, a pipe, a file that everybody may write to, a huge one: refused at once, with the way out."""
    path = write(tmp_path, 'GH_REPO = "a/b"\n', mode=0o602 if what == "writable" else 0o600)
    if what == "huge":
        path.write_text("#" * (1 << 20) + "\n\n")
    if what in ("folder", "pipe"):
        path.unlink()
        os.mkfifo(path) if what == "pipe" else path.mkdir()
    with pytest.raises(BadInput, match="the config file is not read"):
        settings(tmp_path)


def test_an_unreadable_file(tmp_path: Path) -> None:
    """No permission is an error, not "no file"."""
    write(tmp_path, 'GH_REPO = "a/b"\n', mode=0)
    me = os.geteuid()
    if me == 0:  # root may read everything
        os.seteuid(65534)
    try:
        with pytest.raises(BadInput, match="not read"):
            settings(tmp_path)
    finally:
        os.seteuid(me)


def test_several_urls(tmp_path: Path) -> None:
    """OMNIROUTE_URLS is a text, or a list."""
    for urls in ('"http://a, http://b"', '["http://a", "http://b/"]'):
        assert settings(tmp_path, f"OMNIROUTE_URLS = {urls}").replica_urls == ["http://a", "http://b"]


def test_home_is_known(tmp_path: Path) -> None:
    """~ in a path is the home folder, wherever the value is used."""
    found = settings(tmp_path, 'DB_BACKUPS_DIR = "~/backups"')
    assert found.env["DB_BACKUPS_DIR"] == f"{Path.home()}/backups"


def test_kept_parsed(tmp_path: Path) -> None:
    """A second command reads JSON; a changed file, or a copy that somebody else could have written, is parsed again."""
    assert settings(tmp_path, 'GH_REPO = "a/b"\n').get("GH_REPO") == "a/b"
    kept = tmp_path / "cache" / "config.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    forged = json.loads(kept.read_text())
    forged["layers"][""]["GH_REPO"] = ["forged", 1]
    kept.write_text(json.dumps(forged))
    assert settings(tmp_path).get("GH_REPO") == "forged"  # shows that the copy is what is read
    kept.chmod(0o666)
    assert settings(tmp_path).get("GH_REPO") == "a/b"
    kept.write_text("[" * 100_000)
    assert settings(tmp_path).get("GH_REPO") == "a/b"
    assert settings(tmp_path, 'GH_REPO = "c/d"\n').get("GH_REPO") == "c/d"


def test_a_mapping_knows_no_file(tmp_path: Path) -> None:
    """Settings made from a mapping, as a drill's are, read no file even where the mapping leads to one."""
    write(tmp_path, 'GH_REPO = "a/b"\nGH_TOKEN = "env:OTHER"\n')
    made = Settings({"OMNIOPS_HOME": str(tmp_path), "OTHER": "x"}, drill=True)
    assert (made.get("GH_REPO"), made.has_secret("GH_TOKEN"), made.secret("GH_TOKEN")) == ("", False, "")


def test_a_folder_that_was_named_and_is_not_there(tmp_path: Path) -> None:
    """A mistyped OMNIOPS_HOME, OMNIOPS_JOURNAL or OMNIOPS_RUNBOOKS is bad input, and no all-clear from an empty journal
    or from rules that name nobody; a folder that is there and still empty is fine."""
    lost = str(tmp_path / "nope")
    for env in ({"OMNIOPS_HOME": lost}, {"OMNIOPS_HOME": str(tmp_path), "OMNIOPS_JOURNAL": f"{lost}/journal.db"}):
        with pytest.raises(BadInput, match="there is no journal at") as refused:
            refuse_no_home(Settings(env))
        assert f"{list(env)[-1]} names a folder that is not there" in refused.value.why
    refuse_no_home(Settings({"OMNIOPS_HOME": str(tmp_path)}))
    refuse_no_home(Settings({}))
    with pytest.raises(BadInput, match="OMNIOPS_RUNBOOKS names no folder"):
        refuse_no_runbooks(Settings({"OMNIOPS_RUNBOOKS": lost}))
    refuse_no_runbooks(Settings({"OMNIOPS_RUNBOOKS": str(tmp_path)}))
