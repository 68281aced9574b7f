"""`omniops runbook`: list, show, graph, lint, schema, started as a program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.runbooks import SHIPPED, SMALL, shipped

ROOT = Path(__file__).resolve().parents[2]


def _run(home: Path, *words: str, runbooks: Path | None = None, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    env = {"OMNIOPS_HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
    if runbooks is not None:
        env["OMNIOPS_RUNBOOKS"] = str(runbooks)
    return subprocess.run(
        [sys.executable, "-m", "omniops", "runbook", *words],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


def _json(home: Path, *words: str) -> Any:
    done = _run(home, *words, "--json")
    answer = json.loads(done.stdout)
    assert answer["schema"] == "omniops.runbooks/1"
    return answer


def test_list(tmp_path: Path) -> None:
    """One line for each runbook; the same as JSON."""
    done = _run(tmp_path, "list")
    assert done.returncode == 0
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("4.")] == [
        "provider-outage",
        "latency-regression",
        "auth-broken",
        "data-incident",
        "security",
    ]
    rows = _json(tmp_path, "list")["runbooks"]
    assert {row["id"] for row in rows} >= set(SHIPPED)
    assert all(row["errors"] == 0 and row["layer"] == "shipped" for row in rows)


def test_show_and_graph(tmp_path: Path) -> None:
    """A runbook by its section: text for reading, drawings, and the compiled graph as JSON."""
    assert "Take it out of rotation" in _run(tmp_path, "show", "4.1").stdout
    assert _json(tmp_path, "show", "4.1")["runbook"]["id"] == "provider-outage"
    for format, first in (("tree", "Provider outage"), ("mermaid", "flowchart TD"), ("dot", 'digraph "provider')):
        drawn = _run(tmp_path, "graph", "4.1", "--format", format).stdout
        assert drawn.startswith(first)
        assert _json(tmp_path, "graph", "4.1", "--format", format)["text"] == drawn


@pytest.mark.parametrize("words", [("show", "nothing"), ("graph", "4.1", "--format", "png"), ("lint", "nothing")])
def test_bad_input(tmp_path: Path, words: tuple[str, ...]) -> None:
    """What is not there is exit 2, in at most four lines on stderr."""
    done = _run(tmp_path, *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert 1 <= len(done.stderr.splitlines()) <= 4


def test_lint_of_the_shipped(tmp_path: Path) -> None:
    """All of them are clean: exit 0, and the worst case of each path to an end."""
    done = _run(tmp_path, "lint")
    assert done.returncode == 0, done.stdout + done.stderr
    for id in SHIPPED:
        assert f"{id}: no findings. Worst case" in done.stdout
    assert "mitigated: 11m 30s plus the time you take for 3 answers" in done.stdout
    answer = _json(tmp_path, "lint", "4.1")
    assert list(answer["worst_case"]) == ["provider-outage"]
    assert answer["findings"] == []


def test_lint_of_your_file(tmp_path: Path) -> None:
    """A file of yours is checked by its path; findings are FILE:LINE:COLUMN with a mend, and exit 1."""
    path = tmp_path / "mine.yaml"
    path.write_text(SMALL, encoding="utf-8")
    assert _run(tmp_path, "lint", str(path)).returncode == 0
    assert _run(tmp_path, "lint", "mine.yaml", cwd=tmp_path).returncode == 0
    path.write_text(SMALL.replace("on_success: recovered", "on_success: recoverd"), encoding="utf-8")
    done = _run(tmp_path, "lint", str(path))
    assert done.returncode == 1
    assert f"error: {path}:22:17: small, step disable: there is no step 'recoverd'" in done.stdout
    assert "mend: did you mean 'recovered'?" in done.stdout
    answer = json.loads(_run(tmp_path, "lint", str(path), "--json").stdout)
    assert {"level", "where", "what", "mend", "file", "line", "column"} == set(answer["findings"][0])
    path.write_text("on: [", encoding="utf-8")
    assert f"{path}:1:1: " in _run(tmp_path, "lint", str(path)).stdout
    assert _run(tmp_path, "lint", str(tmp_path / "none.yaml")).returncode == 2


def test_lint_of_your_folder(tmp_path: Path) -> None:
    """Your folder is part of the catalogue; what is broken in it is listed as such and shown by lint."""
    yours = tmp_path / "yours"
    yours.mkdir()
    (yours / "x.yaml").write_text(shipped("failover").replace("id: failover", "id: x"), encoding="utf-8")
    assert _run(tmp_path, "lint", runbooks=yours).returncode == 0
    (yours / "x.yaml").write_text(SMALL.replace("title: Small", "titel: Small"), encoding="utf-8")
    assert "has errors: omniops runbook lint small" in _run(tmp_path, "list", runbooks=yours).stdout
    (yours / "x.yaml").write_text(SMALL.replace('section: "9.9"', 'section: "4.1"'), encoding="utf-8")
    done = _run(tmp_path, "lint", runbooks=yours)
    assert done.returncode == 1
    assert "section 4.1 is provider-outage's already" in done.stdout


def test_schema(tmp_path: Path) -> None:
    """The schema on stdout is the file that editors read."""
    assert _run(tmp_path, "schema").stdout == (ROOT / "runbooks" / "schema.json").read_text(encoding="utf-8")


def test_review(tmp_path: Path) -> None:
    """Every shipped runbook carries its log, none is overdue within ten years; where one is, exit 1 and its name."""
    done = _run(tmp_path, "review", "--every", "3650d")
    assert (done.returncode, done.stdout.count("security-circle lead: Initial")) == (0, 8)
    late = _run(tmp_path, "review", "security", "--every", "1d")
    assert (late.returncode, late.stdout.startswith("security: OVERDUE")) == (1, True)
    assert _run(tmp_path, "review", "--every", "soon").returncode == 2
