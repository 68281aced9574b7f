"""``rollback.preflight`` and ``script.rollback``: rollback.sh with host, method and version settled before (section 3).

rollback.sh installs on whatever host it runs on, re-tags before it fails, and says "complete" with exit 0 when nothing
was restarted; the version that answers is the only proof.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from omniops.actions.base import Applied, Args, Context, Observation
from omniops.actions.resolve import VERSION
from omniops.actions.scripts import ScriptWrite, by_hand, here, last_words, ready, script_path
from omniops.clock import iso
from omniops.errors import BadInput, NeedsPerson, NotOurs, OmniopsError
from omniops.jobs.contract import JobResult
from omniops.jobs.host import compose_file, compose_services, probe, program_env
from omniops.text import one_line

UNKNOWN = "unknown"
COMES_BACK_S = 60.0
"""How long a restarted server is waited for, in real seconds."""
PROD_IMAGE = "omniroute:prod"


def bare(version: object) -> str:
    """Return a version without its "v". Raises BadInput for what is none."""
    found = VERSION.fullmatch(str(version).strip())
    if not found:
        raise BadInput(
            f"{one_line(version, 40)!r} is no version", why="it is written v3.7.8", state="nothing was started"
        )
    return found[1]


def running_version(ctx: Context) -> str:
    """Return the version that answers, "unknown" where none does: a server that is down can be rolled back too."""
    try:
        return ctx.omniroute.version()[0]
    except OmniopsError:
        return UNKNOWN


def image_id(ctx: Context, image: str) -> str:
    """Return a local image's id, "" where there is no such image."""
    answer = probe(ctx.settings, ["docker", "image", "inspect", "--format", "{{.Id}}", image])
    if answer.code != 0:
        return ""
    words = answer.out.strip()
    if words.startswith("["):  # a docker that ignores --format
        try:
            words = str(json.loads(words)[0]["Id"])
        except (ValueError, LookupError, TypeError):
            return ""
    return one_line(words, 80)


def method_here(ctx: Context) -> str:
    """Return docker where the compose file has a container, npm where pm2 runs omniroute. Raises NeedsPerson."""
    services, why = compose_services(ctx.settings)
    if any(service.running for service in services):
        return "docker"
    listed = probe(ctx.settings, ["pm2", "jlist"])
    if listed.code == 0 and re.search(r'"name"\s*:\s*"omniroute"', listed.out):
        return "npm"
    if services:
        return "docker"  # its containers are here, all stopped
    raise NeedsPerson(
        "No deploy method is to be seen here",
        why=f"{why or 'the compose file has no container'}; {listed.error or 'pm2 runs no omniroute'}",
        state="nothing was started",
        next="set OMNIROUTE_COMPOSE_FILE, or roll back by hand: bin/rollback.sh VERSION --method npm|docker",
    )


def check_exists(ctx: Context, version: str, method: str) -> None:
    """Raise BadInput where there is no such version to roll back to; rollback.sh itself does not look."""
    if method == "docker":
        if not image_id(ctx, f"omniroute:{version}"):
            raise BadInput(
                f"There is no local image omniroute:{version}",
                why="rollback.sh neither pulls nor builds one",
                state="nothing was started",
                next="build or load it, or choose another version (docker image ls omniroute)",
            )
        return
    answer = probe(ctx.settings, ["npm", "view", f"omniroute@{version}", "version"], 60)
    if answer.code != 0 or version not in answer.out:
        raise BadInput(
            f"npm knows no omniroute@{version}",
            why=answer.error or "npm view printed nothing",
            state="nothing was started",
            next="choose another version (npm view omniroute versions)",
        )


class Preflight:
    """Settle host, method and version, or refuse with words."""

    def read(self, ctx: Context, args: Args) -> dict[str, Any]:
        version = bare(args["version"])
        running = running_version(ctx)
        if running == version:
            raise BadInput(
                f"v{version} is what runs now",
                state="nothing was started",
                next="choose the version from before the deploy",
            )
        proof = here(ctx)
        if proof.here:
            method = method_here(ctx)
            check_exists(ctx, version, method)
            words = f"v{running} -> v{version} by {method}, on this host: {proof.why}"
        else:
            method = self._method_elsewhere(ctx)
            words = f"v{running} -> v{version} by {method}, to be run on the server's host ({proof.why})"
        return {
            "method": method,
            "host": "here" if proof.here else "elsewhere",
            "running": running,
            "summary": words,
        }

    def _method_elsewhere(self, ctx: Context) -> str:
        if ctx.settings.get("OMNIROUTE_COMPOSE_FILE"):
            return "docker"
        try:
            folder = ctx.omniroute.data_folder()
        except OmniopsError:
            folder = ""
        return "docker" if folder.startswith("/app/") else "npm"


