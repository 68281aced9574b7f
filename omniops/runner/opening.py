"""Opens an incident and a run, or takes a run over: the moments at which two operators can meet."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from omniops.clock import Clock, iso, parse_iso
from omniops.engine.graph import Graph
from omniops.engine.state import LOOKS, RunState
from omniops.errors import BadInput, NeedsPerson
from omniops.incident.typed import Commands
from omniops.incident.view import Incident, new_id
from omniops.journal.conflict import retry_on_conflict
from omniops.journal.events import Conflict, Journal, New
from omniops.runner.known import incident_of, incidents, open_runs
from omniops.runner.person import Option, Person
from omniops.text import duration

OLD_S = 6 * 3600.0
"""An open incident older than this is joined only where a person says so: it may have been forgotten."""

HALF_A_DAY = timedelta(hours=12)

OLDEST = timedelta(days=366)
"""What began earlier is a typing error, or a service's zero."""


def attach(journal: Journal, person: Person, wanted: str, now: datetime) -> Incident | None:
    """The incident that a new run belongs to: the one named, else the only open one; None: open a new one."""
    if wanted:
        return still_open(incident_of(journal, wanted))
    open_ones = [incident for incident in incidents(journal) if incident.status == "open"]
    if not open_ones:
        return None
    age = (now - parse_iso(open_ones[0].opened)).total_seconds()
    old = len(open_ones) == 1 and age > OLD_S
    if len(open_ones) == 1 and not old:
        return open_ones[0]
    options = [Option(one.id, one.title) for one in open_ones] + [Option("new", "A new incident")]
    question = "Which incident does this belong to?"
    if old:
        question = f"{open_ones[0].id} has been open for {duration(age)}. Does this belong to it?"
    try:
        chosen = person.choose("incident", question, options, None)
    except NeedsPerson:
        chosen = ""
        if old:
            words = f"{open_ones[0].id} has been open for {duration(age)}: a new incident is opened."
            person.say(f"{words} --incident {open_ones[0].id} joins that one.", "warn")
            return None
    if not chosen:
        raise NeedsPerson(
            "it is not said whether this belongs to it" if old else "several incidents are open",
            why="open: " + ", ".join(one.id for one in open_ones),
            state="nothing was attempted",
            next="name one with --incident, or `--incident new`",
        )
    return next((one for one in open_ones if one.id == chosen), None)


def still_open(incident: Incident) -> Incident:
    """Raises BadInput where an incident is resolved or frozen."""
    if incident.status != "open":
        raise BadInput(
            f"incident {incident.id} is {incident.status}",
            state="nothing was attempted",
            next="--incident new opens another",
        )
    return incident


def read_onset(text: str, now: datetime) -> datetime:
    """Read when an incident began: ``now``, ``10m`` or ``10m ago``, ``02:15`` (UTC; last night's
    where today's is still to come), or ISO. Raises BadInput."""
    from omniops.text import seconds

    words = text.strip().lower().removesuffix("ago").strip()
    try:
        if words in ("", "now"):
            return now
        if words[-1] in "smhd":
            moment = now - timedelta(seconds=seconds(words))
        elif len(words) == 5 and words[2] == ":":
            moment = now.replace(hour=int(words[:2]), minute=int(words[3:]), second=0, microsecond=0)
            moment = _of_last_night(moment, now)
        else:
            moment = parse_iso(text.strip())
    except (ValueError, OverflowError):
        raise BadInput(
            f"{text.strip()!r} is no moment",
            why="write now, 10m (ago), 02:15 (UTC), or 2026-11-23T02:15Z",
            state="nothing was attempted",
            next="--onset 10m",
        ) from None
    if moment > now + timedelta(minutes=1):
        raise BadInput(
            f"the onset {iso(moment)} lies in the future",
            why=f"it is {iso(now)} now",
            state="nothing was attempted",
            next="--onset now",
        )
    if moment < now - OLDEST:
        raise BadInput(
            f"the onset {moment:%Y-%m-%d} lies more than a year back",
            why=f"it is {iso(now)} now",
            state="nothing was attempted",
            next="--onset 10m",
        )
    return min(moment, now)


