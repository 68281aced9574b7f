"""``script.snapshot`` and ``data.copy``: copies of the data, before anything else is done to it (sections 3, 4.4)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

from omniops.actions.backups import fault
from omniops.actions.base import Applied, Args, Context, Observation
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
)
from omniops.errors import BadInput, NotOurs
from omniops.jobs.contract import LOST, TIMED_OUT, JobResult
from omniops.jobs.local import safe_name
from omniops.jobs.supervisor import sync_folder
from omniops.text import one_line

LABEL = re.compile(r"[A-Za-z0-9._-]{1,60}")
COPIED = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm")
MANIFEST = "MANIFEST.json"
CHUNK = 1 << 20


def label_of(args: Args) -> str:
    """Return the label. Others break snapshot-data.sh: a quote is an SQL error, a slash makes a folder."""
    label = str(args["label"])
    if not LABEL.fullmatch(label):
        raise BadInput(
            f"{one_line(label, 60)!r} is no label for a snapshot",
            why="only letters, digits, dot, underscore and hyphen, at most 60",
            state="nothing was started",
        )
    return label


def _space(data: Path, backups: Path) -> tuple[str, ...]:
    """Warn where the copy will hardly fit."""
    place = backups if backups.is_dir() else data
    needed = sum(file.stat().st_size for file in (data / name for name in COPIED) if file.is_file())
    free = shutil.disk_usage(place).free
    return (
        (f"only {free / 1e6:.0f} MB free in {place}, and the data has {needed / 1e6:.0f} MB",) if free < needed else ()
    )


class OnlyAdds:
    """A copy adds something and changes nothing, so there is nothing to undo."""

    def observe_undo(self, ctx: Context, args: Args, before: dict[str, Any], after: dict[str, Any]) -> Observation:
        raise NotOurs("A copy is not undone", why="it only adds; nothing was changed that would have to be put back")


class Snapshot(OnlyAdds, ScriptWrite):
    """snapshot-data.sh, its label holding the intent's key: unique in the same second, found again after a crash."""

    name = "script.snapshot"

    def observe(self, ctx: Context, args: Args) -> Observation:
        label = label_of(args)
        proof = here(ctx)
        if not proof.here:
            command = by_hand(ctx.settings, "snapshot-data.sh", "--label", f"{label}-omniops")
            state: dict[str, Any] = {"data": "on the server's host"}
            wanted = {**state, "snapshot": label}
            return Observation("a snapshot", state, wanted, False, {"host": proof.why}, command=command)
        ready(ctx.settings, "snapshot-data.sh")
        data = data_folder(ctx)
        if not (data / DATABASE).is_file():
            raise BadInput(
                f"There is no {DATABASE} in {data}", state="nothing was started", next="check OMNIROUTE_DATA_DIR"
            )
        backups = backups_folder(ctx, data)
        state = {"data": str(data)}
        shown = {"into": str(backups), "host": proof.why}
        wanted = {**state, "snapshot": label}
        return Observation(f"a snapshot of {data}", state, wanted, False, shown, _space(data, backups))

    def command(self, ctx: Context, args: Args, before: dict[str, Any], key: str, undoing: bool) -> list[str]:
        label = f"{label_of(args)}-omniops-{safe_name(key)}"
        return [ready(ctx.settings, "snapshot-data.sh"), "--label", label, "--data-dir", str(before["data"])]

    def environment(self, ctx: Context, before: dict[str, Any]) -> dict[str, str]:
        return folders_env(ctx, Path(before["data"]))

    def conclude(
        self, ctx: Context, args: Args, before: dict[str, Any], key: str, result: JobResult, undoing: bool
    ) -> Applied:
        place = self._made(ctx, key, before)
        why = fault(place / DATABASE) if place else "no such folder was made"
        if result.exit == 0 and place and not why:
            return Applied("applied", f"{place} passes its integrity check", outputs={"path": str(place)})
        words = f"snapshot-data.sh exited {result.exit}: {last_words(result) or 'no words'}"
        if place:
            return Applied("failed", f"{words}. It left {place}, which is no snapshot: {why or 'it may be incomplete'}")
        return Applied("not_applied" if result.exit else "failed", f"{words}; {why}")

    def _judge(
        self, ctx: Context, args: Args, before: dict[str, Any], key: str, result: JobResult, undoing: bool
    ) -> Applied:
        judged = super()._judge(ctx, args, before, key, result, undoing)
        place = self._made(ctx, key, before) if result.exit in (LOST, TIMED_OUT) else None
        if place and not fault(place / DATABASE):
            why = f"{place} is there and passes its integrity check"
            return Applied("applied", why, judged.evidence, {"path": str(place)})
        return judged

    def _made(self, ctx: Context, key: str, before: dict[str, Any]) -> Path | None:
        """Return the snapshot that bears this intent's key."""
        backups = backups_folder(ctx, Path(str(before.get("data", "/"))))
        found = sorted(backups.glob(f"snapshot_*-omniops-{safe_name(key)}"))
        return found[-1] if found else None


