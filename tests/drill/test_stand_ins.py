"""The stand-in scripts, run as real files on a real database, with the defects that the real ones have."""

from __future__ import annotations

import json
import os
import pty
import re
import sqlite3
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.drill.conftest import Client, Start

Done = subprocess.CompletedProcess[str]


def run(client: Client, name: str, *argv: str, **env: str) -> Done:
    """Run a file of STATE/bin as omniops does: an argv list, a small environment, no terminal."""
    simulator = client.simulator
    given = {"PATH": simulator.env["PATH"], "DATA_DIR": simulator.env["OMNIROUTE_DATA_DIR"], **env}
    program = [f"{simulator.env['OMNIROUTE_BIN']}/{name}", *argv]
    return subprocess.run(
        program, env=given, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=20
    )


def data(client: Client) -> Path:
    return client.simulator.state / "data"


def keys_in(file: Path) -> int:
    database = sqlite3.connect(file)
    try:
        return int(database.execute("SELECT count(*) FROM api_keys").fetchone()[0])
    finally:
        database.close()


def snapshots(client: Client) -> dict[str, Path]:
    """Label -> folder of the snapshots made at the start; of the two nightly ones, the newer."""
    folders = sorted((data(client) / "db_backups").glob("snapshot_*"))
    return {folder.name.split("_", 2)[2]: folder for folder in folders}


def wait_until_up(client: Client, running: bool = True) -> dict[str, Any]:
    for _ in range(300):
        state = client.simulator.control("state")
        if state["running"] is running:
            with suppress(ConnectionRefusedError):  # its port opens a moment later
                if running:
                    client.ask("GET", "/api/monitoring/health")
                return state
        time.sleep(0.01)
    raise AssertionError("it does not come up")


def test_snapshot(start: Start) -> None:
    """The id is alone on stdout, words are on stderr, and the copy of a live database is sound."""
    client = start()
    done = run(client, "snapshot-data.sh", "--label", "pre-fix")
    assert done.returncode == 0
    id = done.stdout.rstrip("\n")
    assert re.fullmatch(r"\d{8}T\d{6}Z_pre-fix", id)
    assert f"[snapshot-data] snapshot created: {data(client)}/db_backups/snapshot_{id}" in done.stderr
    assert keys_in(data(client) / "db_backups" / f"snapshot_{id}" / "storage.sqlite") == 3


def test_snapshot_defects(start: Start) -> None:
    """A slash makes nested folders with exit 0; a quote fails and leaves an empty one; no database is an error."""
    client = start()
    nested = run(client, "snapshot-data.sh", "--label", "a/b")
    assert nested.returncode == 0
    assert list((data(client) / "db_backups").glob("snapshot_*_a/b/storage.sqlite"))
    quoted = run(client, "snapshot-data.sh", "--label", "it's")
    assert quoted.returncode == 1
    left = list((data(client) / "db_backups").glob("snapshot_*_it's"))
    assert [list(folder.iterdir()) for folder in left] == [[]]
    empty = client.simulator.state / "empty"
    empty.mkdir()
    missing = run(client, "snapshot-data.sh", DATA_DIR=str(empty))
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "ERROR: no storage.sqlite" in missing.stderr


def test_snapshot_of_a_damaged_database_fails(start: Start) -> None:
    """VACUUM INTO reads everything, so it fails where the server still answers."""
    client = start("data-incident")
    done = run(client, "snapshot-data.sh", "--label", "data-incident")
    assert done.returncode == 1
    assert "malformed" in done.stderr
    assert done.stdout == ""


def test_restore_policies(start: Start) -> None:
    """The keys are back at once; keyed requests work only after a restart."""
    client = start("auth-broken")
    assert client.get("/api/keys")["total"] == 0
    source = client.simulator.answers["pick"]
    done = run(client, "restore-policies.sh", source, "--yes")
    assert (done.returncode, done.stdout) == (0, "")
    assert "policy tables to restore: api_keys\n" in done.stderr
    assert "live DB saved to" in done.stderr
    assert "restart OmniRoute to apply" in done.stderr
    assert client.get("/api/keys")["total"] == 3
    assert client.simulator.control("state")["auth_ok"] is False
    compose = ("compose", "-f", client.simulator.env["OMNIROUTE_COMPOSE_FILE"])
    assert run(client, "docker", *compose, "restart").returncode == 0
    assert wait_until_up(client)["auth_ok"] is True


def test_restore_policies_can_leave_nothing(start: Start) -> None:
    """Another column count: exit 1, and the keys that were there are gone; the copy it made has them."""
    client = start()
    done = run(client, "restore-policies.sh", str(snapshots(client)["before-upgrade"]), "--yes")
    assert done.returncode == 1
    assert "table main.api_keys has 21 columns but 20 values were supplied" in done.stderr
    assert client.get("/api/keys")["total"] == 0
    saved = next((data(client) / "db_backups").glob("pre-policy-restore_*"))
    assert keys_in(saved / "storage.sqlite") == 3


