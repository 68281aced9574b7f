"""`omniops tick`: sends what is owed, records what has to be recorded, and says what is due. It asks nobody.

A message to a service that is down waits for its own next moment; whoever runs `tick` from a timer need not.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from omniops.clock import Clock
from omniops.config import Settings
from omniops.errors import BadInput, Exit
from omniops.incident import due as judge
from omniops.incident.due import CLOCK, NOW, SOON, Due
from omniops.incident.outbox import Message, next_due
from omniops.journal.events import Journal
from omniops.runner import outbox
from omniops.runner.held import held

if TYPE_CHECKING:
    from omniops.engine.state import RunState
    from omniops.incident.obligations import Obligation

BUDGET_S = 30.0
AFTERWARDS_S = 2.0


class Tick(NamedTuple):
    """What one tick did and found."""

    changed: list[Message]  # that this tick sent, failed to send, showed or dropped, as they are now
    due: list[Due]
    waiting: int  # messages that are still owed
    next: str  # the moment at which one of them is tried again, ISO; "" = none is
    recorded: str  # what else was recorded, in words; "" = nothing

    @property
    def exit(self) -> Exit:
        """NO (1): something is due that needs a person. WAITING (8): nothing but clocks. DONE (0): nothing is due.
        What is merely in force changes nothing."""
        urgencies = {one.urgency for one in self.due}
        if NOW in urgencies:
            return Exit.NO
        return Exit.WAITING if urgencies & {SOON, CLOCK} else Exit.DONE

    def as_json(self) -> dict[str, Any]:
        """The answer ``omniops.tick/1``."""
        return {
            "schema": "omniops.tick/1",
            "messages": [one.as_json() for one in self.changed],
            "due": [one.as_json() for one in self.due],
            "waiting": self.waiting,
            "next": self.next or None,
            "recorded": self.recorded or None,
        }


def tick(
    settings: Settings,
    clock: Clock,
    journal: Journal,
    *,
    budget_s: float = BUDGET_S,
    show: outbox.Show | None = None,
) -> Tick:
    """Flush the outbox for at most about ``budget_s``, then look at what is due. Raises OmniopsError only where the
    journal cannot be read or written."""
    from omniops.runner.wiring import clients_of

    clients = clients_of(settings, clock)
    with suppress(BadInput):  # a communication.yaml that is wrong: `everything` says so, and what is owed is sent
        keep_headlines(settings, clock, journal)
    changed = outbox.flush(settings, clock, journal, clients, budget_s=budget_s, show=show)
    recorded = _record(settings, clock, journal)
    owed = [one for one in outbox.messages(journal) if one.owed]
    return Tick(changed, everything(settings, clock, journal, owed), len(owed), next_due(owed), recorded)


def everything(settings: Settings, clock: Clock, journal: Journal, owed: list[Message] | None = None) -> list[Due]:
    """All that is due, the most urgent first."""
    from omniops.incident.view import MITIGATION_KINDS, mitigations
    from omniops.runner.comms import obligations_of
    from omniops.runner.known import incidents

    now = clock.now()
    if owed is None:
        owed = [one for one in outbox.messages(journal) if one.owed]
    found = judge.of_messages(owed, unable(settings, owed), now)
    for incident in incidents(journal):
        if incident.status == "open":
            found += judge.of_page(incident, now)
    try:
        found += judge.of_obligations(obligations_of(journal, now, folder=settings.user_runbooks), now)
    except BadInput as error:
        found.append(Due("obligation", "", f"what is owed to whom cannot be told: {error.brief}", NOW, next=error.next))
    if events := journal.read("oncall"):
        from omniops.incident.handoff import due

        found += due(events, now)
    if held(settings):
        words = "4.5 was entered, and its freeze is not written down: nothing leaves from here until it is"
        found.append(Due("freeze", "", words, NOW, next="omniops mitigate security --until freeze"))
    for state, frozen in _open(journal):
        found += _unreached(state, journal.drill) if frozen else judge.of_run(state, now)
    found += judge.of_mitigations(mitigations(journal.kinds(MITIGATION_KINDS)), now)
    order = (NOW, SOON, CLOCK)
    return sorted(found, key=lambda one: order.index(one.urgency) if one.urgency in order else len(order))


def unable(settings: Settings, owed: list[Message]) -> set[str]:
    """The ids of messages that cannot be sent from here: nothing is set up for them, or their engine is not known."""
    from omniops.runner.engines.registry import find

    found = set()
    for one in owed:
        engine = find(one.engine)
        if engine is None or not engine.configured(settings, one):
            found.add(one.id)
    return found


def _unreached(state: RunState, drill: bool) -> list[Due]:
    """Of a frozen incident's run nothing is said but that nobody has been reached: without details, until somebody
    is."""
    from omniops.incident.typed import Commands
    from omniops.runner.reached import unreached

    if not unreached(state):
        return []
    words = "the security on-call is not known to have been reached"
    return [Due("page", str(state.started["incident"]), words, NOW, next=Commands(drill).resume(state.run))]


def _open(journal: Journal) -> list[tuple[RunState, bool]]:
    """The open runs of what is not resolved, and whether it is frozen."""
    from omniops.engine.state import RunState
    from omniops.runner.known import incident_of, open_runs

    found = []
    for run, data in open_runs(journal).items():
        incident = incident_of(journal, data["incident"])
        if not incident.resolved:
            found.append((RunState(journal.read(f"run/{run}")), bool(incident.frozen)))
    return found


def _record(settings: Settings, clock: Clock, journal: Journal) -> str:
    """Figures that somebody will want to compare with later."""
    from omniops.runner.baseline import record_now

    return record_now(settings, clock, journal)


def afterwards(settings: Settings, clock: Clock, journal: Journal, show: outbox.Show | None = None) -> list[Message]:
    """The tick that every command ends with: headlines are brought up to date, and where a message may be waiting, the
    outbox is flushed for a moment. Returns the messages that this changed. Raises OmniopsError as ``tick`` does."""
    with suppress(BadInput):
        keep_headlines(settings, clock, journal)
    if not worth_a_tick(journal):
        return []
    from omniops.runner.wiring import clients_of

    clients = clients_of(settings, clock)
    return outbox.flush(settings, clock, journal, clients, budget_s=AFTERWARDS_S, show=show)


def keep_headlines(settings: Settings, clock: Clock, journal: Journal) -> None:
    """Owe a headline to each incident whose channel says something that is not true any more; and to whoever else is to
    know, that it has begun or is over."""
    if journal.counts().get("severity"):
        from omniops.runner.headline import keep_all

        keep_all(journal, clock.now(), settings)
        if settings.has_secret("APPRISE_URLS"):
            from omniops.runner.comms import rules_of
            from omniops.runner.elsewhere import tell_all

            tell_all(journal, clock.now(), settings, rules_of(settings.user_runbooks))


def owed(settings: Settings, clock: Clock, journal: Journal) -> list[Obligation]:
    """What is owed to somebody and still open, soonest first (section 5); a cheap look where nothing can be."""
    counts = journal.counts()
    if not counts.get("severity") and not counts.get("run.opened"):
        return []
    from omniops.runner.comms import obligations_of

    found = obligations_of(journal, clock.now(), folder=settings.user_runbooks)
    return [one for one in found if one.open]


def worth_a_tick(journal: Journal) -> bool:
    """Can a message be waiting? Where none was ever queued, that is told without reading an event. Ends are not
    counted: one message may have two of them, where a freeze or another sender was faster."""
    if not journal.counts().get("message.queued"):
        return False
    return any(one.state in ("waiting", "sending") or one.due or not one.recorded for one in outbox.messages(journal))


def moved(changed: list[Message]) -> list[tuple[str, str]]:
    """One line, with its tone, for each message that has gone out or was dropped; what waits is said by what is due."""
    said = []
    for one in changed:
        name = f"{one.about} to {judge.target(one)}"
        if one.state == "sent":
            said.append((f"sent: {name}" + (f" ({one.how})" if one.how else ""), "good"))
        elif one.state == "dropped":
            said.append((f"dropped: {name}: {one.why}", "warn"))
    return said


def lines(done: Tick) -> list[tuple[str, str]]:
    """One line for each message that moved and each thing that is due, with its tone."""
    said = moved(done.changed)
    tones = {NOW: "bad", SOON: "warn"}
    for due in done.due:
        what = f"{due.words}" + (f"   ({due.next})" if due.next else "")
        said.append((what, tones.get(due.urgency, "")))
    if done.recorded:
        said.append((done.recorded, "dim"))
    return said or [("Nothing is due.", "")]
