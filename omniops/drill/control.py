"""The drill's control port, under ``/__drill/``. It is no part of OmniRoute, has a port of its own, and says so.

Stand-in scripts and fake commands reach the simulator through it (or through the spool file when it is not running).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from omniops.drill.api import Reply
from omniops.drill.wire import Answer, Handler
from omniops.drill.world import World
from omniops.errors import BadInput

PREFIX = "/__drill/"
OUTSIDE = ("pager", "alerts", "metrics", "chat", "status_page", "mailbox")
"""Where the services outside keep their state."""
MARK = (("X-Omniops-Drill", "control port of a simulator; not part of OmniRoute"),)


class Control:
    """What the control port can do. ``power`` and ``quit`` belong to the process, so it hands them in."""

    def __init__(
        self, world: World, power: Callable[[str], None], reset: Callable[[], None], quit: Callable[[], None]
    ) -> None:
        self._world, self._power, self._reset, self._quit = world, power, reset, quit

    def answer(self) -> Answer:
        """Return the function of the control port."""

        def serve(handler: Handler, body: bytes) -> Reply | None:
            name = handler.path.removeprefix(PREFIX).strip("/")
            if not handler.path.startswith(PREFIX):
                return Reply(404, {"drill": True, "error": "this is the control port of a drill"}, headers=MARK)
            try:
                found = self.read(name) if handler.command == "GET" else self.do(name, json.loads(body or b"{}"))
            except BadInput as error:
                return Reply(400, {"drill": True, "error": error.what, "why": error.why}, headers=MARK)
            except (KeyError, ValueError, TypeError, IndexError) as error:
                text = f"{name}: {type(error).__name__} {error}"
                return Reply(400, {"drill": True, "error": text}, headers=MARK)
            return Reply(200, {"drill": True, **found}, headers=MARK)

        return serve

    def read(self, name: str) -> dict[str, Any]:
        """GET state, writes, or what a service outside keeps (pager). Raises KeyError for anything else."""
        data = self._world.data
        with self._world.lock:
            if name == "writes":
                return {"writes": data["writes"], "counts": counts(data["writes"])}
            if name in OUTSIDE:
                return {name: data[name]}
            if name != "state":
                raise KeyError(name)
            kept = ("scenario", "flavour", "speed", "version", "next_version", "running", "boots", "auth_ok", "data_ok")
            return {
                **{key: data[key] for key in kept},
                "now": self._world.now_iso(),
                "onset": data["onset"],
                "faults": data["faults"],
                "connections": data["connections"],
                "combos": data["combos"],
                "replicas": data["replicas"],
                "images": data["images"],
                "writes": counts(data["writes"]),
                "scripts": data["scripts"],
            }

    def do(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST: faults, reset, quit, power, version, recreate, tag, heal, replica, script, change.

        Raises KeyError or ValueError for what makes no sense, BadInput for a bad fault specification.
        """
        world = self._world
        data = world.data
        with world.lock:
            if name == "faults":
                world.set_faults(str(body["spec"]))
                self._power("sync")
            elif name == "power":
                self._power(str(body["action"]))
            elif name == "version":
                data["next_version"] = str(body["version"])
                world.changed()
            elif name == "recreate":
                data["next_version"] = data["images"]["omniroute:prod"]
                world.changed()
            elif name == "tag":
                data["images"][str(body["to"])] = data["images"][str(body["from"])]
                world.changed()
            elif name == "heal":
                data["modes"] = {id: mode for id, mode in data["modes"].items() if id not in _healed(world, body)}
                world.changed()
            elif name == "change":
                self._change(str(body["connection"]), dict(body["fields"]))
            elif name == "replica":
                data["replicas"][int(body["index"])]["running"] = bool(body["running"])
                world.changed()
                self._power("sync")
            elif name == "script":
                entry = {"at": world.now_iso(), "name": str(body["name"]), "argv": body["argv"], "exit": body["exit"]}
                data["scripts"].append(entry)
                world.save()
            elif name == "reset":
                self._reset()
            elif name == "quit":
                self._quit()
            else:
                raise KeyError(name)
        return {"done": name}

    def _change(self, wanted: str, fields: dict[str, Any]) -> None:
        """Somebody else writes to a connection: audited like any write, but not counted among omniops' writes."""
        row = next(one for one in self._world.data["connections"] if wanted in (one["id"], one["name"]))
        before = dict(row)
        row |= fields
        row["updatedAt"] = self._world.now_iso()
        target = f"{row['provider']}:{row['name']}"
        details = {"provider": row["provider"], "changedFields": sorted(fields), "before": before, "after": dict(row)}
        action, resource = "provider.credentials.updated", "provider_credentials"
        self._world.audit(action, target, resource, details, actor="somebody-else")
        self._world.changed()


def _healed(world: World, body: dict[str, Any]) -> list[str]:
    wanted = body.get("connection")
    rows = world.data["connections"]
    return [row["id"] for row in rows if wanted in (None, row["id"], row["name"])]


def counts(writes: list[dict[str, Any]]) -> dict[str, int]:
    """Number of writes that were carried out, per target; counted by the server, not by who sent them."""
    answer: dict[str, int] = {}
    for write in writes:
        answer[write["target"]] = answer.get(write["target"], 0) + 1
    return answer
