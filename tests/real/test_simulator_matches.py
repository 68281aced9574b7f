"""The simulator's 3.7.9 flavour against the real OmniRoute 3.7.9: same status, content type and shape of JSON."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from omniops.drill import launcher
from omniops.drill.cast import PASSWORD

pytestmark = pytest.mark.real


class Case(NamedTuple):
    """One request. ``{connection}``, ``{provider}`` and ``{combo}`` are each side's own."""

    method: str
    path: str
    body: Any = None
    auth: str = "cookie"  # cookie, none, or what follows "Bearer "


CASES = [
    Case("GET", "/api/providers", auth="none"),
    Case("GET", "/api/providers", auth="nonsense"),
    Case("GET", "/api/providers"),
    Case("GET", "/api/providers/{connection}"),
    Case("GET", "/api/providers/nope"),
    Case("PUT", "/api/providers/{connection}", {"isActive": False}),
    Case("PUT", "/api/providers/{connection}", {"isActive": False}),
    Case("PUT", "/api/providers/{connection}", {"isActive": True}),
    Case("PUT", "/api/providers/{connection}", {}),
    Case("PUT", "/api/providers/{connection}", {"colour": 1}),
    Case("PUT", "/api/providers/{connection}", {"isActive": "false"}),
    Case("PUT", "/api/providers/{connection}", "zzz"),
    Case("PUT", "/api/providers/{connection}", {"isActive": False}, auth="none"),
    Case("PUT", "/api/providers/nope", {"isActive": False}),
    Case("PATCH", "/api/providers", {"ids": [], "isActive": False}),
    Case("PATCH", "/api/providers/{connection}", {"isActive": False}),
    Case("POST", "/api/providers/{connection}/test", {}),
    Case("POST", "/api/providers/nope/test", {}),
    Case("GET", "/api/combos"),
    Case("GET", "/api/combos/{combo}"),
    Case("GET", "/api/combos/nope"),
    Case("PUT", "/api/combos/{combo}", {"models": ["llama/llama-70b"]}),
    Case("PUT", "/api/combos/{combo}", {"models": []}),
    Case("PUT", "/api/combos/{combo}", {}),
    Case("PUT", "/api/combos/{combo}", {"models": "x"}),
    Case("PUT", "/api/combos/nope", {"models": ["llama/llama-70b"]}),
    Case("GET", "/api/synced-available-models"),
    Case("GET", "/api/synced-available-models?provider={provider}"),
    Case("GET", "/api/provider-models"),
    Case("GET", "/api/provider-models?provider={provider}"),
    Case("GET", "/v1/models", auth="none"),
    Case("GET", "/v1/models", auth="sk-nonsense"),
    Case("POST", "/v1/chat/completions", {"model": "nobody/none", "messages": [{"role": "user", "content": "x"}]}),
    Case("GET", "/api/monitoring/health", auth="none"),
    Case("GET", "/api/system/version"),
    Case("GET", "/api/system/version", auth="none"),
    Case("DELETE", "/api/system/version"),
    Case("GET", "/api/settings/authz-inventory"),
    Case("GET", "/api/settings/authz-inventory", auth="none"),
    Case("GET", "/api/settings/require-login", auth="none"),
    Case("GET", "/api/health/ping"),
    Case("GET", "/api/health/ping", auth="none"),
    Case("GET", "/metrics", auth="none"),
    Case("GET", "/api/keys"),
    Case("POST", "/api/keys", {"name": "compare", "scopes": ["manage"]}),
    Case("DELETE", "/api/keys/nope"),
    Case("GET", "/api/db/health"),
    Case("GET", "/api/db-backups"),
    Case("GET", "/api/storage/health"),
    Case("GET", "/api/telemetry/summary?windowMs=300000"),
    Case("GET", "/api/telemetry/summary?windowMs=1"),
    Case("GET", "/api/telemetry/summary?windowMs=abc"),
    Case("GET", "/api/usage/call-logs?limit=1&model=connection-test"),
    Case("GET", "/api/usage/call-logs?limit=3&status=ok"),
    Case("GET", "/api/usage/call-logs?limit=1&offset=1"),
    Case("GET", "/api/usage/call-logs?status=error&limit=1&offset=100000"),
    Case("GET", "/api/usage/model-latency-stats"),
    Case("GET", "/api/compliance/audit-log?limit=1"),
    Case("GET", "/api/rate-limit"),
    Case("GET", "/api/nothing"),
    Case("GET", "/__drill/state"),
    Case("GET", "/api/auth/status"),
    Case("POST", "/api/auth/login", {}, auth="none"),
    Case("POST", "/api/auth/login", "zzz", auth="none"),
    Case("POST", "/api/auth/login", {"password": "wrong"}, auth="none"),
    Case("POST", "/api/auth/logout"),
]

