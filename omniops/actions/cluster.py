"""``cluster.stop``, ``cluster.start`` and ``service.restart``: docker compose, and what proves that it did something.

Where no container of OMNIROUTE_COMPOSE_FILE runs the server here, the step is done by hand (sections 4.3 and 4.4).
"""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from omniops.actions.base import Applied, Args, Context, Observation
from omniops.actions.scripts import ScriptWrite, here, last_words
from omniops.clock import iso, parse_iso
from omniops.errors import BadInput, NotOurs, OmniopsError, Unreachable
from omniops.jobs.contract import LOST, TIMED_OUT, JobResult
from omniops.jobs.host import compose_file, compose_services, find_program, probe, program_env

if TYPE_CHECKING:
    from omniops.services.omniroute import Health

SETTLES_S = 60.0
"""How long a server is waited for to come back, or to fall silent, in real seconds."""
SLACK_S = 1.0
SILENT = "not answering"


def health_of(ctx: Context) -> Health | None:
    """Return the health page, None where nothing that makes sense answers."""
    try:
        return ctx.omniroute.health()
    except OmniopsError:
        return None


def is_up(ctx: Context) -> bool:
    """Say whether anything of the server still runs: a container here, or an answer at its URL."""
    services, _ = compose_services(ctx.settings) if here(ctx).here else ([], "")
    if any(service.running for service in services):
        return True
    try:
        ctx.omniroute.health()
    except Unreachable:
        return False
    except OmniopsError:
        return True  # it refuses, so it is there
    return True


class Compose(ScriptWrite):
    """``docker compose -f FILE VERB``, VERB being stop, start or restart."""

    verb = ""
    typed = ""

    def where(self, ctx: Context, verb: str) -> tuple[str, str]:
        """Return the command line for a person ("" where omniops can run it here itself), and the words why."""
        proof = here(ctx)
        services, why = compose_services(ctx.settings) if proof.here else ([], proof.why)
        if services:
            return "", proof.why
        if proof.here and probe(ctx.settings, ["pm2", "describe", "omniroute"]).code == 0:
            return f"pm2 {verb} omniroute", "pm2 runs it"
        file = ctx.settings.get("OMNIROUTE_COMPOSE_FILE") or "docker-compose.prod.yml"
        return shlex.join(["docker", "compose", "-f", file, verb]), why or "the compose file has no container here"

    def command(self, ctx: Context, args: Args, before: dict[str, Any], key: str, undoing: bool) -> list[str]:
        file, docker = compose_file(ctx.settings), find_program(ctx.settings, "docker")
        if file is None or not docker:
            raise BadInput("docker compose cannot be run here", why="docker or the compose file is gone")
        return [docker, "compose", "-f", str(file), "start" if undoing else self.verb]

    def environment(self, ctx: Context, before: dict[str, Any]) -> dict[str, str]:
        return program_env(ctx.settings)

    def observe_undo(self, ctx: Context, args: Args, before: dict[str, Any], after: dict[str, Any]) -> Observation:
        raise NotOurs(f"{self.name} is not taken back", state="nothing was changed")

    def started(self, ctx: Context, words: str) -> Applied:
        """Wait until the server answers."""
        until = ctx.clock.boot() + SETTLES_S
        while (health := health_of(ctx)) is None:
            if ctx.clock.boot() >= until:
                return Applied("failed", f"{words}; it does not answer {SETTLES_S:g} s later")
            ctx.clock.sleep(1.0)
        return Applied("applied", "it answers", at=_since(ctx, health))


def _since(ctx: Context, health: Health) -> str:
    return iso(ctx.omniroute.server_now() - timedelta(seconds=health.uptime_s))


def _words(result: JobResult) -> str:
    said = last_words(result)
    return f"docker compose exited {result.exit}" + (f": {said}" if said else "")


