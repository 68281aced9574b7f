"""The report as Markdown, for a wiki or a pull request. Pure; what somebody wrote is never markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from omniops.clock import to_second
from omniops.incident.report import OF_FROZEN, Report, moment

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>$@:/])")
_PLAIN = re.compile(r"(?<=\w)\\([.\-_:/])(?=\w)")
"""Inside a word these mean nothing, and a report full of backslashes is hard to read. An address is the exception."""


def markdown(report: Report) -> str:
    """The whole text."""
    if report.frozen:
        lines = ["# Security path (4.5)", "", f"Entered at {moment(report.frozen)} by {_safe(report.frozen_by)}.", ""]
        return "\n".join([*lines, OF_FROZEN, ""])
    return "\n".join([*_parts(report), ""])


def _parts(report: Report) -> Iterator[str]:
    yield f"# {_safe(report.title)}"
    yield ""
    yield f"{_safe(report.severity or 'no severity')}, {report.status}: `{report.id}`"
    yield ""
    for name, value in [*report.facts, *((role, who or "nobody") for role, who in report.roles)]:
        yield f"- {name}: {_safe(value)}"
    yield from _figures(report)
    yield from ("", "## Timeline", "")
    for one in report.story:
        yield f"- {moment(one.time)}: {_safe(one.words)} ({_safe(one.actor)})"
    people = [(one.who, ", ".join(one.roles) or "-", "; ".join(one.did) or "-") for one in report.people]
    yield from _table("Who did what", ("who", "role", "did"), people)
    severities = [(moment(time), level, why, by) for time, level, why, by in report.severities]
    yield from _table("Severity", ("when", "severity", "why", "by"), severities)
    owed = [(one.words, one.audience, moment(one.at), moment(one.done_at) if one.done_at else "-", one.state)
            for one in report.obligations]  # fmt: skip
    yield from _table("What was owed", ("what", "to", "due", "done", "kept"), owed)
    if report.obligations_unknown:
        yield f"It cannot be told: {_safe(report.obligations_unknown)}"
    changes = [(one.id, moment(one.at), f"{one.action} {one.target}", one.by,
                one.state + (f": {one.reason}" if one.reason else "")
                + (f" {moment(one.undone)}" if one.undone else "")) for one in report.changes]  # fmt: skip
    yield from _table("Changes and mitigations", ("id", "when", "change", "by", "now"), changes)
    yield from ("", f"Made {moment(report.made)} by omniops from its journal.")


def _figures(report: Report) -> Iterator[str]:
    found = report.series
    yield from ("", "## SLO series", "")
    if found is None:
        yield "Nobody has looked at live traffic, so there are no figures."
        return
    yield f"Budget: p95 {found.budget_s:g} s, error ratio {found.budget_ratio:.3%}."
    rows = [
        (to_second(one.at), "?" if one.p95_s is None else f"{one.p95_s:.2f} s",
         "?" if one.error_ratio is None else f"{one.error_ratio:.2%}", one.verdict or "hourly figure")
        for one in found.points
    ]  # fmt: skip
    yield from _rows(("when", "p95", "errors", "verdict"), rows)


def _table(title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    if not rows:
        yield "None."
        return
    yield from _rows(names, rows)


def _rows(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    yield from (f"| {' | '.join(_safe(cell) for cell in row)} |" for row in rows)


def _safe(text: str) -> str:
    """What somebody wrote, as text: nothing in it is a link, a tag, a table's edge, or a mention."""
    escaped = _MARKUP.sub(r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;"))
    return escaped if "://" in text or "www." in text.lower() else _PLAIN.sub(r"\1", escaped)