def test_column_mismatch_fault(start: Start) -> None:
    """With the fault, no snapshot fits the live table, the good one neither."""
    client = start("auth-broken", faults="column-mismatch")
    done = run(client, "restore-policies.sh", client.simulator.answers["pick"], "--yes")
    assert done.returncode == 1
    assert "has 22 columns but 21 values were supplied" in done.stderr


def test_restore_policies_refusals(start: Start) -> None:
    """No terminal and no --yes, an unknown id, a corrupt snapshot, an unknown flag: exit 1, and the keys stay."""
    client = start()
    corrupt = str(snapshots(client)["pre-deploy"])
    cases = {
        ("nightly",): "refusing a destructive action without a TTY; pass --yes to proceed non-interactively",
        ("nothing-like-it", "--yes"): "no snapshot matching 'nothing-like-it'",
        (corrupt, "--yes"): "file is not a database (26)",
        ("nightly", "--dry-run"): "unknown argument: --dry-run (see --help)",
    }
    for argv, words in cases.items():
        done = run(client, "restore-policies.sh", *argv)
        assert done.returncode == 1
        assert words in done.stderr
    assert client.get("/api/keys")["total"] == 3
    helped = run(client, "restore-policies.sh", "--help")
    assert (helped.returncode, helped.stdout[:6]) == (0, "usage:")


def test_a_partial_id_finds_the_oldest(start: Start) -> None:
    """A glob of the id takes the first, which is the oldest, as the real lookup does."""
    client = start()
    done = run(client, "restore-policies.sh", "nightly", "--yes")
    oldest = sorted((data(client) / "db_backups").glob("snapshot_*nightly"))[0]
    assert f"policies restored from {oldest}" in done.stderr


def test_restore_data_looks_at_nothing(start: Start) -> None:
    """It takes random bytes and a running server: the server goes on with the deleted file until it is restarted."""
    client = start()
    done = run(client, "restore-data.sh", str(snapshots(client)["pre-deploy"]), "--yes")
    assert (done.returncode, done.stdout) == (0, "")
    assert "restore complete" in done.stderr
    assert client.get("/api/keys")["total"] == 3, "the old file, unlinked, is still served"
    run(client, "docker", "compose", "restart")
    wait_until_up(client)
    assert client.ask("GET", "/api/monitoring/health").json == {"status": "error", "error": "Health check failed"}
    assert client.ask("GET", "/api/keys").status == 500
    saved = next((data(client) / "db_backups").glob("pre-restore_*"))
    assert keys_in(saved / "storage.sqlite") == 3


def test_data_incident_end_to_end(start: Start) -> None:
    """Stop, restore from the good snapshot, start: the database is healthy and traffic succeeds."""
    client = start("data-incident", speed=30)
    assert run(client, "docker", "compose", "stop").returncode == 0
    with pytest.raises(ConnectionRefusedError):
        client.ask("GET", "/api/monitoring/health")
    listed = run(client, "docker", "compose", "ps", "-a", "--format", "json").stdout.splitlines()
    assert {json.loads(line)["State"] for line in listed} == {"exited"}
    assert run(client, "docker", "compose", "ps", "--format", "json").stdout == ""
    assert run(client, "restore-data.sh", client.simulator.answers["pick"], "--yes").returncode == 0
    assert run(client, "docker", "compose", "start").returncode == 0
    now = wait_until_up(client)["now"]
    assert client.get("/api/db/health")["isHealthy"] is True
    assert client.get("/api/keys")["total"] == 3
    time.sleep(0.5)
    recent = [row for row in client.get("/api/usage/call-logs?limit=500") if row["timestamp"] > now]
    assert {row["status"] for row in recent} == {200}


def test_rollback_by_docker(start: Start) -> None:
    """The tag is moved, the container made anew, and the older version answers."""
    client = start("rollback")
    done = run(client, "rollback.sh", "v3.7.8", "--method", "docker", "--yes")
    assert done.returncode == 0
    assert "[rollback] target: omniroute@3.7.8 via docker" in done.stderr
    assert "[rollback] rollback to 3.7.8 complete" in done.stderr
    assert wait_until_up(client)["version"] == "3.7.8"
    assert client.get("/api/system/version")["current"] == "3.7.8"
    called = [script["name"] for script in client.simulator.control("state")["scripts"]]
    assert called == ["rollback.sh"]


def test_rollback_tags_before_it_fails(start: Start) -> None:
    """compose fails: its exit code, with omniroute:prod moved already and the old version still answering."""
    client = start("rollback", faults="compose-fails")
    done = run(client, "rollback.sh", "3.7.8", "--method", "docker", "--yes")
    assert done.returncode == 1
    assert "complete" not in done.stderr
    state = client.simulator.control("state")
    assert (state["version"], state["images"]["omniroute:prod"]) == ("3.7.9", "3.7.8")


