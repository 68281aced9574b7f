"""Proof that the server runs here: its pid, its container, or its drill; and no proof where there is only likeness."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.errors import BadInput, Refused, Unreachable
from omniops.jobs.host import HostProof, Service, holders, is_local, parse_ps, probe, prove
from omniops.services.omniroute import Health
from tests.support.script_host import Host

# Listens on a port of its own choice and holds a file open, as OmniRoute's node process does.
SERVER = """
import socket, sys
held = open(sys.argv[1])
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
while True: s.accept()[0].close()
"""


class Running(NamedTuple):
    pid: int
    port: int
    database: Path


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    database = tmp_path / "served" / "storage.sqlite"
    database.parent.mkdir()
    database.touch()
    command = [sys.executable, "-c", SERVER, str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Running(process.pid, int(process.stdout.readline()), database)
        process.kill()


class Told:
    """A server as its client sees it."""

    def __init__(self, url: str, pid: int | None = None, uptime_s: float = 1e6, folder: str = "") -> None:
        self.url, self.pid, self.uptime_s, self.folder = url, pid, uptime_s, folder

    def health(self) -> Health:
        if self.pid is None:
            raise Unreachable("connection refused")
        return Health(True, "3.7.9", self.uptime_s, self.pid, "ok", "")

    def data_folder(self) -> str:
        if not self.folder:
            raise Refused("401")
        return self.folder


def proof(told: Told, settings: Settings | None = None) -> HostProof:
    return prove(settings or Settings({"PATH": "/usr/bin:/bin"}), cast(Any, told))


def test_pid_that_listens_on_the_port(running: Running) -> None:
    """The health page's pid listens on the URL's port here: proof."""
    found = proof(Told(f"http://127.0.0.1:{running.port}", running.pid))
    assert found.here
    assert f"listens on port {running.port}" in found.why


def test_same_port_but_another_pid(running: Running) -> None:
    """A tunnel: the port is here, but the pid is another machine's (and may by chance exist here): no proof."""
    for pid in (1, 2**22 - 1):
        assert not proof(Told(f"http://127.0.0.1:{running.port}", pid)).here


def test_pid_that_holds_the_data(running: Running) -> None:
    """Behind a proxy on another address, the pid that has storage.sqlite of the reported folder open: proof."""
    url = "https://gateway.invalid"
    assert proof(Told(url, running.pid, folder=str(running.database.parent))).here
    assert not proof(Told(url, running.pid, folder="/app/data")).here
    assert not proof(Told(url, running.pid)).here


def test_start_time_that_agrees_with_uptime(running: Running, tmp_path: Path) -> None:
    """A node process here with this pid that started when the uptime says: proof; 20 s off, or no node: none."""
    node = tmp_path / "node"
    node.symlink_to("/bin/sleep")
    with subprocess.Popen([str(node), "30"]) as process:
        time.sleep(0.2)
        assert proof(Told("https://gateway.invalid", process.pid, 0.2)).here
        assert not proof(Told("https://gateway.invalid", process.pid, 20.0)).here
        process.kill()
    assert not proof(Told("https://gateway.invalid", running.pid, 0.2)).here


def test_container_that_publishes_the_port(tmp_path: Path) -> None:
    """A running container of the compose file with the URL's port: proof, although its pid means nothing here."""
    settings = Host(tmp_path, drill=False).settings
    assert proof(Told("http://127.0.0.1:20128", 1), settings).here
    assert not proof(Told("http://127.0.0.1:20999", 1), settings).here
    assert not proof(Told("http://203.0.113.9:20128", 1), settings).here


def test_container_of_another_docker_host(tmp_path: Path) -> None:
    """A docker that is told to talk to another machine proves nothing about this one."""
    settings = Host(tmp_path, drill=False, DOCKER_HOST="ssh://prod").settings
    found = proof(Told("http://127.0.0.1:20128", 1), settings)
    assert not found.here
    assert "another machine" in found.why


