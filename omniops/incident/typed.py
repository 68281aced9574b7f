"""What to type next, as it is told everywhere. A drill has commands of its own, which know their last run. Pure."""

from __future__ import annotations

from omniops.value import Value


def about(next: str, incident: str) -> str:
    """A command with the incident in it that it is about, for where the bare one could take another."""
    if next.startswith("omniops comms "):
        return f"{next} --incident {incident}"
    return f"{next} {incident}" if next.startswith(("omniops incident resolve", "omniops postmortem ")) else next


def by_hand(incident: str) -> str:
    """How to write down that the traffic has recovered where omniops cannot look at it, and go on to the end."""
    note = f'omniops incident note "recovered: seen by WHOM, WHERE" --incident {incident}'
    return f"{note}; then omniops incident resolve {incident}"


class Commands(Value):
    """The commands that go on from here: for real ones ``Commands()``, for a drill's ``Commands(drill=True)``."""

    drill: bool = False

    def resume(self, run: str) -> str:
        """Go on with a run."""
        return "omniops drill resume" if self.drill else f"omniops resume {run}"

    def take_over(self, run: str) -> str:
        """Take a run from a holder who may be alive; "" in a drill, which one person walks."""
        return "" if self.drill else f"omniops resume {run} --take-over"

    def end(self, run: str) -> str:
        """End a run instead; "" in a drill, which is left by beginning another one."""
        return "" if self.drill else f'omniops resume {run} --abort "..."'

    def again(self, runbook: str, incident: str) -> str:
        """Begin a runbook that has ended, once more."""
        if self.drill:
            return "omniops drill list"
        return f"omniops checklist {incident}" if runbook == "first-15-minutes" else f"omniops mitigate {runbook}"

    def resolve(self, incident: str) -> str:
        """Close the incident; "" in a drill, which ends by itself."""
        return "" if self.drill else f"omniops incident resolve {incident}"

    def tell(self, status_page: bool) -> str:
        """Tell the channel or the status page later what was not posted now; "" in a drill, which comes to it."""
        return "" if self.drill else f"omniops comms {'status' if status_page else 'post'}"

    def undo(self, id: str = "", option: str = "") -> str:
        """Put one change back, or all without an ``id``."""
        words = ("omniops drill undo" if self.drill else "omniops undo", id, option)
        return " ".join(word for word in words if word)

    def mitigations(self) -> str:
        """See what is still in force."""
        return "omniops drill mitigations" if self.drill else "omniops mitigations"

    def keep(self, id: str) -> str:
        """Keep a change on purpose; "" in a drill, where nothing lasts."""
        return "" if self.drill else f'omniops mitigations keep {id} --reason "..."'