# Present or absent as the connection or the server's past has it: null fields are left out.
OPTIONAL = {
    "lastError", "lastErrorAt", "lastErrorType", "errorCode", "rateLimitedUntil", "lastTested", "lastUsedAt",
    "email", "displayName", "validate", "policy", "resolve", "parse", "connect", "stream", "finalize", "total",
    "capabilities", "max_output_tokens", "context_length", "max_input_tokens", "input_modalities",
    "output_modalities", "type", "name", "isActive", "prefix", "apiType", "baseUrl", "nodeName", "blockExtraUsage",
}  # fmt: skip
# Null or something: both sides may be either.
NULLABLE = {
    "lastBackupAt", "error", "message", "code", "statusCode", "autoUpdateError", "news", "apiKeyId", "apiKeyName",
    "comboName", "artifactRelPath", "artifactSizeBytes", "artifactSha256", "maxConcurrent", "ip_address", "parent",
    "cacheRead", "cacheWrite", "reasoning", "compressed", "latencyMs", "lastFailure", "request_id", "scopes",
    "resource_type", "cacheSource", "correlation_id", "requestedModel", "correlationId", "lastUsedAt",
}  # fmt: skip
# Tables: their keys are ids, so only what is under them is compared.
TABLES = {"providerHealth", "rateLimitStatus", "localProviders", "byApiKey", "byProvider", "learnedLimits", "(root)"}
TABLE_PATHS = ("/api/synced-available-models", "/api/provider-models")
# What the audit log says about depends on what was done before.
OPAQUE = {"details", "before", "after", "metadata"}


def differences(real: Any, made: Any, name: str = "(root)", table: bool = False) -> list[str]:
    """Return where two JSON values differ in shape. A list is as its first element; an empty one is like any."""
    last = name.rpartition(".")[2]
    if last in OPAQUE or (last in NULLABLE and None in (real, made)):
        return []
    if isinstance(real, dict) and isinstance(made, dict):
        if table or last in TABLES - {"(root)"}:
            pairs = list(zip(list(real.values())[:1], list(made.values())[:1], strict=False))
            return [found for one, other in pairs for found in differences(one, other, f"{name}.*")]
        answer = [f"{name}.{key}: only in the real one" for key in sorted(set(real) - set(made) - OPTIONAL)]
        answer += [f"{name}.{key}: only in the simulator" for key in sorted(set(made) - set(real) - OPTIONAL)]
        for key in sorted(set(real) & set(made)):
            answer += differences(real[key], made[key], f"{name}.{key}")
        return answer
    if isinstance(real, list) and isinstance(made, list):
        return differences(real[0], made[0], f"{name}[]") if real and made else []
    kinds = [("number" if type(value) in (int, float) else type(value).__name__) for value in (real, made)]
    return [] if kinds[0] == kinds[1] else [f"{name}: {kinds[0]} in the real one, {kinds[1]} in the simulator"]


