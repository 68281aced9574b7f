"""Steps that read: an action with effect ``read``, and omniops' own notes about the incident."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omniops.actions.specs import SPECS
from omniops.engine.refs import Undefined
from omniops.errors import OmniopsError
from omniops.journal.events import New
from omniops.runner.own.table import find as find_own

if TYPE_CHECKING:
    from omniops.runner.walk import Walk


def read(walk: Walk, step: str) -> None:
    """Perform a read and finish the step with its outputs."""
    name = walk.state.step(step)["action"]
    try:
        args = walk.args(step)
    except Undefined as unknown:
        walk.finish(step, "failure", detail=str(unknown), cause="undefined")
        return
    if SPECS[name].effect == "own":
        _own(walk, step, name, args)
        return
    own = find_own(name)
    try:
        outputs: dict[str, Any] = own(walk, args) if own else walk.find(name).read(walk.context(step), args)
    except OmniopsError as error:
        walk.failed(step, error)
        return
    if not own or outputs.get("summary"):  # the others have said themselves what they found
        walk.person.say(summary(outputs))
    walk.finish(step, "success", outputs=outputs)


def _own(walk: Walk, step: str, name: str, args: dict[str, Any]) -> None:
    """Declare a severity, or freeze: the incident's stream learns it together with the step's end."""
    incident = walk.state.started["incident"]
    stream = f"incident/{incident}"
    dropped: list[New] = []
    if name == "incident.declare":
        from omniops.incident.signals import parse_severity

        args = {"severity": parse_severity(str(args["severity"]))}  # an answer says sev-1
        news = New(stream, None, "severity", {"severity": args["severity"], "why": f"runbook {walk.state.graph['id']}"})
        walk.person.say(f"{'Would declare' if walk.dry else 'Declared'} {args['severity']}.", "warn")
    else:
        from omniops.runner.freezing import freeze

        dropped = freeze(walk.journal, incident)
        news = New(stream, None, "frozen", {"by": f"run {walk.state.run}"})
        if walk.dry:
            walk.person.say("Would freeze: nothing more about this incident would be sent.", "warn")
    walk.finish(step, "success", outputs=args, also=[news, *dropped])
    if name == "incident.freeze":
        walk.state.frozen = True
        if not walk.dry:
            from omniops.runner.held import release

            release(walk.ctx.settings)
            words = "Frozen: omniops sends nothing more about this incident, and its clocks have stopped."
            walk.person.say(words, "warn")
    if name == "incident.declare":
        walk.keep_headline()


def summary(outputs: dict[str, Any]) -> str:
    """One line of what a read found: its own summary, else its short values."""
    if outputs.get("summary"):
        return str(outputs["summary"])
    short = {
        k: v for k, v in outputs.items() if isinstance(v, (str, int, float)) and v != "" and not k.endswith("_text")
    }
    return " · ".join(f"{key.replace('_', ' ')}: {_word(value)}" for key, value in short.items()) or "read"


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
