"""`omniops classify` as a process: what goes to stdout and stderr, and the exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.screen import ROOT, start

MAIN = "from omniops.entry import main; main()"
SEVERITY = (ROOT / "runbooks" / "severity.yaml").read_text(encoding="utf-8")


def omniops(*args: str, stdin: str | bytes = b"", **env: str) -> subprocess.CompletedProcess[str]:
    """Run `omniops classify` with pipes for all three streams."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OMNI", "NO_COLOR", "FORCE_COLOR"))}
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "classify", *args],
        input=data,
        capture_output=True,
        cwd=ROOT,
        env={**kept, "COLUMNS": "80", "LANG": "C.UTF-8", **env},
        timeout=60,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def answer(*args: str, **given: Any) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON answer; stdout must hold nothing else."""
    done = omniops(*args, "--json", **given)
    return done.returncode, json.loads(done.stdout)


EXAMPLE = """\
error_ratio: 0.62          # failing / all requests over the last 5 minutes
requests: 5000
burn_rate: {5m: 7.1, 1h: 2.4, 7d: 0.6}
slo_breach: {factor: 1.8, for: 15m}
p95_seconds: 2.4
facts: [single_provider_down]
"""


def test_the_documented_example() -> None:
    """The example of the documentation, from stdin, gives the promised JSON and nothing else."""
    done = omniops("--signals", "-", "--json", stdin=EXAMPLE)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert list(said) == ["schema", "severity", "reasons", "unknown", "page", "resolve_by", "runbook"]
    assert (said["schema"], said["severity"], said["unknown"]) == ("omniops.classification/1", "SEV-1", [])
    assert said["page"] == {"role": "engineering", "priority": "P0", "within_s": 0}
    assert (said["resolve_by"]["after_s"], said["runbook"]) == (14400, "provider-outage")


def test_flags_file_and_json_agree(tmp_path: Path) -> None:
    """Flags, a YAML file and a JSON file with the same signals give the same answer."""
    flags = ["--error-ratio", "0.62", "--requests", "5000", "--burn-rate", "5m=7.1", "--burn-rate", "1h=2.4"]
    flags += ["--burn-rate", "7d=0.6", "--slo-breach", "1.8:15m", "--p95-seconds", "2.4"]
    flags += ["--fact", "single_provider_down"]
    (tmp_path / "signals.yaml").write_text(EXAMPLE, encoding="utf-8")
    written = {"error_ratio": 0.62, "requests": 5000, "burn_rate": {"5m": 7.1, "1h": 2.4, "7d": 0.6}}
    written |= {"slo_breach": {"factor": 1.8, "for": "15m"}, "p95_seconds": 2.4, "facts": ["single_provider_down"]}
    (tmp_path / "signals.json").write_text(json.dumps(written), encoding="utf-8")
    onset = ("--onset", "2026-11-23T17:04:00Z")
    said = [
        answer(*flags, *onset),
        answer("--signals", str(tmp_path / "signals.yaml"), *onset),
        answer("--signals", str(tmp_path / "signals.json"), *onset),
    ]
    assert said[0] == said[1] == said[2]
    assert said[0][1]["resolve_by"]["at"] == "2026-11-23T21:04:00.000Z"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--fact", "data_loss"), 0),
        (("--fact", "data_loss", "--exit-code"), 11),
        (("--fact", "single_tenant", "--exit-code"), 12),
        (("--fact", "near_miss", "--exit-code"), 13),
        (("--fact", "cosmetic", "--exit-code"), 14),
        (("--fact", "security", "--exit-code", "--fact", "cosmetic"), 10),
        (("--error-ratio", "0.001", "--exit-code"), 0),
        (("--error-ratio", "0.01", "--requests", "100", "--exit-code"), 3),
        ((), 3),
    ],
)
def test_exit_codes(args: tuple[str, ...], code: int) -> None:
    """0 judged, 3 nothing could be judged, 10 security, and the severity only where it is asked for."""
    assert omniops(*args).returncode == code


@pytest.mark.parametrize(
    ("args", "stdin", "words"),
    [
        (("--error-ratio", "62"), "", "62 is outside 0 to 1"),
        (("--error-ratio", "-0.1"), "", "-0.1 is not at least 0"),
        (("--error-ratio", "nan"), "", "nan is not a finite number"),
        (("--error-ratio", "0.1", "--error-ratio", "0.1"), "", "given 2 times"),
        (("--fact", "singel_tenant"), "", "did you mean single_tenant?"),
        (("--slo-breach", "1.8:15"), "", "'15' is not a duration"),
        (("--onset", "yesterday", "--error-ratio", "1"), "", "yesterday"),
        (("--nonsense",), "", "nonsense"),
        (("--signals", "/nowhere/at/all"), "", "No such file or directory"),
        (("--signals", "-"), "", "stdin is empty"),
        (("--signals", "-"), "[1, 2]", "a list, not a mapping"),
        (("--signals", "-"), '{"error_ratio": 0.1, "error_ratio": 0.9}', "'error_ratio' twice"),
        (("--signals", "-"), "error_ratio: 0.1\nerror_ratio: 0.9\n", "stdin:2:1 has the key 'error_ratio' twice"),
        (("--signals", "-"), "error_ratio: [0.1\n", "neither JSON nor YAML"),
        (("--signals", "-"), "error_ratio: .nan\n", "nan is not a finite number"),
        (("--signals", "-"), '{"error_ratio": NaN}', "nan is not a finite number"),
        (("--signals", "-"), "error_ratio: '0.5'\n", "'0.5' is text, not a number"),
        (("--signals", "-"), "error_ratio: yes\n", "'yes' is text, not a number"),
        (("--signals", "-"), "slo_breach: {factor: 1.8, for: 15:00}\n", "'15:00' is not a duration"),
        (("--signals", "-"), "error_ratio: &a 0.1\np95_seconds: *a\n", "has an alias"),
        (("--signals", "-"), "error_ratio: !!python/name:os.system 1\n", "has a tag"),
        (("--signals", "-"), "[" * 30000, "nested too deeply"),
        (("--signals", "-"), b"\xff\xfe", "is not UTF-8 text"),
        (("--signals", "-"), "x" * 70000, "is too large"),
        (("--signals", "-"), "? [a]\n: 1\n", "a key that is not a word"),
        (("--signals", "-"), "requests: " + "9" * 5000, "neither JSON nor YAML"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_input(args: tuple[str, ...], stdin: str | bytes, words: str) -> None:
    """Bad input is exit 2, said in at most four lines on stderr, with nothing on stdout."""
    done = omniops(*args, stdin=stdin)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_with_a_bom_and_long_numbers() -> None:
    """What other programs write is read: a byte order mark, seventeen digits, exponents, null."""
    text = "\ufefferror_ratio: 0.14285714285714285\nrequests: 5.0e+03\np95_seconds: null\n# nothing else\n"
    code, said = answer("--signals", "-", stdin=text)
    assert (code, said["severity"]) == (0, "SEV-1")
    assert "714 errors of 5000 requests" in said["reasons"][0]
    assert answer("--signals", "-", stdin="# nothing known\n")[0] == 3


def test_flags_win_over_the_file() -> None:
    """A flag replaces the file's signal, says so on stderr, and the rest of the file counts."""
    done = omniops("--signals", "-", "--error-ratio", "0.0001", "--json", stdin=EXAMPLE.replace("7.1", "0.1"))
    assert json.loads(done.stdout)["severity"] == "SEV-2"
    assert done.stderr == "Flags win over stdin: error_ratio.\n"