def _of_last_night(moment: datetime, now: datetime) -> datetime:
    """An hour of the clock without its day: today's, or the one of last night. Raises BadInput where it would lie more
    than half a day back: at 01:44 the 02:15 of somebody else's clock is meant, or nothing that can be guessed."""
    if moment <= now + timedelta(minutes=1):  # another clock's
        return moment
    before = moment - timedelta(days=1)
    if now - before <= HALF_A_DAY:
        return before
    raise BadInput(
        f"{moment:%H:%M} (UTC) has not been yet, and yesterday's was {duration(now - before)} ago",
        why=f"it is {now:%H:%M} in UTC now",
        state="nothing was attempted",
        next=f"--onset 10m; or, where yesterday is meant: --onset {before:%Y-%m-%dT%H:%MZ}",
    )


def ask_onset(person: Person, now: datetime, given: str) -> datetime:
    """When it began: as given, else asked, else (with nobody to ask) now, and said so."""
    if given:
        return read_onset(given, now)

    def check(text: str) -> str:
        try:
            read_onset(text, now)
        except BadInput as error:
            return f"{error.what}: {error.why}"
        return ""

    try:
        answer = person.text("onset", "When did it begin (now, 10m ago, 02:15 UTC)?", None, check, default="now")
    except NeedsPerson:
        person.say("Onset: taken as now (--onset says otherwise).", "dim")
        return now
    return read_onset(answer or "now", now)


SERVER = "server"
"""The target of every run that may change the whole server: a rollback, a restore, a restart."""


def changes_server(graph: Graph) -> bool:
    """Whether a runbook, called ones included, has a step that changes the whole server."""
    from omniops.actions.specs import SPECS

    return any(SPECS[step["action"]].whole for step in graph["steps"].values() if step["kind"] == "action")


class Plan:
    """What a new run needs to begin. ``targets``: what it was given to change (ids of connections, a version)."""

    def __init__(
        self,
        graph: Graph,
        inputs: dict[str, Any],
        targets: Sequence[str],
        incident: Incident | None,
        onset: datetime,
        title: str,
        until: str = "",
    ) -> None:
        self.graph, self.inputs = graph, inputs
        self.targets = [*targets, *([SERVER] if changes_server(graph) else [])]
        self.incident, self.onset, self.title, self.until = incident, onset, title, until


def begin(journal: Journal, clock: Clock, plan: Plan, where: dict[str, str]) -> RunState:
    """Open the run, and its incident where there is none, in one transaction.

    Raises NeedsPerson when a run that changes the same is open already, whoever walks it, and BadInput when the
    incident is not open any more.
    """
    from omniops.journal.lease import me

    def attempt() -> RunState:
        length = journal.length("runs")
        refuse_double(journal, plan)
        while journal.length(f"run/{(run := f'r{os.urandom(2).hex()}')}"):
            pass
        events: list[New] = []
        if plan.incident is None:
            taken = [stream.removeprefix("incident/") for stream in journal.streams("incident/")]
            id = new_id(clock.now(), plan.title, taken)
            opened = {"title": plan.title, "onset": iso(plan.onset)}
            events.append(New(f"incident/{id}", 0, "incident.opened", opened))
        else:
            id = plan.incident.id
            # In the incident's own stream too, so that it cannot be resolved, or frozen, in between.
            joined = {"run": run, "runbook": plan.graph["id"]}
            events.append(New(f"incident/{id}", still_open(incident_of(journal, id)).n, "run.joined", joined))
        summary = {"run": run, "runbook": plan.graph["id"], "incident": id, "targets": plan.targets}
        events.append(New("runs", length, "run.opened", summary))
        started = {
            "run": run,
            "runbook": plan.graph["id"],
            "incident": id,
            "onset": iso(plan.onset),
            **({"page_at": plan.incident.page_at} if plan.incident and plan.incident.page else {}),
            "until": plan.until,
            "inputs": plan.inputs,
            "targets": plan.targets,
            "drill": journal.drill,
            **where,
            "graph": plan.graph,
        }
        events.append(New(f"run/{run}", 0, "run.started", started))
        events.append(New(f"run/{run}", None, "lease.taken", {**me(), "how": "started"}))
        written = journal.append(events)
        return RunState(event for event in written if event.stream == f"run/{run}")

    return retry_on_conflict(attempt, "nothing was begun")