class Side:
    """One of the two servers, logged in, with the ids that the cases need."""

    def __init__(self, url: str, password: str) -> None:
        self.parts = urlsplit(url)
        self.cookie = ""
        self.names: dict[str, str] = {}
        reply, _ = self.ask(Case("POST", "/api/auth/login", {"password": password}, auth="none"))
        assert reply.status == 200
        self.cookie = str(reply.headers["set-cookie"]).partition(";")[0]
        rows = self.ask(Case("GET", "/api/providers"))[1]["connections"]
        row = next(row for row in rows if row["provider"].startswith("openai-compatible"))
        self.model = f"{row['providerSpecificData']['prefix']}/{row['defaultModel']}"
        combos = self.ask(Case("GET", "/api/combos"))[1]["combos"]
        self.new_combo = not combos
        if self.new_combo:
            combos = [self.ask(Case("POST", "/api/combos", {"name": "compare", "models": [self.model]}))[1]]
        self.names = {"connection": row["id"], "provider": row["provider"], "combo": combos[0]["id"]}

    def ask(self, case: Case) -> tuple[http.client.HTTPResponse, Any]:
        """Send a case; the body is parsed where it is JSON."""
        headers = {"content-type": "application/json"}
        if case.auth == "cookie":
            headers["cookie"] = self.cookie
        elif case.auth != "none":
            headers["authorization"] = f"Bearer {case.auth}"
        path = case.path.format(**self.names) if self.names else case.path
        raw = case.body if case.body is None or isinstance(case.body, str) else json.dumps(case.body)
        link = http.client.HTTPConnection(str(self.parts.hostname), self.parts.port, timeout=30)
        try:
            link.request(case.method, path, raw, headers)
            reply = link.getresponse()
            text = reply.read()
        finally:
            link.close()
        kind = reply.headers.get("content-type", "")
        return reply, json.loads(text) if "json" in kind and text else text

    def tidy(self) -> None:
        """Leave nothing of ours behind on the real server."""
        if self.new_combo:
            self.ask(Case("DELETE", "/api/combos/{combo}"))
        for key in self.ask(Case("GET", "/api/keys"))[1]["keys"]:
            if key["name"] == "compare":
                self.ask(Case("DELETE", f"/api/keys/{key['id']}"))


def test_the_simulator_answers_as_the_real_one(omniroute: Any, two_connections: Any, tmp_path: Path) -> None:
    """Every request of the table: status, content type, route class, and the shape of the JSON."""
    real = Side(omniroute.url, omniroute.password)
    chat = {"model": real.model, "stream": False, "messages": [{"role": "user", "content": "hello"}]}
    for _ in range(2):  # so that its telemetry and call logs hold something
        real.ask(Case("POST", "/v1/chat/completions", chat, auth="none"))
    found = []
    with launcher.start("security", state=tmp_path / "drill") as simulator:
        made = Side(simulator.url, PASSWORD)
        for case in CASES:
            (one, theirs), (other, ours) = real.ask(case), made.ask(case)
            where = f"{case.method} {case.path} {case.body or ''} ({case.auth})"
            if one.status != other.status:
                found.append(f"{where}: status {one.status} is {other.status} in the simulator")
            for header in ("content-type", "x-omniroute-route-class"):
                if one.headers.get(header) != other.headers.get(header):
                    text = f"{one.headers.get(header)} is {other.headers.get(header)} in the simulator"
                    found.append(f"{where}: {header} {text}")
            if isinstance(theirs, bytes) or isinstance(ours, bytes):
                continue
            table = case.path in TABLE_PATHS
            found += [f"{where}: {line}" for line in differences(theirs, ours, table=table)]
    real.tidy()
    assert not found, "\n".join(found)
    assert two_connections is not None


@pytest.mark.parametrize(
    ("real", "made", "words"),
    [
        ({"a": 1}, {}, "only in the real one"),
        ({}, {"a": 1}, "only in the simulator"),
        ({"a": 1}, {"a": "1"}, "int"),
        ({"a": [{"b": None}]}, {"a": [{"b": 1}]}, "NoneType"),
        ([{"a": True}], [{"a": 1}], "bool"),
    ],
)
def test_the_comparison_can_fail(real: Any, made: Any, words: str) -> None:
    """A missing key, an extra key and another type are each seen."""
    found = differences(real, made)
    assert len(found) == 1
    assert words.replace("int", "number") in found[0]


def test_the_comparison_tolerates_what_is_listed() -> None:
    """Numbers of either kind, empty lists, optional and nullable keys, tables by id."""
    real = {"a": 1, "lastError": "x", "error": None, "providerHealth": {"p": {"state": "CLOSED"}}, "list": []}
    made = {"a": 1.5, "error": "y", "providerHealth": {"q": {"state": "OPEN"}}, "list": [1]}
    assert differences(real, made) == []