class Stop(Compose):
    """docker compose stop. Stopped means: no container runs, and nothing answers."""

    name, verb, typed, state_tells = "cluster.stop", "stop", "cluster", True

    def observe(self, ctx: Context, args: Args) -> Observation:
        """A server that does not answer is not therefore stopped: a wrong address and a broken tunnel look the same.
        Only its host's own containers prove it; elsewhere the operator looks, and says so."""
        if is_up(ctx) or (here(ctx).here and compose_services(ctx.settings)[0]):
            return self._seen(ctx, "running" if is_up(ctx) else "stopped", "stopped", "stop")
        seen = self._seen(ctx, SILENT, "stopped", "stop")
        words = f"nothing answers at {ctx.omniroute.url}; whether it is stopped cannot be told from here"
        return seen._replace(warnings=(words,), fits=True)

    def _seen(self, ctx: Context, state: str, wanted: str, verb: str) -> Observation:
        command, why = self.where(ctx, verb)
        now, desired = {"cluster": state}, {"cluster": wanted}
        at = iso(ctx.omniroute.server_now())
        shown = {"host": why}
        return Observation(
            "the cluster", now, desired, state == wanted, shown, typed=self.typed, command=command, at=at
        )

    def conclude(
        self, ctx: Context, args: Args, before: dict[str, Any], key: str, result: JobResult, undoing: bool
    ) -> Applied:
        if undoing:
            return self.started(ctx, _words(result))
        until = ctx.clock.boot() + (SETTLES_S if result.exit == 0 else 0)
        while up := is_up(ctx):
            if ctx.clock.boot() >= until:
                break
            ctx.clock.sleep(1.0)
        if up:
            return Applied("failed", f"{_words(result)}; some of it still runs")
        return Applied("applied", "nothing runs, nothing answers", at=iso(ctx.omniroute.server_now()))

    def observe_undo(self, ctx: Context, args: Args, before: dict[str, Any], after: dict[str, Any]) -> Observation:
        seen = self._seen(ctx, "running" if is_up(ctx) else "stopped", str(before["cluster"]), "start")
        return seen if seen.already else seen._replace(warnings=("it starts on the data AS IT IS NOW",))


class Start(Compose):
    """docker compose start. Running means that it answers."""

    name, verb, typed, state_tells = "cluster.start", "start", "cluster", True

    def observe(self, ctx: Context, args: Args) -> Observation:
        health = health_of(ctx)
        command, why = self.where(ctx, self.verb)
        state = {"cluster": "running" if health else SILENT}
        at = _since(ctx, health) if health else ""
        shown = {"host": why}
        wanted = {"cluster": "running"}
        return Observation("the cluster", state, wanted, health is not None, shown, command=command, at=at)

    def conclude(
        self, ctx: Context, args: Args, before: dict[str, Any], key: str, result: JobResult, undoing: bool
    ) -> Applied:
        if result.exit != 0 and health_of(ctx) is None:
            return Applied("failed", _words(result))
        return self.started(ctx, _words(result))

    def done_elsewhere(
        self, ctx: Context, args: Args, before: dict[str, Any], began: str, undoing: bool
    ) -> Applied | None:
        return self.started(ctx, "by hand")


class Restart(Compose):
    """docker compose restart. Proof: the server has been up for less time than the job is old, or has another pid."""

    name, verb, typed = "service.restart", "restart", "service"

    def observe(self, ctx: Context, args: Args) -> Observation:
        health = health_of(ctx)
        command, why = self.where(ctx, self.verb)
        state = {"service": "running" if health else SILENT, "pid": health.pid if health else None}
        shown: dict[str, Any] = {"host": why}
        if health:
            shown["uptime_s"] = round(health.uptime_s)
        wanted = {"service": "restarted"}
        return Observation("the service", state, wanted, False, shown, typed=self.typed, command=command)

    def conclude(
        self, ctx: Context, args: Args, before: dict[str, Any], key: str, result: JobResult, undoing: bool
    ) -> Applied:
        return self._back(ctx, before, result.started, _words(result), SETTLES_S if result.exit == 0 else 0)

    def done_elsewhere(
        self, ctx: Context, args: Args, before: dict[str, Any], began: str, undoing: bool
    ) -> Applied | None:
        return self._back(ctx, before, began, "by hand", SETTLES_S)

    def _back(self, ctx: Context, before: dict[str, Any], began: str, words: str, wait_s: float) -> Applied:
        """Wait until another process answers than the one before ``began``."""
        until = ctx.clock.boot() + wait_s
        while True:
            health = health_of(ctx)
            if health is not None and self._proved(ctx, before, health, began):
                return Applied("applied", f"it answers, up for {health.uptime_s:.0f} s", at=_since(ctx, health))
            if ctx.clock.boot() >= until:
                break
            ctx.clock.sleep(1.0)
        seen = (
            "it does not answer"
            if health is None
            else f"the same process still answers, up for {health.uptime_s:.0f} s"
        )
        return Applied("failed", f"{words}; {seen}")

    def _proved(self, ctx: Context, before: dict[str, Any], health: Health, began: str) -> bool:
        age = (ctx.clock.now() - parse_iso(began)).total_seconds() if began else 0.0
        another = bool(health.pid) and bool(before.get("pid")) and health.pid != before["pid"]
        return another or health.uptime_s < age + SLACK_S

    def _judge(
        self, ctx: Context, args: Args, before: dict[str, Any], key: str, result: JobResult, undoing: bool
    ) -> Applied:
        judged = super()._judge(ctx, args, before, key, result, undoing)
        if result.exit in (LOST, TIMED_OUT):
            concluded = self.conclude(ctx, args, before, key, result, undoing)
            return concluded._replace(evidence=judged.evidence) if concluded.status == "applied" else judged
        return judged


ACTIONS: dict[str, Any] = {"cluster.stop": Stop(), "cluster.start": Start(), "service.restart": Restart()}
