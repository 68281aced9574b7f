"""`omniops oncall who | schedule | override | swap | handoff | sync`: section 6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from omniops.cli.context import clock, emit, open_journal, settings, streams
from omniops.cli.options import Json, all_given

if TYPE_CHECKING:
    from omniops.incident.rota import Cover
    from omniops.runner.handoff import Done
    from omniops.runner.oncall import Desk

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
MOST_WEEKS = 104
RoleName = Annotated[str, typer.Option("--role", metavar="ROLE", help="engineering, security, data or comms.")]
Yes = Annotated[bool, typer.Option("--yes", help="Approve it; nothing is asked.")]


def _desk(*, create: bool = False) -> Desk:
    from omniops.runner.oncall import desk

    return desk(open_journal(create=create), settings().user_runbooks)


@app.command()
def who(
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help='now, "2026-11-30 09:00" on the wall, or ISO.')
    ] = "now",
    role: RoleName = "",
    json: Json = False,
) -> None:
    """Who is on call, now or at a time. Exit 1 where a role that was asked for names nobody."""
    from omniops.clock import iso
    from omniops.runner.oncall import open_handoffs, unwritten
    from omniops.runner.oncall import who as ask

    here, now = _desk(), clock().now()
    moment = here.moment(at, now, "--at")
    found, waiting = ask(here, moment, role), open_handoffs(here, now)
    missing = unwritten(here, now, settings().operator)
    if json:
        rows = [
            {
                "role": one.role.id,
                "title": one.role.role,
                "source": {
                    "primary": one.role.primary,
                    "secondary": one.role.secondary or None,
                    "rotation": one.role.rotation,
                },
                **one.duty.as_json(),
                "notes": one.notes,
            }
            for one in found
        ]
        emit(
            {
                "schema": "omniops.oncall/1",
                "at": iso(moment),
                "zone": here.rota.zone,
                "roles": rows,
                "priorities": here.rota.priorities,
                "unacknowledged": [one.as_json() for one in waiting],
                "unwritten": missing,
            }
        )
    else:
        from omniops.clock import on_wall
        from omniops.terminal.views.oncall import handoff_lines, who_lines

        width, tz = streams().width(), here.rota.tz
        streams().result(f"On call, {on_wall(moment, tz)}", "key")
        for one in found:
            for line, tone in who_lines(one.role, one.duty, one.notes, moment, tz, width):
                streams().result(line, tone)
        for line, tone in handoff_lines(waiting, width):
            streams().result(line, tone)
        for late in missing:
            streams().result(f"Your {late} handoff is not written   (omniops oncall handoff --role {late})", "bad")
    if role and not found[0].duty.primary:
        raise typer.Exit(1)


@app.command()
def schedule(
    weeks: Annotated[int, typer.Option(min=1, max=MOST_WEEKS, help="How many, from this one on.")] = 8,
    role: RoleName = "",
    ical: Annotated[bool, typer.Option("--ical", help="As iCalendar, to be imported or subscribed to.")] = False,
    json: Json = False,
) -> None:
    """Who will be on call: a table, JSON, or iCalendar."""
    from omniops.runner.oncall import schedule as of

    here, now = _desk(), clock().now()
    found = of(here, now, weeks, role)
    if json:
        rows = [{"role": one.id, "turns": [duty.as_json() for duty in duties]} for one, duties in found]
        emit({"schema": "omniops.schedule/1", "zone": here.rota.zone, "roles": rows})
    elif ical:
        import sys

        from omniops.incident.ical import calendar

        sys.stdout.flush()
        sys.stdout.buffer.write(calendar(found, now).encode())
        if lacking := [one.id for one, duties in found if not any(duty.primary for duty in duties)]:
            streams().say(f"Not in the calendar, because nobody is named: {', '.join(lacking)} ({here.file}).", "warn")
    else:
        from omniops.terminal.views.oncall import schedule_lines

        for line, tone in schedule_lines(found, here.rota.tz, streams().width()):
            streams().result(line, tone)


@app.command()
def override(
    role: Annotated[str, typer.Argument(metavar="ROLE", help="engineering, security, data or comms")] = "",
    who: Annotated[str, typer.Argument(metavar="WHO", help="who has it instead")] = "",
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="Until when, or for how long: 2h. Needed.")] = "",
    reason: Annotated[str, typer.Option(help="Why, in words. Needed.")] = "",
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="From when.")] = "now",
    json: Json = False,
) -> None:
    """Give a role to somebody for a while. The last override for a moment holds."""
    from omniops.runner.oncall import override as write

    all_given(
        'omniops oncall override engineering bob --to 2h --reason "..."', ROLE=role, WHO=who, to=end, reason=reason
    )
    here, now = _desk(create=True), clock().now()
    begins = here.moment(start, now, "--from")
    ends = here.until(end, begins, now, "--to")
    found, odd = write(open_journal(create=True), here, role, who, begins, ends, reason, now)
    if json:
        emit({"schema": "omniops.override/1", **_cover(found), "note": odd or None})
        return
    from omniops.terminal.views.oncall import cover_line

    streams().result(cover_line(found, here.rota.tz))
    if odd:
        from omniops.terminal.layout import safe

        streams().say(f"{safe(odd)}.", "warn")
    if here.role(role).schedule:
        streams().say(f"PagerDuty is not told by this: omniops oncall sync --role {here.role(role).id}", "key")


@app.command()
def swap(
    role: Annotated[str, typer.Argument(help="engineering, security or data")],
    one: Annotated[str, typer.Argument(metavar="A", help="a member")],
    other: Annotated[str, typer.Argument(metavar="B", help="another one")],
    after: Annotated[str, typer.Option(metavar="TIME", help="Their first turns that begin after this.")] = "now",
    reason: Annotated[str, typer.Option(help="Why, in words.")] = "",
    back: Annotated[bool, typer.Option("--back", help="Give back the turns that they have exchanged.")] = False,
    json: Json = False,
) -> None:
    """Exchange the next turns of two members. Typed twice, or by both, it is done once."""
    from omniops.runner.oncall import swap as write

    here, now = _desk(create=True), clock().now()
    moment = here.moment(after, now, "--after")
    found = write(open_journal(create=True), here, role, one, other, moment, reason, now, back)
    if json:
        emit({"schema": "omniops.swap/1", "turns": [_cover(each) for each in found.covers], "new": found.new})
        return
    from omniops.terminal.layout import safe
    from omniops.terminal.views.oncall import cover_line

    for each in found.covers:
        streams().result(cover_line(each, here.rota.tz))
    if not found.new:
        by, again = safe(found.covers[0].by), "" if back else f"   (omniops oncall swap {role} {one} {other} --back)"
        streams().say(f"That is so already, by {by}; nothing was written.{safe(again)}", "warn")
        return
    if here.role(role).schedule:
        streams().say(f"PagerDuty is not told by this: omniops oncall sync --role {here.role(role).id}", "key")


def _cover(one: Cover) -> dict[str, str]:
    from omniops.clock import iso

    told = {"from": iso(one.start), "to": iso(one.end), "reason": one.why}
    return {"role": one.role, "who": one.who, **told, "by": one.by}


@app.command()
def handoff(
    ack: Annotated[bool, typer.Option("--ack", help="Take it: you are the incoming on-call.")] = False,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="With --ack: who takes it; default: you.")] = "",
    role: RoleName = "engineering",
    edit: Annotated[bool, typer.Option("--edit", help="Open it in your editor first.")] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Write, read over and post the handoff; or take it.

    It is written from the journal, and posted once a week. Exit code 0: posted, or taken. 3: it was not read over, was
    declined, or is to be pasted by hand. 7: it may have been posted. 8: it waits.
    """
    from omniops.cli.here import here_for
    from omniops.runner import handoff as work

    here = here_for(yes, json)
    desk = _desk(create=True)
    if ack:
        taken = work.acknowledge(here, desk, role, by or settings().operator)
        if json:
            emit(taken.as_json())
            return
        from omniops.terminal.layout import safe

        before = "" if taken.new else " already"
        streams().result(
            f"The {taken.turn.role.id} handoff of {taken.turn.day} is{before} acknowledged by {safe(taken.who)}."
        )
        for note in taken.notes:
            streams().say(f"{safe(note)}.", "warn")
        return
    done = work.hand_over(here, desk, role, yes=yes, edit=edit)
    if json:
        emit(done.as_json())
    else:
        _say(done, work.place(here.settings, desk.rota.channel))
    raise typer.Exit(int(done.exit))


