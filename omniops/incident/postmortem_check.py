"""What section 7 asks of a postmortem, as rules: each finding says where, what, and how to mend it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo

from omniops.incident.blameless import blaming, named
from omniops.incident.businessdays import due_within
from omniops.incident.postmortem_format import PRIORITIES, ROLES, SECTIONS, TODO, Found, Postmortem

NARRATIVE = tuple(title for title in SECTIONS if title != "Action items")
"""Sections that speak of roles. Owners of action items are people."""


def check(
    one: Postmortem, now: datetime, *, days: int, holidays: Collection[date], zone: tzinfo
) -> list[Found]:  # fmt: skip
    """Everything that is to be mended, in the order of its lines. ``days``: business days after the resolution."""
    found = [*one.problems, *_due(one, now, days, holidays, zone), *_attendees(one), *_sections(one)]
    found += [*_actions(one), *_left_over(one), *_blame(one)]
    return sorted(found, key=lambda each: (each.line, each.column, each.rule))


def _due(one: Postmortem, now: datetime, days: int, holidays: Collection[date], zone: tzinfo) -> Iterator[Found]:
    """Within 5 business days of the resolution: held by then, and not still to be held after it."""
    if one.resolved is None:
        return
    limit = due_within(one.resolved, days, holidays, zone)
    last = (limit.astimezone(zone) - timedelta(seconds=1)).date()
    line = one.places.get("held", 1)
    words = f"{days} business days after the resolution end on {last}"
    if one.held is None:
        if now >= limit:
            yield Found(line, 1, "due", f"it was due: {words}", "hold it, and write the day into `held`")
    elif one.held > last:
        yield Found(line, 1, "due", f"it is held on {one.held}, too late: {words}", f"hold it by {last}")
    elif one.held < one.resolved.astimezone(zone).date():
        yield Found(line, 1, "due", f"it is held on {one.held}, before the resolution", "correct `held` or `resolved`")


def _attendees(one: Postmortem) -> Iterator[Found]:
    """The incident commander, the on-call, whoever touched the mitigation, and one person who was not involved."""
    line = one.places.get("attendees", 1)
    involved: set[str] = set()
    for role in ROLES:
        names = [name for name in one.attendees.get(role, ()) if name.strip() and TODO not in name]
        words = role.replace("_", " ")
        if not names and role != "mitigation":  # nobody may have touched anything
            yield Found(line, 1, "attendees", f"{words}: nobody is named", f"write `{role}: NAME` under `attendees`")
        if role != "not_involved":
            involved |= {name.casefold() for name in names}
        elif names and all(name.casefold() in involved for name in names):
            mend = "ask somebody with fresh eyes"
            yield Found(line, 1, "attendees", f"not involved: {', '.join(names)} was involved", mend)


def _sections(one: Postmortem) -> Iterator[Found]:
    for title in SECTIONS:
        section = one.section(title)
        if section is None:
            yield Found(1, 1, "sections", f"the section {title!r} is missing", f"add `## {title}`")
        elif not any(text.strip() for _, text in section.body):
            yield Found(section.line, 1, "sections", f"{title}: it is empty", "write it, or say that it is unknown")


def _actions(one: Postmortem) -> Iterator[Found]:
    """Every action item has an owner, a date, and a priority within its limit."""
    section = one.section("Action items")
    if section is not None and not one.actions and not one.problems:
        yield Found(section.line, 1, "actions", "there is no action item", "add a row: what, who, until when, P0 to P3")
    for action in one.actions:
        name = f"action {action.number}"
        if not action.action or TODO in action.action:
            yield Found(action.line, 1, "actions", f"{name} says not what is to be done", "say it in one sentence")
        if not action.owner or TODO in action.owner:
            yield Found(action.line, 1, "actions", f"{name} has no owner", "name one person")
        if action.due is None:
            yield Found(action.line, 1, "actions", f"{name} has no date", "write it as 2026-11-30")
        if action.priority not in PRIORITIES:
            yield Found(action.line, 1, "actions", f"{name} has no priority", "one of P0, P1, P2, P3")
        elif action.due is not None and one.resolved is not None:
            limit = PRIORITIES[action.priority]
            last = one.resolved.astimezone(UTC).date() + timedelta(days=limit or 0)
            if limit is not None and action.due >= last:
                words = (
                    f"{name} is {action.priority} and due on {action.due}: {limit} days or more after the resolution"
                )
                yield Found(action.line, 1, "actions", words, f"a day before {last}, or a lower priority")


def _left_over(one: Postmortem) -> Iterator[Found]:
    for line, text in enumerate(one.text.splitlines(), 1):
        column = text.find(TODO)
        if column >= 0:
            yield Found(line, column + 1, "todo", "a placeholder is left over", "fill it in, or take it out")


def _blame(one: Postmortem) -> Iterator[Found]:
    """Blaming words anywhere; people's names in what tells the story."""
    people = {
        name: role.replace("_", " ") for role, names in one.attendees.items() for name in names if TODO not in name
    }
    for section in one.sections:
        for line, text in section.body:
            for column, words, mend in blaming(text):
                yield Found(line, column, "blame", f"{words!r} points at a person", mend)
            if section.title in NARRATIVE:
                for column, name, role in named(text, people):
                    yield Found(line, column, "names", f"{name!r} is a name", f"write the role: the {role}")
