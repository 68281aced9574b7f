"""Steps that a person takes: questions, manual work, words to post, and the choice after a failure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from omniops.engine.next import skip_target
from omniops.engine.refs import Undefined, resolve
from omniops.errors import BadInput, Broken, InDoubt, NeedsPerson, OmniopsError, Refused, Unreachable, Waiting
from omniops.journal.events import New
from omniops.runner.person import Option, PauseAsked

if TYPE_CHECKING:
    from omniops.runner.walk import Walk

_GUIDED = {
    "retry": ("Try again", ""),
    "skip": ("Skip this step", "asks for the reason"),
    "undo": ("Undo what this run changed, and end it", "repairs stay"),
    "pause": ("Pause", "`omniops resume` goes on from here"),
    "abort": ("End the run here", "what was changed stays changed"),
}
_ERRORS: dict[str, type[OmniopsError]] = {
    "refused": Refused,
    "unreachable": Unreachable,
    "not_applied": Unreachable,
    "in_doubt": InDoubt,
    "bad_input": BadInput,
    "person": NeedsPerson,
    "declined": NeedsPerson,
    "waiting": Waiting,
}


def ask(walk: Walk, step: str, expires: datetime | None) -> None:
    """Put the question; the answer is journalled together with where it leads."""
    node = walk.state.step(step)
    spec, question = node["ask"], walk.words(node.get("text", ""))
    value = _answer(walk, step, spec, question, expires)
    if value is None:
        walk.finish(step, "declined", before=[("answered", {"step": step, "value": None})])
        return
    go = spec["choices"][value]["go"] if spec["type"] == "choice" else ""
    walk.finish(step, "success", go=go, outputs={"value": value}, before=[("answered", {"step": step, "value": value})])


def _answer(walk: Walk, step: str, spec: dict[str, Any], question: str, expires: datetime | None) -> Any:
    person = walk.person
    kind = spec["type"]
    if kind == "choice":
        options = [Option(key, walk.words(choice["label"])) for key, choice in spec["choices"].items()]
        options = marked(options, suggestion(walk, spec))
        unattended = spec.get("unattended", "")
        return walk.ask(lambda until: person.choose(step, question, options, until, unattended), expires)
    if kind == "backup":
        found = resolve(spec["options"], walk.state.scope())
        options = [Option(str(b["path"]), str(b.get("name") or b["path"]), _backup(b)) for b in found]
        return walk.ask(lambda until: person.choose(step, question, options, until), expires)
    if kind in ("connections", "version"):
        from omniops.actions import resolve as targets

        def read(text: str) -> Any:
            return (
                targets.connections(walk.context(step).omniroute, text)
                if kind == "connections"
                else targets.version(text, walk.ctx.settings)
            )

        def check(text: str) -> str:
            try:
                read(text)
            except OmniopsError as error:
                return ". ".join(part for part in (error.brief, error.next) if part)
            return ""

        hint = suggestion(walk, spec)
        text = walk.ask(lambda until: person.text(step, question, until, check, hint), expires)
        if text is None:
            return None
        found = read(text)
        if kind == "connections" and len(found) > 1:
            names = ", ".join(str(one["target"]) for one in found)
            person.say(f"{text.strip()} is {len(found)} connections: {names}. Each is asked about.", "warn")
        return found
    return walk.ask(
        lambda until: person.text(step, question, until, lambda text: "" if text else "it is empty"), expires
    )


def suggestion(walk: Walk, spec: dict[str, Any]) -> str:
    """What omniops would answer: an earlier step's output; "" where it has none."""
    if not spec.get("suggest"):
        return ""
    try:
        return str(resolve(spec["suggest"], walk.state.scope()) or "")
    except Undefined:
        return ""


def marked(options: list[Option], key: str) -> list[Option]:
    """The options, the suggested one marked. Their order stays, so that 2 is SEV-2 whatever is suggested."""
    return [one._replace(detail="suggested", suggested=True) if one.key == key else one for one in options]


def _backup(candidate: dict[str, Any]) -> str:
    return " · ".join(str(candidate[key]) for key in ("age", "size", "rows") if candidate.get(key))


def manual(walk: Walk, step: str, expires: datetime | None) -> None:
    """Something a person does by hand."""
    words = walk.words(walk.state.step(step).get("text", ""))
    did = True if walk.dry else walk.ask(lambda until: walk.person.done(step, words, until), expires)
    walk.finish(step, "success" if did else "declined", before=[("answered", {"step": step, "value": did})])


