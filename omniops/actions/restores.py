"""``script.restore_policies`` and ``script.restore_data``: restores from a verified snapshot (sections 4.3 and 4.4).

Both scripts can do harm and report success, or do half and report failure: what was restored is read back and compared
with the source, and what the script saved just before is the way back.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from omniops.actions.backups import Keys, fault, keys_of, made_at, mismatch, rows, too_new
from omniops.actions.base import Applied, Args, Context, Observation
from omniops.actions.copies import COPIED, sha256
from omniops.actions.scripts import (
    DATABASE,
    ScriptWrite,
    backups_folder,
    by_hand,
    data_folder,
    folders_env,
    here,
    last_words,
    ready,
    saved_folder,
)
from omniops.clock import iso
from omniops.errors import BadInput, NeedsPerson, NotOurs, Refused, Unreachable
from omniops.jobs.contract import JobResult
from omniops.text import one_line

UNTOUCHED = "nothing was restored"


def source_of(ctx: Context, args: Args) -> Path:
    """Return the snapshot to restore from, verified. Raises BadInput where it must not be used."""
    source = Path(str(args["source"]))
    why = "it is no folder, given by its full path" if not (source.is_absolute() and source.is_dir()) else ""
    why = why or too_new(source, ctx.onset) or fault(source / DATABASE)
    if why:
        raise BadInput(
            f"{one_line(source, 120)} is not a backup to restore from",
            why=why,
            state=UNTOUCHED,
            next="choose another one",
        )
    return source


def live_keys(data: Path) -> Keys:
    """Read the live database's keys. Raises BadInput where it cannot be read."""
    try:
        return keys_of(data / DATABASE, live=True)
    except sqlite3.Error as error:
        raise BadInput(
            f"The keys in {data / DATABASE} cannot be read",
            why=one_line(error),
            state=UNTOUCHED,
            next="where the database itself is damaged: omniops mitigate data-incident",
        ) from None


class Restore(ScriptWrite):
    """What both restores share: the undo is the same script, on the copy that it saved just before."""

    script = ""
    saved = ""  # how the folder of the copy begins
    typed = ""
    loses = ""  # what of that was written since the backup is gone afterwards

    def state(self, data: Path) -> dict[str, Any]:
        """Return what of the live data the restore replaces, comparably."""
        raise NotImplementedError

    def allowed(self, ctx: Context, data: Path, source: Path) -> None:
        """Raise OmniopsError where this source must not be restored now."""
        raise NotImplementedError

    def is_saved(self, place: Path, before: dict[str, Any]) -> bool:
        """Say whether a saved copy holds what ``before`` describes."""
        raise NotImplementedError

    def observe(self, ctx: Context, args: Args) -> Observation:
        proof = here(ctx)
        if not proof.here:
            state = {"data": "on the server's host"}
            command = by_hand(ctx.settings, self.script, str(args["source"]), "--yes")
            wanted = {**state, "from": str(args["source"])}
            shown = {"host": proof.why}
            return Observation("the server's data", state, wanted, False, shown, typed=self.typed, command=command)
        ready(ctx.settings, self.script)
        data, source = data_folder(ctx), source_of(ctx, args)
        self.allowed(ctx, data, source)
        desired = {**self.state(source), "data": str(data)}
        shown = {"from": str(source), "host": proof.why}
        lost = f"{self.loses} since that backup ({iso(made_at(source))}) is LOST; a copy of it is kept"
        seen = Observation(str(data), self.state(data), desired, False, shown, destructive=True, typed=self.typed)
        return seen._replace(warnings=(lost,))

    def prepare(self, ctx: Context, args: Args, before: dict[str, Any], undoing: bool) -> Path:
        """The source, checked again right before it is used: the approval may have taken its time, and so may this."""
        source = self.way_back(ctx, before) if undoing else source_of(ctx, args)
        self.allowed(ctx, Path(before["data"]), source)
        return source

    def command(self, ctx: Context, args: Args, before: dict[str, Any], key: str, undoing: bool) -> list[str]:
        data = Path(before["data"])
        source = ctx.prepared or self.prepare(ctx, args, before, undoing)
        return [ready(ctx.settings, self.script), str(source), "--data-dir", str(data), "--yes"]

    def environment(self, ctx: Context, before: dict[str, Any]) -> dict[str, str]:
        return folders_env(ctx, Path(before["data"]))

    def observe_undo(self, ctx: Context, args: Args, before: dict[str, Any], after: dict[str, Any]) -> Observation:
        proof = here(ctx)
        if not proof.here or not Path(before["data"]).is_dir():
            raise NeedsPerson(
                "The restore cannot be taken back from this host", why=proof.why, state="nothing was changed"
            )
        data = Path(before["data"])
        now = self.state(data)
        if now == before:
            return Observation(str(data), now, before, True)
        back = self.way_back(ctx, before)
        self.allowed(ctx, data, back)
        shown = {"from": str(back), "host": proof.why}
        return Observation(str(data), now, before, False, shown, destructive=True, typed=self.typed)

    def way_back(self, ctx: Context, before: dict[str, Any]) -> Path:
        """Return the newest saved copy that holds what was there before. Raises NotOurs where there is none."""
        backups = backups_folder(ctx, Path(before["data"]))
        for place in sorted(backups.glob(f"{self.saved}*"), reverse=True):
            if self.is_saved(place, before):
                return place
        raise NotOurs(
            "There is nothing to take the restore back with",
            why=f"no {self.saved}* in {backups} holds what was there before",
            state="nothing was changed",
        )

    def conclude(
        self, ctx: Context, args: Args, before: dict[str, Any], key: str, result: JobResult, undoing: bool
    ) -> Applied:
        data = Path(before["data"])
        source = self.way_back(ctx, before) if undoing else Path(str(args["source"]))
        saved = saved_folder(result)
        kept = f"; the data from before is in {saved}" if saved else ""
        evidence = {"saved": saved} if saved else {}
        try:
            now, problem = self.state(data), self.problem(data, source)
        except (OSError, sqlite3.Error, BadInput) as error:
            why = getattr(error, "why", "") or one_line(error)
            return Applied(
                "failed", f"{self.script} exited {result.exit}; the data cannot be read now: {why}{kept}", evidence
            )
        if result.exit == 0 and not problem:
            return Applied(
                "applied", f"read back: it is what {source.name} holds{kept}", evidence, self.outputs(now, saved)
            )
        words = f"{self.script} exited {result.exit}: {last_words(result) or 'no words'}"
        if now == before:
            return Applied("not_applied", f"{words}; the data is as it was", evidence)
        return Applied("failed", f"{words}; {problem or 'the data has changed'}{kept}", evidence)

    def problem(self, data: Path, source: Path) -> str:
        """Say how the live data differs from what was to be restored; "" if it does not."""
        raise NotImplementedError

    def outputs(self, now: dict[str, Any], saved: str) -> dict[str, Any]:
        raise NotImplementedError