def test_stopped_containers(tmp_path: Path) -> None:
    """All containers here stopped, the port named in the file, nothing listening: proof; a listener: none."""
    host = Host(tmp_path, drill=False)
    host.server.set(up=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (tmp_path / "docker-compose.prod.yml").write_text(f'services: {{a: {{ports: ["{port}:20128"]}}}}\n')
        assert not proof(Told(f"http://127.0.0.1:{port}"), host.settings).here
    found = proof(Told(f"http://127.0.0.1:{port}"), host.settings)
    assert found.here
    assert "stopped" in found.why
    assert not proof(Told("http://127.0.0.1:1"), host.settings).here


def test_no_docker_at_all(tmp_path: Path) -> None:
    """Nothing configured and nothing answering is no proof, with every reason in words."""
    found = proof(Told("http://127.0.0.1:9"))
    assert not found.here
    assert "does not answer" in found.why
    assert "OMNIROUTE_COMPOSE_FILE" in found.why


def test_drill(tmp_path: Path) -> None:
    """A drill's folder is the proof, on loopback only; a drill without a folder is refused."""
    settings = Settings({"OMNIOPS_DRILL_FOLDER": str(tmp_path)}, drill=True)
    assert proof(Told("http://127.0.0.1:4"), settings).here
    assert not proof(Told("http://203.0.113.9:4", 1), settings).here
    with pytest.raises(BadInput):
        proof(Told("http://127.0.0.1:4"), Settings({}, drill=True))


def test_parse_ps() -> None:
    """An array, an object per line, ports in words, null publishers and nonsense are all read."""
    row = '{"Service":"a","State":"running","Publishers":[{"PublishedPort":20130},{"PublishedPort":0}]}'
    one = Service("a", True, frozenset({20130}))
    assert parse_ps(f"[{row}]") == parse_ps(row) == [one]
    stopped = '{"Name":"b","State":"exited","Publishers":null,"Ports":""}'
    assert parse_ps(f"time=warn\n{row}\n{stopped}\n[]\n7") == [one, Service("b", False, frozenset())]
    words = '{"Service":"c","State":"running","Ports":"0.0.0.0:20130->20128/tcp, :::20131->20129/tcp"}'
    assert parse_ps(words)[0].ports == {20130, 20131}
    assert parse_ps("NAME IMAGE\n") == parse_ps("[broken") == parse_ps("") == []


def test_is_local() -> None:
    """Loopback is this machine's, a documentation address and a name that does not exist are not."""
    assert is_local("127.0.0.1")
    assert is_local("localhost")
    assert not is_local("203.0.113.9")
    assert not is_local("gateway.invalid")
    assert not is_local("")


def test_holders_sees_open_files_and_locks(running: Running, tmp_path: Path) -> None:
    """A process that has the file open is named; a file that nobody holds, or that is not there, has none."""
    assert holders([running.database, tmp_path / "none"]) == [f"pid {running.pid}"]
    free = tmp_path / "free"
    free.touch()
    assert holders([free, tmp_path / "none"]) == []


def test_probe(tmp_path: Path) -> None:
    """A program is looked up on the settings' PATH, sees no secret, and in a drill must be in the folder."""
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "docker"
    tool.write_text("#!/bin/bash\nenv; echo \"$1\"; printf '\\033[31mred' >&2; exit 3\n")
    tool.chmod(0o755)
    env = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "OMNIROUTE_PASSWORD": "s3cret", "DOCKER_HOST": "unix:///x"}
    answer = probe(Settings(env), ["docker", "a b"])
    assert (answer.code, answer.error) == (3, "red")
    assert "a b" in answer.out
    assert "s3cret" not in answer.out
    assert "DOCKER_HOST=unix:///x" in answer.out
    assert probe(Settings(env), ["no-such-program"]).code is None
    with pytest.raises(BadInput):
        probe(Settings({**env, "OMNIOPS_DRILL_FOLDER": str(tmp_path / "drill")}, drill=True), ["docker"])
    slow = SystemClock().boot()
    tool.write_text("#!/bin/bash\nexec sleep 20\n")
    assert "did not answer" in probe(Settings(env), ["docker"], timeout_s=0.3).error
    assert SystemClock().boot() - slow < 5