def test_for_people() -> None:
    """At most twelve lines of 80 columns, in order: severity, why, page, resolve by, command, unknown."""
    done = omniops("--signals", "-", stdin=EXAMPLE.replace("7d: 0.6", "30m: 9"))
    lines = done.stdout.splitlines()
    assert len(lines) <= 12
    assert max(map(len, lines)) <= 80
    heads = [line[:9].strip() for line in lines if line[:9].strip()]
    assert heads == ["SEV-1", "why", "page", "resolve", "type", "unknown"]
    assert "omniops mitigate provider-outage ID" in done.stdout
    assert done.stderr == ""


def test_never_more_than_twelve_lines() -> None:
    """Everything at once, on a narrow screen, still fits: what does not is counted."""
    facts = [word for fact in ("data_loss", "auth_broken", "5xx_flood", "cluster_down") for word in ("--fact", fact)]
    more = ("--error-ratio", "0.7", "--requests", "6", "--burn-rate", "1h=9", "--slo-breach", "3:20m", "--onset", "9h")
    done = omniops(*facts, *more)
    assert len(done.stdout.splitlines()) <= 12
    assert "more (--json shows all)" in done.stdout
    assert "5h 00m late" in done.stdout


def test_security_for_people() -> None:
    """Security stops: who is paged, what to type, and nothing else."""
    done = omniops("--fact", "security")
    assert done.returncode == 10
    assert done.stdout.startswith("STOP")
    assert "@security-team" in done.stdout
    assert "omniops mitigate security" in done.stdout
    assert "not given" not in done.stdout