def _say(done: Done, channel: str) -> None:
    from omniops.terminal.layout import safe, safe_lines, wrap

    why = safe(done.message.why) if done.message else ""
    if done.message and done.message.state == "sending":
        why = "another process is sending it"
    words = {
        "posted": f"Posted to {channel}.",
        "by hand": f"Written down: you have pasted it into {channel}.",
        "already": f"It was posted to {channel} before: one handoff a week.",
        "waits": "It waits in the outbox" + (f": {why}" if why else "") + ".   (omniops outbox)",
        "to be pasted": f"It was shown, to be pasted into {channel} by hand: {why}. At a terminal the same"
        " command asks whether it is out.",
        "may have been posted": f"It may have been posted; look at {channel}: {why}.",
        "declined": "Nothing was posted.",
    }
    if done.state != "declined" and (done.again or not streams().interactive):
        for line in safe_lines(done.text):
            streams().result(line)
    tone = {"posted": "good", "by hand": "good", "already": "", "may have been posted": "bad"}.get(done.state, "warn")
    for line in wrap(words[done.state], streams().width()):
        streams().say(line, tone)
    if done.left_out:
        streams().say(f"{done.left_out} on the security path (4.5) not in it: hand that over by word of mouth.", "warn")
    if done.state in ("posted", "by hand", "waits", "to be pasted") and done.turn.incoming:
        streams().say(f"next: {safe(done.turn.incoming)} types: omniops oncall handoff --ack", "key")


@app.command()
def sync(
    role: RoleName = "",
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Wire the rotation into its PagerDuty schedule.

    The difference is shown first, then y/N; then the next 8 weeks are read back. Exit code 0: PagerDuty does what the
    rota says. 1: it names somebody else for some hours. 3: declined. 6: only a part of it was changed. 7: nobody can
    tell whether it took effect.
    """
    from omniops.cli.here import here_for
    from omniops.runner.oncall_sync import sync as work

    here = here_for(yes, json)
    desk = _desk(create=True)
    found = work(here, desk, role)
    if json:
        emit({"schema": "omniops.sync/1", "schedules": [one.as_json() for one in found]})
    else:
        from omniops.runner.schedule_look import names_of
        from omniops.terminal.views.oncall import sync_lines

        for one in found:
            last = (one.last.start, one.last.end, one.last.gaps if one.known else None)
            told = (one.role, one.state, one.why, one.last.live.name)
            for line, tone in sync_lines(*told, *last, names_of(desk, one.last.live), desk.rota.tz, streams().width()):
                streams().result(line, tone)
    raise typer.Exit(next((int(one.exit) for one in found if one.exit), 0))