def post(walk: Walk, step: str) -> None:
    """Words to post: through Slack or to the status page where that is set up, else shown ready to paste. The journal
    knows which of the two happened, and whether somebody said it was posted."""
    node = walk.state.step(step)
    if walk.is_frozen():
        walk.finish(step, "declined", detail="frozen: the incident is on the security path")
        return
    words = walk.words(node.get("text", ""))
    if not walk.dry and not words:
        from omniops.runner import people

        people.tell(walk, step, node["channel"])
        return
    if not walk.dry:
        from omniops.runner import posting

        if posting.through_outbox(walk, step, node["channel"], words):
            return
    how, did = "posted by hand", False
    try:
        did = False if walk.dry else walk.ask(lambda until: walk.person.posted(step, node["channel"], words, until))
    except NeedsPerson:
        how = "shown; nobody confirmed that it was posted"
        walk.person.say(f"For {node['channel']}, ready to paste: {words}", "warn")
    answer = {
        "step": step,
        "value": did,
        "channel": node["channel"],
        "how": how if did else how.replace("posted by", "not posted by"),
    }
    if not did and how == "posted by hand" and not walk.dry:
        from omniops.runner.posting import STATUS_PAGE, unposted, untold

        untold(walk, node["channel"], node["channel"] == STATUS_PAGE)
        answer |= unposted(walk, node["channel"], words)
    fulfilled = _fulfilled(walk) if did and node["channel"] == "status-page" and not walk.is_frozen() else []
    walk.finish(step, "success" if did else "declined", before=[("answered", answer)], also=fulfilled)


def _fulfilled(walk: Walk) -> list[New]:
    """What was put on the status page by hand is the banner of 4.1.4, and an update of section 5; what waits to say the
    same is not sent any more."""
    from omniops.runner.by_hand import given_up

    stream, how = f"incident/{walk.state.started['incident']}", f"posted by hand, in run {walk.state.run}"
    events = walk.journal.read(stream)
    dropped = {new.data["id"]: new for id in ("banner", "status") for new in given_up(events, id)}
    done = [New(stream, None, "comms.done", {"obligation": id, "how": how}) for id in ("banner", "status")]
    return [*done, *dropped.values()]


def guide(walk: Walk, step: str, detail: str, cause: str, choices: tuple[str, ...]) -> None:
    """After a failure a person decides. Without one, the error itself ends the command; the run stays open."""
    from omniops.runner import undo

    options = [Option(key, *_GUIDED[key]) for key in choices]
    title = walk.words(walk.state.step(step)["title"])
    question = f"{title}: declined. What now?" if cause == "declined" else f"{title} failed: {detail}. What now?"
    if cause == "declined":
        from omniops.runner.report import stands

        walk.person.say(f"{stands(walk.state)}.", "warn")
    try:
        choice = walk.ask(lambda until: walk.person.choose(f"{step}.on_failure", question, options, until)) or "pause"
    except NeedsPerson:
        raise _error(walk, step, detail, cause) from None
    if choice == "pause":
        raise PauseAsked
    data: dict[str, Any] = {"step": step, "choice": choice}
    if choice == "skip":
        if not walk.is_frozen():  # on the security path no details are asked for
            data["reason"] = walk.person.reason(f"{step}.reason", "Why is it right to skip this step?")
        data["go"] = skip_target(walk.state.step(step))
    if choice == "undo":
        undo.everything(walk)
    walk.record(("guided", data))


def _error(walk: Walk, step: str, detail: str, cause: str) -> OmniopsError:
    changed = [record for record in walk.state.changes.records.values() if record.in_force]
    kind = _ERRORS.get(cause, Broken)
    if kind in (Unreachable, Broken):
        kind = Broken if changed else Unreachable  # 6 says that something was changed, 5 that nothing was
    stands = "; ".join(f"{r.intent['target']}: {'in doubt' if r.status == 'open' else 'changed'}" for r in changed)
    return kind(
        f"{walk.words(walk.state.step(step)['title'])}: {detail or 'declined'}",
        state=(stands or "nothing has been changed") + f"; run {walk.state.run} is open at step {step}",
        next=walk.typed.resume(walk.state.run),
    )