def test_rollback_that_restarts_nothing_says_complete(start: Start) -> None:
    """Exit 0 and "complete", and the old version answers until somebody restarts the service."""
    client = start("rollback", faults="npm-deploy,no-pm2")
    done = run(client, "rollback.sh", "3.7.8", "--method", "npm", "--yes")
    assert done.returncode == 0
    assert "no PM2 'omniroute' process found" in done.stderr
    assert "complete" in done.stderr
    assert client.get("/api/system/version")["current"] == "3.7.9"
    run(client, "systemctl", "restart", "omniroute")
    assert wait_until_up(client)["version"] == "3.7.8"
    docker = start("rollback", state="docker", faults="not-restarted")
    assert run(docker, "rollback.sh", "3.7.8", "--method", "docker", "--yes").returncode == 0
    assert docker.get("/api/system/version")["current"] == "3.7.9"
    run(docker, "docker", "compose", "restart")
    assert wait_until_up(docker)["version"] == "3.7.8"


def test_rollback_refusals(start: Start) -> None:
    """A missing image, npm's own exit code, a bad method after the confirmation, no terminal."""
    client = start("rollback", faults="npm-fails")
    missing = run(client, "rollback.sh", "1.0.0", "--method", "docker", "--yes")
    assert missing.returncode == 1
    assert "local image omniroute:1.0.0 not found" in missing.stderr
    assert run(client, "rollback.sh", "3.7.8", "--method", "npm", "--yes").returncode == 7
    assert run(client, "rollback.sh", "3.7.8", "--method", "boat", "--yes").returncode == 1
    refused = run(client, "rollback.sh", "3.7.8", "--method", "docker")
    assert refused.returncode == 1
    assert "without a TTY" in refused.stderr
    assert run(client, "rollback.sh", "--method").returncode == 1
    assert client.simulator.control("state")["images"]["omniroute:prod"] == "3.7.9"


@pytest.mark.parametrize(("typed", "code"), [("y", 0), ("n", 1)])
def test_on_a_terminal_it_asks(start: Start, typed: str, code: int) -> None:
    """With a terminal it asks [y/N]; anything but yes aborts."""
    client = start()
    ours, theirs = pty.openpty()
    program = [f"{client.simulator.env['OMNIROUTE_BIN']}/restore-policies.sh", "nightly"]
    script = subprocess.Popen(program, stdin=theirs, stderr=subprocess.PIPE, text=True)
    os.write(ours, f"{typed}\n".encode())
    said = script.communicate(timeout=20)[1]
    os.close(ours)
    os.close(theirs)
    assert "[y/N]" in said
    assert script.returncode == code
    assert ("ERROR: aborted" in said) is (code == 1)


def test_docker_look_ups(start: Start) -> None:
    """What a preflight asks: running containers with their ports, images by id, a file that is not the drill's."""
    client = start()
    compose = ("compose", "-f", client.simulator.env["OMNIROUTE_COMPOSE_FILE"])
    rows = [json.loads(line) for line in run(client, "docker", *compose, "ps", "--format", "json").stdout.splitlines()]
    assert [row["Service"] for row in rows] == ["omniroute-prod", "redis"]
    assert f":{rows[0]['Publishers'][0]['PublishedPort']}" in client.simulator.url
    found = run(client, "docker", "image", "inspect", "--format", "{{.Id}}", "omniroute:3.7.8")
    assert (found.returncode, found.stdout.strip()) == (0, "sha256:3.7.8")
    assert run(client, "docker", "image", "inspect", "omniroute:1.0.0").returncode == 1
    assert run(client, "docker", "compose", "-f", "/etc/other.yml", "stop").returncode == 14
    assert run(client, "docker", "rm", "-f", "everything").returncode == 125
    assert json.loads(run(client, "pm2", "jlist").stdout) == []
    assert client.simulator.control("state")["running"] is True


def test_nothing_outside_the_drill_is_touched(start: Start, tmp_path: Path) -> None:
    """A data folder elsewhere is refused, whatever the environment says."""
    client = start()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "storage.sqlite").write_bytes(b"precious")
    done = run(client, "restore-data.sh", "nightly", "--yes", DATA_DIR=str(elsewhere))
    assert done.returncode == 70
    assert (elsewhere / "storage.sqlite").read_bytes() == b"precious"


def test_a_script_outlives_the_simulator(start: Start) -> None:
    """What a script does while no simulator runs waits in the spool and is carried out by the next one."""
    from omniops.drill import launcher

    client = start("rollback")
    client.simulator.stop()
    assert run(client, "rollback.sh", "3.7.8", "--method", "docker", "--yes").returncode == 0
    second = launcher.attach(client.simulator.state)
    try:
        again = Client(second)
        assert wait_until_up(again)["version"] == "3.7.8"
        assert second.control("state")["scripts"][-1]["name"] == "rollback.sh"
    finally:
        second.stop()
