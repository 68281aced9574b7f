"""The report as one self-contained HTML page: no script, and nothing is asked of any network. Pure.

Every value passes ``escape``. The page forbids itself all that it does not need (Content-Security-Policy), so that a
hostile title that got through would still load nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from omniops.clock import parse_iso
from omniops.incident.plot import NARROW, WIDE, svg
from omniops.incident.report import OF_FROZEN, Report, moment
from omniops.incident.report_style import STYLE
from omniops.incident.series import Series

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_TONES = {"good", "bad", "warn"}


def page(report: Report) -> str:
    """The whole page."""
    if report.frozen:
        body = [
            "<h1>Security path (4.5)</h1>",
            f"<p>The security path was entered at {_time(report.frozen)} by {escape(report.frozen_by)}.</p>",
            f"<p>{OF_FROZEN}</p>",
        ]
        return _document("Security path (4.5)", body)
    body = [
        *_head(report),
        *_series(report.series),
        *_timeline(report),
        *_people(report),
        *_table("Severity", ("when", "severity", "why", "by"),
                [(_time(time), _badge(level), escape(why), escape(by)) for time, level, why, by in report.severities],
                "It was never said how bad it was."),
        *_owed(report),
        *_changes(report),
        f"<footer>Made {_time(report.made)} by omniops from its journal. All times are UTC.</footer>",
    ]  # fmt: skip
    return _document(report.title or report.id, body)


def _document(title: str, body: Sequence[str]) -> str:
    return "\n".join([
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<meta name="referrer" content="no-referrer">',
        '<link rel="icon" href="data:,">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        "<main>",
        *body,
        "</main>",
        "</body>",
        "</html>",
        "",
    ])  # fmt: skip


def _head(report: Report) -> Iterator[str]:
    yield "<header>"
    yield f'<p class="kicker">{_badge(report.severity or "no severity")} <span>{escape(report.status)}</span> '
    yield f"<code>{escape(report.id)}</code></p>"
    yield f"<h1>{escape(report.title)}</h1>"
    yield '<dl class="facts">'
    for name, value in [*report.facts, *((role, who or "nobody") for role, who in report.roles)]:
        yield f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
    yield "</dl></header>"


def _badge(severity: str) -> str:
    kind = {"SEV-1": "s1", "SEV-2": "s2", "SEV-3": "s3"}.get(severity, "s4")
    return f'<span class="badge {kind}">{escape(severity)}</span>'


def _series(series: Series | None) -> Iterator[str]:
    yield "<section><h2>SLO series</h2>"
    if series is None:
        yield "<p>Nobody has looked at live traffic, so there are no figures.</p></section>"
        return
    yield f"<figure>{svg(series, WIDE)}{svg(series, NARROW)}"
    yield '<figcaption><p class="legend"><span class="key budget-key"></span>budget '
    yield '<span class="key good-key"></span>in budget <span class="key bad-key"></span>over it '
    yield "<b>?</b> cannot tell</p>"
    if series.marks:
        yield '<ol class="marks">'
        yield from (f"<li>{_clock(mark.at.isoformat())} {escape(mark.words)}</li>" for mark in series.marks)
        yield "</ol>"
    yield "</figcaption></figure></section>"


def _timeline(report: Report) -> Iterator[str]:
    yield "<section><h2>Timeline</h2>"
    day = ""
    for one in report.story:
        if one.time[:10] != day:
            yield "</ol>" if day else ""
            day = one.time[:10]
            yield f'<h3>{escape(day)}</h3><ol class="timeline">'
        tone = one.tone if one.tone in _TONES else ""
        yield (
            f'<li class="{tone}">{_clock(one.time)}<span class="words">{escape(one.words)}</span>'
            f'<span class="who">{escape(one.actor)}</span></li>'
        )
    yield "</ol></section>" if day else "<p>Nothing is written down.</p></section>"


def _people(report: Report) -> Iterator[str]:
    rows = []
    for one in report.people:
        did = "".join(f"<li>{escape(words)}</li>" for words in one.did)
        rows.append((escape(one.who), escape(", ".join(one.roles)) or "-", f"<ul>{did}</ul>" if did else "-"))
    yield from _table("Who did what", ("who", "role", "did"), rows, "Nobody is named.", "people")


def _owed(report: Report) -> Iterator[str]:
    rows = [
        (escape(one.words), escape(one.audience), _time(one.at), _time(one.done_at) if one.done_at else "-",
         f'<span class="{one.tone}">{escape(one.state)}</span>')
        for one in report.obligations
    ]  # fmt: skip
    empty = f"It cannot be told: {report.obligations_unknown}" if report.obligations_unknown else "Nothing was owed."
    yield from _table("What was owed", ("what", "to", "due", "done", "kept"), rows, empty)


def _changes(report: Report) -> Iterator[str]:
    rows = [
        (escape(one.id), _time(one.at), escape(f"{one.action} {one.target}"), escape(one.by),
         escape(one.state + (f": {one.reason}" if one.reason else ""))
         + (f" {_time(one.undone)}" if one.undone else ""))
        for one in report.changes
    ]  # fmt: skip
    yield from _table("Changes and mitigations", ("id", "when", "change", "by", "now"), rows, "Nothing was changed.")


def _table(
    title: str, names: Sequence[str], rows: Sequence[Sequence[str]], empty: str, kind: str = ""
) -> Iterator[str]:
    """A section with a table; ``rows`` are HTML already. On a phone each cell is a line with its name before it."""
    yield f"<section><h2>{escape(title)}</h2>"
    if not rows:
        yield f"<p>{escape(empty)}</p></section>"
        return
    yield f'<table class="{kind}"><thead><tr>' + "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    yield "</tr></thead><tbody>"
    for row in rows:
        cells = (
            f'<td data-name="{escape(name)}"><div>{cell}</div></td>' for name, cell in zip(names, row, strict=True)
        )
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></section>"


def _time(time: str) -> str:
    return f'<time datetime="{escape(time)}">{escape(moment(time))}</time>'


def _clock(time: str) -> str:
    """The time of day alone."""
    return f'<time datetime="{escape(time)}">{parse_iso(time):%H:%M:%S}</time>'
