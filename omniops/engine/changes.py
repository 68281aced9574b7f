"""What a run changed, or may have changed: folded from intents and what became of them. Mitigations are read off it."""

from __future__ import annotations

from typing import Any

from omniops.actions.specs import SPECS
from omniops.journal.events import Event


class Item:
    """One thing to write: an item of an action, or the undo of one. Its phase follows from these."""

    __slots__ = ("approved", "approved_at", "done", "intent", "outcome", "settled", "tries", "unanswered")

    def __init__(self) -> None:
        self.approved = ""  # what the operator approved: the bound hash
        self.intent: dict[str, Any] | None = None
        self.outcome: dict[str, Any] | None = None
        self.settled: dict[str, Any] | None = None  # the `reconciled` event's data
        self.done: dict[str, Any] | None = None
        self.approved_at = ""
        self.tries = 0  # intents written, so that each has a key of its own
        self.unanswered = 0  # of these, the ones in a row that a crash cost, or that came too late to be sent

    def begin(self, intent: dict[str, Any]) -> None:
        self.intent, self.outcome, self.settled = intent, None, None
        self.tries += 1

    def forget(self) -> None:
        """Take it up again from the start, because a person says so: what was sent has been judged."""
        self.intent = self.outcome = self.settled = None
        self.unanswered = 0

    @property
    def status(self) -> str:
        """ "" (no intent), "open" (unknown what became of it), "applied", "not_applied" or "failed"."""
        if self.intent is None:
            return ""
        judged = self.settled or self.outcome
        if judged is None or judged["status"] == "in_doubt":
            return "open"
        return str(judged["status"])


class Record:
    """One change: the intent, what became of it, and whether it was put back."""

    __slots__ = (
        "after",
        "again",
        "approved",
        "approved_at",
        "at",
        "intent",
        "key",
        "seq",
        "status",
        "stream",
        "time",
        "undo",
        "undone",
        "who",
    )

    def __init__(self, event: Event) -> None:
        self.seq, self.stream, self.time, self.who = event.seq, event.stream, event.time, event.actor
        self.intent = event.data
        self.key: str = event.data["key"]
        self.status = "open"
        self.at = event.time  # the server's time of the change, where it said so
        self.after: dict[str, Any] = event.data["desired"]
        self.undo: Item | None = None
        self.approved = ""  # the undo that the operator approved: the bound hash
        self.approved_at = ""
        self.undone = ""
        self.again = ""  # key of a later intent for the same item that took effect: this one is a part of that

    @property
    def id(self) -> str:
        """How people name it: ``m`` and the intent's place in the journal."""
        return f"m{self.seq}"

    @property
    def stands(self) -> str:
        """How its target stands because of it, in words: "the cluster is STOPPED"."""
        if self.status != "applied":
            return f"{self.intent['target']} MAY HAVE BEEN CHANGED"
        spec = SPECS.get(self.intent["action"])
        return f"{self.intent['target']} is {(spec.stands if spec else '') or 'CHANGED'}"

    @property
    def in_force(self) -> bool:
        """Something of it is out there, or may be."""
        return not self.undone and not self.again and self.status != "not_applied"

    @property
    def in_doubt(self) -> bool:
        return self.in_force and self.status == "open"

    @property
    def to_put_back(self) -> bool:
        """In force, and there is a way back."""
        return self.in_force and self.reversible

    @property
    def on_list(self) -> bool:
        """Not to be forgotten: to be put back, or to be looked at by a person."""
        return self.to_put_back or self.in_doubt

    @property
    def repair(self) -> bool:
        """It mends what was broken (a restore, a rollback): putting it back is a decision, not tidying up."""
        return bool(self.intent.get("repair"))

    @property
    def reversible(self) -> bool:
        return bool(self.intent.get("undo"))


class ChangeLog:
    """Every change of one run, or of all of them."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.undoing = ""  # key of the change whose undo was begun and is not settled

    @property
    def in_doubt(self) -> list[Record]:
        """The changes of which nobody can tell whether they took effect."""
        return [record for record in self.records.values() if record.in_doubt]

    def apply(self, event: Event) -> None:
        data = event.data
        if event.kind == "intent":
            if data.get("undo_of"):
                undo = Item()
                undo.begin(data)
                self.records[data["undo_of"]].undo = undo
                self.undoing = data["undo_of"]
            else:
                self.records[data["key"]] = Record(event)
        elif event.kind in ("outcome", "reconciled"):
            self._judged(event)
        elif event.kind == "item.done":
            self._done(data)
        elif event.kind == "approved" and data.get("undo_of"):
            record = self.records[data["undo_of"]]
            record.approved, record.approved_at = data["bound"], event.time
        elif event.kind == "undone":
            self.records[data["key"]].undone = event.time
            self.undoing = ""

    def _done(self, data: dict[str, Any]) -> None:
        key = data.get("key", "")
        if key:
            record = self.records[key]
            record.after = data.get("after") or record.after
            if data["outcome"] == "failure" and data.get("cause") == "in_doubt":
                record.status = "open"  # the server took it, and reading it back does not show it
        if data["outcome"] != "success":
            return
        for record in self.in_doubt:  # earlier attempts that nobody saw the end of
            if (record.intent["step"], record.intent["item"]) == (data["step"], data["item"]):
                record.status, record.again = "applied", key if key != record.key else ""

    def _judged(self, event: Event) -> None:
        data = event.data
        if data.get("undo_of"):
            undo = self.records[data["undo_of"]].undo
            assert undo is not None
            if event.kind == "outcome":
                undo.outcome = data
            else:
                undo.settled = data
            if undo.status in ("not_applied", "failed"):
                self.undoing = ""
            return
        record = self.records[data["key"]]
        record.status = "open" if data["status"] == "in_doubt" else data["status"]
        record.at = data.get("at") or record.at