def test_a_users_ladder(tmp_path: Path) -> None:
    """--runbooks layers a ladder of one's own over the shipped one; a mistake in it is exit 2 with its place."""
    (tmp_path / "severity.yaml").write_text(SEVERITY.replace("at_least: 6,", "at_least: 9,"), encoding="utf-8")
    assert answer("--burn-rate", "5m=7", OMNIOPS_RUNBOOKS=str(tmp_path))[1]["severity"] is None
    assert answer("--burn-rate", "5m=7")[1]["severity"] == "SEV-1"
    (tmp_path / "severity.yaml").write_text(SEVERITY.replace("at_least: 6,", "atleast: 6,"), encoding="utf-8")
    done = omniops("--burn-rate", "5m=7", OMNIOPS_RUNBOOKS=str(tmp_path))
    assert done.returncode == 2
    assert "severity.yaml:" in done.stderr


def test_classify_from_flags_loads_little() -> None:
    """From flags neither YAML nor validation nor any client is imported: it has to be quick."""
    heavy = {"yaml", "pydantic", "httpx", "rich", "questionary", "sqlite3", "asyncio"}
    code = f"import sys; from omniops.entry import run; run({['classify', '--error-ratio', '0.62', '--json']!r})"
    code += f"; print(sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True, timeout=60
    )
    assert done.stderr.strip() == "[]"


def ask(*args: str) -> Any:
    return start(sys.executable, "-c", MAIN, "classify", *args, TERM="dumb", LANG="C.UTF-8")


def test_asks_when_nothing_was_given() -> None:
    """On a terminal, with nothing given, the worst fact is asked for, then figures; Enter means unknown."""
    child = ask()
    child.expect_exact("1-15/n>")
    child.sendline("n")
    child.expect_exact("Error ratio")
    child.expect_exact("answer>")
    child.sendline("62")
    child.expect_exact("write 0.62")
    child.expect_exact("answer>")
    child.sendline("0.62")
    child.expect_exact("How many requests")
    child.expect_exact("answer>")
    child.sendline("5000")
    for question in ("Burn rate", "over its SLO", "p95 latency"):
        child.expect_exact(question)
        child.expect_exact("answer>")
        child.sendline("")
    child.expect_exact("3100 errors of 5000 requests")
    child.expect_exact("not given: burn_rate.1h")
    child.wait()
    assert child.exitstatus == 0


def test_asks_no_figures_once_it_is_the_worst() -> None:
    """Data loss is SEV-1 whatever the figures are, so none are asked for; security neither."""
    for fact, words, code in (("data_loss", "data-incident", 0), ("security", "omniops mitigate security", 10)):
        child = ask()
        child.expect_exact("1-15/n>")
        child.sendline(fact)
        child.expect_exact(words)
        child.wait()
        assert child.exitstatus == code


def test_ctrl_c_at_a_question() -> None:
    """Ctrl-C at a question is exit 130, and nothing was judged."""
    child = ask()
    child.expect_exact("1-15/n>")
    child.send("\x03")
    child.expect_exact("nothing was judged")
    child.wait()
    assert child.exitstatus == 130


def test_json_never_asks() -> None:
    """With --json nothing is asked, terminal or not."""
    child = ask("--json")
    child.expect_exact("nothing could be judged")
    child.wait()
    assert child.exitstatus == 3
