"""Take one connection out of rotation and read it back, on the real OmniRoute: omniops, curl, Ansible."""

from __future__ import annotations

import shutil
import subprocess
import venv
from collections.abc import Callable
from pathlib import Path

from tests.bench.measure import Row, Skipped, environment, medians, quiet, timed
from tests.support import wheel
from tests.support.fake_upstream import FakeUpstream
from tests.support.real_server import RealOmniRoute, Unavailable

RUNS = 7
ANSIBLE = "ansible-core"

CURL = """\
set -eu
json='Content-Type: application/json'
one=$URL/api/providers/$ID
curl -sSf -c "$JAR" -H "$json" -d "{\\"password\\":\\"$PASSWORD\\"}" "$URL/api/auth/login" >/dev/null
curl -sSf -b "$JAR" "$one" >/dev/null
curl -sSf -b "$JAR" -X PUT -H "$json" -d '{"isActive":false}' "$one" >/dev/null
after=$(curl -sSf -b "$JAR" "$one")
case $after in *'"isActive":false'*) ;; *) exit 1 ;; esac
"""

PLAYBOOK = """\
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    url: "{{ lookup('env', 'URL') }}/api"
    one: "{{ url }}/providers/{{ lookup('env', 'ID') }}"
  tasks:
    - ansible.builtin.uri:
        url: "{{ url }}/auth/login"
        method: POST
        body_format: json
        body: {password: "{{ lookup('env', 'PASSWORD') }}"}
      register: login
    - ansible.builtin.uri: {url: "{{ one }}", headers: {Cookie: "{{ login.cookies_string }}"}}
    - ansible.builtin.uri:
        url: "{{ one }}"
        method: PUT
        headers: {Cookie: "{{ login.cookies_string }}"}
        body_format: json
        body: {isActive: false}
    - ansible.builtin.uri: {url: "{{ one }}", headers: {Cookie: "{{ login.cookies_string }}"}}
      register: after
      failed_when: after.json.connection.isActive
"""


def measure(programs: Path, work: Path) -> list[Row]:
    """Toggle with each in turn; the connection is enabled again in between, outside the measured time."""
    if not shutil.which("curl"):
        raise Skipped("there is no curl here")
    try:
        server = RealOmniRoute()
    except Unavailable as why:
        raise Skipped(f"no real OmniRoute: {why}") from None
    try:
        return _measure(programs, work, server)
    finally:
        server.stop()


def _measure(programs: Path, work: Path, server: RealOmniRoute) -> list[Row]:
    connection = server.provision(FakeUpstream()).a
    warm, cold = work / "warm", work / "cold"
    settings = {"OMNIROUTE_URL": server.url, "OMNIROUTE_PASSWORD": server.password}
    words = f"mitigate provider-outage {connection} --yes --until disable --json"
    toggle = (str(programs / "omniops"), *words.split())
    given = {"URL": server.url, "PASSWORD": server.password, "ID": connection, "JAR": str(work / "jar")}
    plain = environment(work, given)
    (work / "toggle.sh").write_text(CURL)
    (work / "toggle.yml").write_text(PLAYBOOK)

    def run(argv: tuple[str, ...], env: dict[str, str]) -> float:
        code, _ = server.ask("PUT", f"/api/providers/{connection}", {"isActive": True})
        assert code == 200
        took = timed(lambda: quiet(argv, env))
        assert server.ask("GET", f"/api/providers/{connection}")[1]["connection"]["isActive"] is False
        return took

    def fresh() -> float:
        """A journal that does not exist yet; the runbooks are compiled, as from the second command of a day on."""
        shutil.rmtree(cold, ignore_errors=True)
        shutil.copytree(warm / "cache", cold / "cache")
        return run(toggle, environment(cold, settings))

    tasks: dict[str, Callable[[], float]] = {
        "warm": lambda: run(toggle, environment(warm, settings)),
        "fresh": fresh,
        "curl": lambda: run(("sh", str(work / "toggle.sh")), plain),
    }
    ansible = _ansible(work)
    if ansible is not None:
        tasks["ansible"] = lambda: run((str(ansible), "-i", "localhost,", str(work / "toggle.yml")), plain)
    took = medians(RUNS, **tasks)
    curl = "a curl script: log in, GET, PUT, GET"
    rows = [
        Row("disable with read-back, journal included", curl, took["warm"] / took["curl"], 2),
        Row("the same, with a journal made anew", curl, took["fresh"] / took["curl"], 2),
    ]
    if ansible is not None:
        ahead = took["ansible"] / took["warm"]
        rows.append(Row("an Ansible playbook that does the same", "omniops", ahead, 4, ahead=True))
        rows.append(Row("the Ansible playbook", curl, took["ansible"] / took["curl"]))
    return rows


def _ansible(work: Path) -> Path | None:
    """ansible-playbook in an environment of its own, or None where it cannot be had."""
    folder = work / "ansible"
    venv.create(folder, with_pip=True)
    try:
        wheel.pip(folder / "bin", "install", ANSIBLE)
    except subprocess.SubprocessError as why:
        print(f"Ansible is left out: {why}")
        return None
    return folder / "bin" / "ansible-playbook"