class RestorePolicies(Restore):
    """restore-policies.sh. Its exit 1 may leave the keys empty; so columns before, keys after."""

    name, script, saved = "script.restore_policies", "restore-policies.sh", "pre-policy-restore_"
    typed = "policies"
    loses = "every change to API keys"

    def state(self, data: Path) -> dict[str, Any]:
        keys = live_keys(data)
        return {"data": str(data), "keys": keys.total, "key_ids": keys.ids}

    def allowed(self, ctx: Context, data: Path, source: Path) -> None:
        why = mismatch(live_keys(data), live_keys(source))
        if why:
            raise BadInput(
                f"{source.name} must not be restored",
                why=why,
                state=UNTOUCHED,
                next="choose another backup, or roll back",
            )

    def is_saved(self, place: Path, before: dict[str, Any]) -> bool:
        try:
            keys = keys_of(place / DATABASE, live=True)
        except sqlite3.Error:
            return False
        return {"keys": keys.total, "key_ids": keys.ids} == {name: before.get(name) for name in ("keys", "key_ids")}

    def problem(self, data: Path, source: Path) -> str:
        now, wanted = live_keys(data), live_keys(source)
        if now.total != wanted.total:
            return f"{now.total} keys are there now, {wanted.total} were to be restored"
        return "" if now.ids == wanted.ids else "the keys there now are not those of the backup"

    def outputs(self, now: dict[str, Any], saved: str) -> dict[str, Any]:
        return {"keys": now["keys"], "saved": saved}


class RestoreData(Restore):
    """restore-data.sh. It checks nothing and takes no notice of a running server, so both are done here."""

    name, script, saved = "script.restore_data", "restore-data.sh", "pre-restore_"
    typed = "data"
    loses = "everything written"

    def state(self, data: Path) -> dict[str, Any]:
        file = data / DATABASE
        return {"data": str(data), "storage": sha256(file)[:16] if file.is_file() else "absent"}

    def allowed(self, ctx: Context, data: Path, source: Path) -> None:
        why = not_down(ctx, data)
        if why:
            raise NeedsPerson(
                "The server is not down",
                why=why,
                state=UNTOUCHED,
                next="stop it; then go on with the run, or type the same again",
            )

    def is_saved(self, place: Path, before: dict[str, Any]) -> bool:
        return (place / DATABASE).is_file() and self.state(place)["storage"] == before.get("storage")

    def problem(self, data: Path, source: Path) -> str:
        wal = data / COPIED[1]
        if wal.is_file() and wal.stat().st_size:
            return (
                f"{wal} of the old database is still there, and would be played into the restored one at the next start"
            )
        if self.state(data)["storage"] == self.state(source)["storage"]:
            return ""
        try:
            now, wanted = rows(data / DATABASE), rows(source / DATABASE)
        except sqlite3.Error as error:
            return f"the data there now cannot be read: {one_line(error, 80)}"
        return fault(data / DATABASE) or ("" if now == wanted else f"it holds {now} now, the backup {wanted}")

    def outputs(self, now: dict[str, Any], saved: str) -> dict[str, Any]:
        return {"saved": saved}


def not_down(ctx: Context, data: Path) -> str:
    """Say what shows that the server still runs, "" if it is down: no answer, and no process holds the database."""
    from omniops.jobs.host import holders

    held = holders([data / name for name in COPIED])
    if held:
        return f"the database is held by {', '.join(held)}"
    try:
        ctx.omniroute.health()
    except Unreachable:
        return ""
    except Refused:
        return "something answers at OMNIROUTE_URL"
    return "it answers at OMNIROUTE_URL"


ACTIONS: dict[str, Any] = {"script.restore_policies": RestorePolicies(), "script.restore_data": RestoreData()}