class CopyData(OnlyAdds):
    """A byte-for-byte copy with checksums, for a database that snapshot-data.sh cannot read any more.

    It is made under another name and renamed when it is complete and synced: a copy under its own name is whole.
    """

    def observe(self, ctx: Context, args: Args) -> Observation:
        label = label_of(args)
        proof = here(ctx)
        if not proof.here:
            state: dict[str, Any] = {"data": "on the server's host"}
            wanted = {**state, "copy": label}
            command = self._command(ctx, label)
            return Observation("a copy of the data", state, wanted, False, {"host": proof.why}, command=command)
        data = data_folder(ctx)
        if not (data / DATABASE).is_file():
            raise BadInput(
                f"There is no {DATABASE} in {data}", state="nothing was copied", next="check OMNIROUTE_DATA_DIR"
            )
        from omniops.jobs.host import holders

        backups = backups_folder(ctx, data)
        warnings = _space(data, backups)
        held = holders([data / name for name in COPIED])
        if held:
            warnings += (f"the database is in use ({', '.join(held)}): the copy may hold half of a write",)
        wanted = {"data": str(data), "copy": label}
        return Observation(f"a copy of {data}", {"data": str(data)}, wanted, False, {"into": str(backups)}, warnings)

    def apply(self, ctx: Context, args: Args, before: dict[str, Any], key: str) -> Applied:
        data = Path(before["data"])
        final = self._place(backups_folder(ctx, data), label_of(args), key)
        draft = final.with_name(f"{final.name}.partial-{os.getpid()}-{os.urandom(3).hex()}")
        if ctx.checkpoint is not None:
            ctx.checkpoint()
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            draft.mkdir(mode=0o700)
            self._fill(draft, data)
            draft.rename(final)
            sync_folder(final.parent)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            if not whole(final):  # else an earlier attempt of this very intent had finished it
                return Applied("not_applied", f"the copy could not be made: {error}")
        return self._told(final)

    def reconcile(self, ctx: Context, args: Args, before: dict[str, Any], key: str, undoing: bool) -> Applied | None:
        final = self._place(backups_folder(ctx, Path(str(before.get("data", "/")))), label_of(args), key)
        if whole(final):
            return self._told(final)
        left = sorted(final.parent.glob(f"{final.name}.partial-*"))
        words = f"; {left[0]} is an incomplete one" if left else ""
        return Applied("not_applied", f"there is no complete copy{words}")

    def undo(self, ctx: Context, args: Args, before: dict[str, Any], key: str) -> Applied:
        return Applied("not_applied", "a copy is not undone")

    def _place(self, backups: Path, label: str, key: str) -> Path:
        return backups / f"omniops-copy_{label}_{safe_name(key)}"

    def _told(self, final: Path) -> Applied:
        return Applied("applied", f"{final} is complete, with checksums", outputs={"path": str(final)})

    def _fill(self, draft: Path, data: Path) -> None:
        sums = {}
        for name in COPIED:
            if (data / name).is_file():
                sums[name] = _copy(data / name, draft / name)
                if sha256(draft / name) != sums[name]:
                    raise OSError(f"{name} reads back otherwise than it was written")
        handle = os.open(draft / MANIFEST, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"source": str(data), "sha256": sums}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(draft)

    def _command(self, ctx: Context, label: str) -> str:
        data = ctx.settings.get("OMNIROUTE_DATA_DIR") or "."
        backups = ctx.settings.get("DB_BACKUPS_DIR") or f"{data}/db_backups"
        into, data = shlex.quote(f"{backups}/omniops-copy_{label}_by-hand"), shlex.quote(data)
        made = f"mkdir -p {into} && chmod 700 {into} && cp -p {data}/{DATABASE}* {into}/"
        return f"{made} && cd {into} && sha256sum {DATABASE}* > SHA256SUMS && sync"


def whole(folder: Path) -> bool:
    """Say whether a copy is complete: its manifest is there and every checksum agrees."""
    try:
        sums = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["sha256"]
        return bool(sums) and all(sha256(folder / name) == value for name, value in sums.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _copy(source: Path, target: Path) -> str:
    digest = hashlib.sha256()
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with source.open("rb") as read, os.fdopen(handle, "wb") as write:
        while chunk := read.read(CHUNK):
            digest.update(chunk)
            write.write(chunk)
        write.flush()
        os.fsync(write.fileno())
    return digest.hexdigest()


def sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


ACTIONS: dict[str, Any] = {"script.snapshot": Snapshot(), "data.copy": CopyData()}
