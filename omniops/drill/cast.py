"""Who plays in a drill: the made-up providers, connections, combos and keys of the simulated OmniRoute."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from random import Random
from typing import Any

from omniops.clock import iso

PASSWORD = "drill-password"  # of a server that exists only during a drill
MODELS = {"openai": ["gpt-4o", "gpt-4o-mini"], "anthropic": ["claude-sonnet-4"], "mistral": ["mistral-large"]}
NODE_PREFIX, NODE_NAME, NODE_MODELS = "llama", "Llama EU", ["llama-70b"]
COMBOS = {"ha": ["openai/gpt-4o", "llama/llama-70b"], "cheap": ["openai/gpt-4o-mini", "anthropic/claude-sonnet-4"]}
KEYS = ("web-frontend", "batch-jobs", "ops")
# What clients ask for, and how often out of 100: client ids and combos.
MIX = (
    ("openai/gpt-4o", 35),
    ("openai/gpt-4o-mini", 20),
    ("ha", 15),
    ("cheap", 10),
    ("anthropic/claude-sonnet-4", 15),
    ("llama/llama-70b", 5),
)


def identity(rng: Random) -> str:
    """Return a UUID that the seed decides."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def providers(rng: Random) -> dict[str, dict[str, Any]]:
    """Provider id -> prefix and models; one of them is a custom node, whose id says nothing to a person."""
    table: dict[str, dict[str, Any]] = {
        name: {"prefix": name, "models": models, "name": name} for name, models in MODELS.items()
    }
    node = f"openai-compatible-chat-{identity(rng)}"
    table[node] = {"prefix": NODE_PREFIX, "models": NODE_MODELS, "name": NODE_NAME}
    return table


def connections(rng: Random, table: dict[str, dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """The connections in order of priority, as GET /api/providers of 3.7.9 returns them (null fields absent)."""
    node = next(name for name in table if name.startswith("openai-compatible"))
    rows = [
        ("openai", "openai-main", "apikey", "gpt-4o", True),
        ("openai", "openai-backup", "apikey", "gpt-4o", True),
        ("anthropic", "anthropic-main", "oauth", "claude-sonnet-4", True),
        (node, "llama-eu", "apikey", "llama-70b", True),
        ("mistral", "mistral-old", "apikey", "mistral-large", False),
    ]
    made = iso(now - timedelta(days=40))
    answer = []
    for number, (provider, name, auth, model, active) in enumerate(rows, start=1):
        row: dict[str, Any] = {
            "id": identity(rng),
            "provider": provider,
            "authType": auth,
            "name": name,
            "priority": number,
            "isActive": active,
            "testStatus": "active",
            "backoffLevel": 0,
            "providerSpecificData": {},
            "defaultModel": model,
            "consecutiveUseCount": 0,
            "rateLimitProtection": False,
            "createdAt": made,
            "updatedAt": iso(now - timedelta(days=3)),
            "maxConcurrent": None,
        }
        if auth == "oauth":
            row |= {"email": "gateway@example.com", "displayName": "Gateway account"}
        if provider == node:
            row["providerSpecificData"] = {
                "prefix": NODE_PREFIX,
                "apiType": "chat",
                "baseUrl": "http://127.0.0.1:9/v1",
                "nodeName": NODE_NAME,
            }
        answer.append(row)
    return answer


def steps(name: str, models: list[Any]) -> list[dict[str, Any]]:
    """A combo's models as the server stores them: a plain client id becomes an object, an object stays as it is."""
    answer: list[dict[str, Any]] = []
    for number, model in enumerate(models, start=1):
        if isinstance(model, dict):
            answer.append(model)
            continue
        prefix = model.partition("/")[0]
        key = f"{name}-model-{number}-{model.replace('/', '-')}"
        answer.append({"id": key, "kind": "model", "model": model, "providerId": prefix, "weight": 0})
    return answer


def combos(rng: Random, now: datetime) -> list[dict[str, Any]]:
    """The combos, as GET /api/combos returns them."""
    made = iso(now - timedelta(days=20))
    return [
        {
            "name": name,
            "models": steps(name, list(models)),
            "strategy": "priority",
            "id": identity(rng),
            "config": {},
            "isHidden": False,
            "sortOrder": number,
            "createdAt": made,
            "updatedAt": made,
            "version": 2,
        }
        for number, (name, models) in enumerate(COMBOS.items(), start=1)
    ]


def keys(rng: Random, now: datetime) -> list[dict[str, str]]:
    """The API keys; the last one may manage (the fork honours that, 3.7.9 does not)."""
    machine = f"{rng.getrandbits(64):016x}"
    return [
        {
            "id": identity(rng),
            "name": name,
            "key": f"sk-{machine}-{rng.getrandbits(24):06x}-{rng.getrandbits(32):08x}",
            "machine": machine,
            "scopes": '["manage","self:usage"]' if name == "ops" else "",
            "created": iso(now - timedelta(days=30)),
        }
        for name in KEYS
    ]