def refuse_double(journal: Journal, plan: Plan) -> None:
    """Refuse a second walk that would change what another one may be changing, whichever runbooks they are of; and a
    second walk of one runbook that names nothing it changes. Raises NeedsPerson."""
    for run, open_run in open_runs(journal).items():
        common = set(open_run["targets"]) & set(plan.targets)
        unnamed = open_run["runbook"] == plan.graph["id"] and not (open_run["targets"] and plan.targets)
        if not common and not unnamed:
            continue
        typed = Commands(journal.drill)
        named = ", ".join(sorted(common - {SERVER}))
        both = "; both change the whole server" if common == {SERVER} else ""
        raise NeedsPerson(
            f"{open_run['runbook']}{f' on {named}' if named else ''} is being walked already: run {run}",
            why=f"begun by {open_run['by']} at {open_run['since']}, and not ended{both}",
            state="nothing was attempted",
            next=", or end it: ".join(word for word in (typed.resume(run), typed.end(run)) if word),
        )


def left_by(journal: Journal, run: str) -> RunState:
    """A run as it was left: all that whoever takes it over needs."""
    return RunState(journal.read(f"run/{run}", without=LOOKS))


def take_over(journal: Journal, state: RunState, *, confirm: Callable[[str], bool], how: str = "resumed") -> None:
    """Take the lease of a run that nobody walks. Proof that the holder is dead, or a person's word (``confirm``).
    ``how``: as it is written down where there was no holder.

    Raises NeedsPerson when somebody else walks it, and is alive or may be.
    """
    from omniops.journal.lease import holder_state, me

    if state.holder is not None:
        holder = state.holder
        condition = holder_state(holder)
        who = f"{holder['actor']} on {holder['host']} (pid {holder['pid']})"
        if condition == "dead":
            how = "the holder is dead"
        elif not confirm(f"Run {state.run} is held by {who}, which is {condition}. Take it over?"):
            take_it = Commands(journal.drill).take_over(state.run)
            raise NeedsPerson(
                f"run {state.run} is held by {who}",
                why=f"that process is {condition}"
                if condition != "unknown"
                else "whether it is alive cannot be told from here",
                state="nothing was attempted",
                next=", or take it over: ".join(word for word in ("stop it there", take_it) if word),
            )
        else:
            how = "a person's word"
    taken = New(f"run/{state.run}", state.n, "lease.taken", {**me(), "how": how})
    try:
        for event in journal.append([taken]):
            state.apply(event)
    except Conflict:
        raise NeedsPerson(
            f"somebody else has just taken run {state.run}",
            state="nothing was attempted",
            next="omniops incident list shows who",
        ) from None


def release(journal: Journal, state: RunState, why: str) -> None:
    """Give the lease back. Quietly: another holder, or a journal that cannot be written, is no news here."""
    from contextlib import suppress

    released = New(f"run/{state.run}", state.n, "lease.released", {"why": why})
    with suppress(Exception):
        for event in journal.append([released]):
            state.apply(event)


def pick_run(journal: Journal, person: Person, wanted: str) -> str:
    """The run to resume: the one named, else the only open one, else chosen; "" where none is open."""
    if wanted:
        return wanted.removeprefix("run/")
    runs = open_runs(journal)
    if len(runs) <= 1:
        return next(iter(runs), "")
    options = [Option(run, f"{data['runbook']} ({data['incident']})", f"by {data['by']}") for run, data in runs.items()]
    try:
        chosen = person.choose("run", "Which run?", options, None)
    except NeedsPerson:
        chosen = None
    if not chosen:
        raise NeedsPerson(
            "several runs are open",
            why=", ".join(f"{run} ({data['runbook']})" for run, data in runs.items()),
            state="nothing was attempted",
            next=Commands(journal.drill).resume(next(iter(runs))),
        )
    return chosen


def left_behind(journal: Journal, runbook: str, incident: str) -> str:
    """The open run of a runbook that no living process of this machine holds: what was typed is typed again, by who
    cannot know how far it came. ``incident``: whose, "" for any. "" where there is none."""
    from omniops.journal.lease import holder_state

    for run, opened in open_runs(journal).items():
        if opened["runbook"] != runbook or incident not in ("", opened["incident"]):
            continue
        holder = left_by(journal, run).holder
        if holder is None or holder_state(holder) == "dead":
            return run
    return ""
