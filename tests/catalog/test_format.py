"""The format of a runbook: what is refused, at which line and column, and what is suggested."""

from __future__ import annotations

import pytest

from tests.support.runbooks import SHIPPED, SMALL, findings, shipped

WRONG = [
    ("approve: operator", "approve: two", "21:14", "second-person approval is not built yet", "approve: operator"),
    ("approve: operator", "approve: [a, b]", "21:14", "second-person approval is not built yet", "approve: operator"),
    ("on_failure: ask", "on_failrue: ask", "14:5", "unknown key 'on_failrue'", "did you mean 'on_failure'?"),
    ("    on_inconclusive:", "    on_declined:", "30:5", "on_declined is no edge of this kind", "on_inconclusive"),
    ("within: 5m", "within: 5", "27:66", "a duration has a unit", "5m"),
    ("within: 5m", "within: 5 minutes", "27:66", "is not a duration", ""),
    ("within: 5m", "within: 0s", "27:66", "out of range", ""),
    ("within: 5m", f"within: {'9' * 400}d", "27:66", "out of range", ""),
    ("passes: 3", 'passes: "3"', "27:108", "a whole number", ""),
    ("passes: 3", "passes: 0", "27:108", "greater than or equal to 1", ""),
    ('section: "9.9"', "section: 9.9", "3:10", "section must be text", 'put it in quotes: "9.9"'),
    ("format: 1", "format: 2", "1:9", "format cannot be '2'", "write 1"),
    ("start: look\n", "", "1:1", "'start' is missing", "add `start: ...`"),
    ("id: small", "id: Small One", "2:5", "is not written as it must be", "small letters"),
    ("    title: Look\n", "", "10:3", "'title' is missing", "add `title: ...`"),
    ("    action: omniroute.version\n", "", "10:3", "the step has no kind", "manual, ask, choose"),
    (
        "    action: omniroute.version\n",
        "    action: omniroute.version\n    wait: 5s\n",
        "13:5",
        "two kinds of step",
        "",
    ),
    ("  look:\n", "  done:\n", "10:3", "cannot be called 'done'", ""),
    ("  look:\n", "  Look:\n", "10:3", "is not written as it must be", ""),
    ("type: connections", "type: conections", "7:23", "type cannot be 'conections'", "'connections'"),
    ("each: ${inputs.connections}", "each: connections", "18:11", "must be one reference", ""),
    ("slo: latency", "sloo: latency", "27:14", "unknown key 'sloo'", "did you mean 'slo'?"),
    ("summary: A read, a change, a proof.", "sumary: x", "5:1", "unknown key 'sumary'", "did you mean 'summary'?"),
    ('with: {connection: "${item.id}"}', "with: [a]", "20:11", "with must be a mapping", ""),
    ('with: {connection: "${item.id}"}', "with: {connection: {a: b}}", "20:24", "does not fit here", "text"),
    ("steps:\n", "steps: []\nother:\n", "9:8", "steps must be a mapping", ""),
    ("title: Look", 'title: "two\\nlines"', "11:12", "is not written as it must be", "one line"),
    ("title: Look", 'title: ""', "11:12", "at least 1 character", ""),
]


@pytest.mark.parametrize(("old", "new", "place", "words", "mend"), WRONG, ids=[row[1][:30] for row in WRONG])
def test_a_slip_is_found_where_it_is(old: str, new: str, place: str, words: str, mend: str) -> None:
    """One slip in a runbook gives a finding at its own line and column, with its mend."""
    text = SMALL.replace(old, new, 1)
    assert text != SMALL
    found = findings(text)
    assert [f"{one.line}:{one.column}" for one in found if words in one.what and mend in one.mend] == [place], [
        (str(one), one.mend) for one in found
    ]


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        ("{type: choice, question: q}", "`choices` belongs to type choice"),
        ("{type: text, question: q, choices: {a: {label: a, go: done}, b: {label: b, go: done}}}", "`choices` belongs"),
        ("{type: choice, question: q, choices: {a: {label: a, go: done}}}", "at least 2"),
        ("{type: backup, question: q}", "`options` belongs to type backup"),
        (
            "{type: choice, question: q, unattended: c, choices: {a: {label: a, go: done}, b: {label: b, go: done}}}",
            "none of the choices",
        ),
    ],
)
def test_a_question_has_what_its_type_needs(ask: str, words: str) -> None:
    """Choices belong to type choice, options to type backup; `unattended` is one of the choices."""
    text = SMALL.replace("    action: omniroute.version\n", f"    ask: {ask}\n").replace("    on_failure: ask\n", "", 1)
    assert any(words in one.what for one in findings(text)), [str(one) for one in findings(text)]


@pytest.mark.parametrize(
    ("branch", "words"),
    [
        ("{value: '${inputs.x}'}", "exactly one of is, above, below, empty"),
        ("{value: '${inputs.x}', is: 1, above: 2}", "exactly one of is, above, below, empty"),
        ("{value: inputs.x, is: 1}", "must be one reference"),
        ("{value: '${inputs.x}', above: many}", "does not fit here"),
        ("{value: '${inputs.x}', than: 2}", "unknown key 'than'"),
    ],
)
def test_a_branch_compares_once(branch: str, words: str) -> None:
    """A branch has one value, a reference, and one comparator."""
    text = SMALL.replace("    action: omniroute.version\n", f"    choose:\n      - when: {branch}\n        go: done\n")
    text = text.replace("    on_failure: ask\n", "", 1).replace(
        "    on_success: disable\n", "      - default: disable\n", 1
    )
    assert any(words in one.what for one in findings(text)), [str(one) for one in findings(text)]


def test_several_slips_are_told_at_once() -> None:
    """One reading finds all slips, in the order of the file."""
    text = (
        SMALL.replace("approve: operator", "approve: two")
        .replace("passes: 3", "passes: many")
        .replace("id: small", "id: A")
    )
    assert [one.line for one in findings(text)] == [2, 21, 27]


@pytest.mark.parametrize("id", SHIPPED)
def test_the_shipped_runbooks_name_their_schema(id: str) -> None:
    """An editor finds the schema by the first line of each runbook."""
    assert shipped(id).startswith("# yaml-language-server: $schema=schema.json\n")