class Rollback(ScriptWrite):
    """rollback.sh vVERSION --method METHOD --yes."""

    name = "script.rollback"

    def observe(self, ctx: Context, args: Args) -> Observation:
        version, method = bare(args["version"]), self._method(args)
        running = running_version(ctx)
        state: dict[str, Any] = {"version": running, "method": method}
        desired: dict[str, Any] = {"version": version, "method": method}
        target = f"OmniRoute v{running}"
        proof = here(ctx)
        if not proof.here:
            command = by_hand(ctx.settings, "rollback.sh", f"v{version}", "--method", method, "--yes")
            return self._seen(target, state, desired, version, proof.why, command=command)
        ready(ctx.settings, "rollback.sh")
        warnings = []
        if running == UNKNOWN:
            warnings.append("the running version cannot be read, so this cannot be undone by omniops")
        if method == "docker":
            state["image"], desired["image"] = image_id(ctx, PROD_IMAGE), image_id(ctx, f"omniroute:{version}")
            warnings += self._docker_warnings(ctx, running)
        return self._seen(target, state, desired, version, proof.why, tuple(warnings))

    def _seen(
        self,
        target: str,
        state: dict[str, Any],
        desired: dict[str, Any],
        version: str,
        host: str,
        warnings: tuple[str, ...] = (),
        command: str = "",
    ) -> Observation:
        return Observation(
            target,
            state,
            desired,
            state["version"] == version,
            {"host": host},
            warnings,
            destructive=True,
            typed=f"v{version}",
            command=command,
        )

    def _docker_warnings(self, ctx: Context, running: str) -> list[str]:
        warnings = []
        if running != UNKNOWN and not image_id(ctx, f"omniroute:{running}"):
            warnings.append(
                f"there is no image omniroute:{running} to come back to; "
                f"`docker tag {PROD_IMAGE} omniroute:{running}` now keeps the way back open"
            )
        own = Path(script_path(ctx.settings, "rollback.sh")).parent.parent / "docker-compose.prod.yml"
        file = compose_file(ctx.settings)
        if file is not None and file.resolve() != own.resolve() and not ctx.settings.drill:
            warnings.append(f"rollback.sh uses {own}, and OMNIROUTE_COMPOSE_FILE is {file}")
        return warnings

    def _method(self, args: Args) -> str:
        method = str(args["method"])
        if method not in ("docker", "npm"):
            raise BadInput(
                f"{one_line(method, 40)!r} is no deploy method", why="docker or npm", state="nothing was started"
            )
        return method

    def command(self, ctx: Context, args: Args, before: dict[str, Any], key: str, undoing: bool) -> list[str]:
        version = bare(before["version"] if undoing else args["version"])
        return [ready(ctx.settings, "rollback.sh"), f"v{version}", "--method", self._method(args), "--yes"]

    def environment(self, ctx: Context, before: dict[str, Any]) -> dict[str, str]:
        return program_env(ctx.settings)

    def conclude(
        self, ctx: Context, args: Args, before: dict[str, Any], key: str, result: JobResult, undoing: bool
    ) -> Applied:
        version = bare(before["version"] if undoing else args["version"])
        if result.exit == 0:
            installed_only = "restart the service to apply" in result.stderr
            why = "installed, not restarted" if installed_only else "exit 0"
            return self._succeeded(ctx, version, why, 0 if installed_only else COMES_BACK_S, undoing)
        running = running_version(ctx)
        words = f"rollback.sh exited {result.exit}: {last_words(result) or 'no words'}; v{running} runs now"
        if self._method(args) == "docker":
            tagged = image_id(ctx, PROD_IMAGE)
            was = before.get("image", "") if not undoing else image_id(ctx, f"omniroute:{bare(args['version'])}")
            if tagged and tagged == was:
                return Applied("not_applied", f"{words}; {PROD_IMAGE} is what it was")
            if tagged and tagged == image_id(ctx, f"omniroute:{version}"):
                return Applied("failed", f"{words}; {PROD_IMAGE} is v{version} already: the next restart starts that")
        return Applied("failed", f"{words}; what it had changed by then is not known")

    def done_elsewhere(
        self, ctx: Context, args: Args, before: dict[str, Any], began: str, undoing: bool
    ) -> Applied | None:
        version = bare(before["version"] if undoing else args["version"])
        return self._succeeded(ctx, version, "by hand", COMES_BACK_S, undoing)

    def _succeeded(self, ctx: Context, version: str, why: str, wait_s: float, undoing: bool) -> Applied:
        running = running_version(ctx)
        until = ctx.clock.boot() + wait_s
        while running != version and ctx.clock.boot() < until:
            ctx.clock.sleep(1.0)
            running = running_version(ctx)
        if running != version:
            words = f"{why}: v{running} still answers"
            if undoing:  # no step follows that restarts it, so it is not back
                return Applied("failed", f"{words}, not v{version}")
            return Applied("applied", words, outputs={"restarted": False}, at=self._now(ctx, None))
        try:
            uptime: float | None = ctx.omniroute.health().uptime_s
        except OmniopsError:
            uptime = None
        return Applied("applied", f"v{version} answers", outputs={"restarted": True}, at=self._now(ctx, uptime))

    def _now(self, ctx: Context, uptime_s: float | None) -> str:
        """The server's time of the change: its start, where that is known, for it marks the new version's traffic."""
        return iso(ctx.omniroute.server_now() - timedelta(seconds=uptime_s or 0))

    def observe_undo(self, ctx: Context, args: Args, before: dict[str, Any], after: dict[str, Any]) -> Observation:
        if before["version"] == UNKNOWN:
            raise NotOurs(
                "The rollback is not taken back",
                why="which version ran before is not known",
                state="nothing was changed",
            )
        version, method = bare(before["version"]), self._method(args)
        running = running_version(ctx)
        proof = here(ctx)
        ours = {name: value for name, value in after.items() if not name.startswith("_")}
        # Installed but not restarted, the old version still answers, and the rollback is in force all the same.
        tagged = proof.here and method == "docker" and image_id(ctx, PROD_IMAGE) == (ours.get("image") or UNKNOWN)
        pending = tagged or (method == "npm" and running == version)
        state = ours if pending or running == bare(args["version"]) else {"version": running, "method": method}
        already = running == version and not pending
        command = "" if proof.here else by_hand(ctx.settings, "rollback.sh", f"v{version}", "--method", method, "--yes")
        if proof.here and not already:
            check_exists(ctx, version, method)
        return Observation(
            f"OmniRoute v{running}",
            state,
            before,
            already,
            {"host": proof.why},
            destructive=True,
            typed=f"v{version}",
            command=command,
        )


ACTIONS: dict[str, Any] = {"rollback.preflight": Preflight(), "script.rollback": Rollback()}
