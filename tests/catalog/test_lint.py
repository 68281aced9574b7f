"""The rules of lint that need a runbook made for them: paths, prompts, clocks, calls, types."""

from __future__ import annotations

import random

import pytest

from omniops.actions.specs import SPECS, ActionSpec
from omniops.catalog import lint
from omniops.catalog.compile import compile_runbook
from omniops.catalog.flow import Dominators, Flow
from omniops.engine.graph import Graph, Step
from tests.support.runbooks import SMALL, checked, compiled, findings, shipped, sources

HEAD = """\
format: 1
id: it
section: "9.8"
title: It
summary: A runbook of a test.
inputs:
  connections: {type: connections, help: which}
  version: {type: version, help: which}
start: first
steps:
"""

TWO_WAYS = """\
  first:
    title: Which way?
    ask:
      type: choice
      question: Which way?
      choices:
        left: {label: Left, go: read}
        right: {label: Right, go: use}
    on_declined: aborted
  read:
    title: Read
    action: omniroute.version
    on_success: use
    on_failure: ask
  use:
    title: Running ${steps.read.outputs.version}
    manual: Look.
    on_success: done
    on_declined: aborted
"""

PROMPT = """\
  first:
    title: Is it bad?
    manual: Look.
    expires: 10m
    on_success: change
    on_declined: aborted
    on_timeout: TARGET
  read:
    title: Read
    action: omniroute.version
    on_success: change
    on_failure: ask
  asked:
    title: Sure?
    manual: Look again.
    on_success: change
    on_declined: aborted
  proof:
    title: Proof
    verify: {slo: availability-cluster, since: run, within: 5m, every: 10s, min_requests: 20, passes: 3}
    on_success: done
    on_failure: asked
    on_inconclusive: inconclusive
  change:
    title: Change
    each: ${inputs.connections}
    action: connection.disable
    with: {connection: "${item.id}"}
    approve: operator
    on_success: read_too
    on_failure: ask
    on_declined: aborted
  read_too:
    title: Go to all of them, so that each can be reached
    choose:
      - default: not_recovered
"""


def _one(text: str, **others: str) -> tuple[str, int]:
    found = findings(text, **others)
    assert len(found) == 1, [str(one) for one in found]
    return found[0].what, found[0].line


def _line(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_a_value_must_be_defined_on_every_path() -> None:
    """An output is refused where one path has not passed its step; the path is named."""
    what, line = _one(HEAD + TWO_WAYS)
    assert what == "read has not succeeded on every path to here: not on first → use"
    assert line == _line(HEAD + TWO_WAYS, "title: Running")


def test_a_value_is_defined_where_every_path_passed_its_step() -> None:
    """The same runbook, with both ways through the step, is clean."""
    assert findings(HEAD + TWO_WAYS.replace("label: Right, go: use", "label: Right, go: read")) == []


def test_a_failed_step_has_no_outputs() -> None:
    """A path on which the step failed does not define its outputs, though it went through the step."""
    text = HEAD + TWO_WAYS.replace("go: use", "go: read").replace("on_failure: ask", "on_failure: use")
    assert "read has not succeeded on every path to here: not on first → read → use" in _one(text)[0]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("change", "goes where success goes"),
        ("read", "goes on to change, a change, before anybody is asked"),
        ("done", "ends as mitigated, unproved"),
        ("aborted", ""),
        ("ask", ""),
        ("asked", ""),
        ("proof", ""),
    ],
)
def test_no_prompt_expires_into_yes(target: str, words: str) -> None:
    """Running out of time may not do what yes does, nor change anything, nor claim a success that nobody proved."""
    text = HEAD + PROMPT.replace("TARGET", target)
    found = [one for one in findings(text) if one.what != "nothing leads to this step"]
    assert [one.what.split(": ")[0] for one in found] == ([f"when the time is up it {words}"] if words else [])
    assert [one.line for one in found] == ([_line(text, "on_timeout")] if words else [])


@pytest.mark.parametrize(("choice", "clean"), [("stay", True), ("change", False)])
def test_nobody_there_changes_nothing(choice: str, clean: bool) -> None:
    """`unattended` may not name a choice that leads to a change."""
    question = (
        f"    ask:\n      type: choice\n      question: q\n      unattended: {choice}\n"
        "      choices: {change: {label: Change, go: change}, stay: {label: Stay, go: aborted}}\n"
    )
    prompt = PROMPT.replace("    manual: Look.\n    expires: 10m\n    on_success: change\n", question)
    found = [one.what for one in findings(HEAD + prompt.replace("    on_timeout: TARGET\n", ""))]
    found = [what for what in found if what != "nothing leads to this step"]
    assert found == ([] if clean else ["with nobody there it goes on to change, a change, before anybody is asked"])


def _clock(handler: str, timer: str = "{from: onset, after: 15m, do: late}") -> str:
    return SMALL + f"  late:\n    title: Late\n{handler}timers:\n  clock: {timer}\n"


POST = "    post: {channel: status-page, text: It goes on.}\n    on_success: return\n    on_declined: return\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (_clock(POST), ""),
        (_clock(POST, "{from: look, after: 15m, unless: recovered, do: late}"), ""),
        (_clock(POST.replace("on_success: return", "on_success: done")), "a clock's handler cannot end the run (done)"),
        (_clock(POST.replace("on_success: return", "on_success: recovered")), "leads into the main flow (recovered)"),
        (SMALL.replace("on_failure: not_recovered", "on_failure: return"), "`return` ends a clock's handler"),
        (_clock("    stop: aborted\n"), "a clock's handler cannot end the run (aborted)"),
        (
            _clock(POST.replace("It goes on.", '"${steps.look.outputs.version}"')),
            "look has not succeeded on every path",
        ),
        (_clock(POST, "{from: onset, after: 15m, do: recovered}"), "recovered is in the main flow"),
        (_clock(POST, "{from: late, after: 15m, do: late}"), "'late' is no moment"),
        (_clock(POST, "{from: onset, after: 15m, unless: late, do: late}"), "there is no step 'late' in the main flow"),
    ],
)
def test_clocks(text: str, words: str) -> None:
    """A clock begins at a moment of the main flow, does steps of its own that know nothing of it, and goes back."""
    found = findings(text)
    assert bool(found) == bool(words), [str(one) for one in found]
    assert not words or any(words in one.what for one in found), [str(one) for one in found]


@pytest.mark.parametrize(
    ("since", "words"),
    [
        ("look", "look changes nothing, so that old traffic would count"),
        ("recovered", "recovered changes nothing"),
        ("nowhere", "there is no step 'nowhere'"),
        ("run", "a way from run to here changes the gateway again"),
    ],
)
def test_a_proof_counts_traffic_since_a_change(since: str, words: str) -> None:
    """`since` is the last step that changed something, on every path; or the start of a run that changes nothing."""
    found = findings(SMALL.replace("since: disable", f"since: {since}"))
    assert [words in one.what for one in found] == ([True] if words else [])


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (SMALL, True),
        (SMALL.replace("on_inconclusive: inconclusive", "on_inconclusive: done"), False),
        (SMALL.replace("on_failure: not_recovered", "on_failure: done"), False),
        (SMALL.replace("on_failure: not_recovered", "on_failure: tell") + "  tell: MANUAL", False),
        (SMALL.replace("on_failure: not_recovered", "on_failure: tell") + "  tell: VERIFY", True),
        (SMALL.replace("on_success: recovered", "on_success: done"), True),
    ],
)
def test_nothing_ends_as_mitigated_that_was_disproved(text: str, clean: bool) -> None:
    """A path whose last verify step did not succeed may not end as `done`, whatever a person says on the way."""
    manual = "{title: Tell, manual: Tell them., on_success: done, on_declined: done}\n"
    again = (
        "{title: Again, verify: {slo: availability-cluster, since: disable, within: 5m, every: 10s, min_requests: 20, "
        "passes: 3}, on_success: done, on_failure: not_recovered, on_inconclusive: inconclusive}\n"
    )
    found = [one.what for one in findings(text.replace("MANUAL", manual).replace("VERIFY", again))]
    found = [what for what in found if what != "nothing leads to this step"]
    assert set(found) == (set() if clean else {"it ends as mitigated, though recovered has not shown it"})


def test_a_disproved_end_of_a_call_is_told_at_the_call() -> None:
    """Where the call leads `not recovered` to `done`, it is the call's edge that is wrong."""
    text = HEAD + CALLER.replace("on_failure: not_recovered", "on_failure: done")
    what, line = _one(text, small=SMALL)
    assert (what, line) == (
        "it ends as mitigated, though first.recovered has not shown it",
        _line(text, "on_failure"),
    )


@pytest.mark.parametrize(
    ("id", "old", "new"),
    [
        ("rollback", "go: recovered_restarted", "go: recovered"),
        ("rollback", "since: restart", "since: rollback"),
        ("data-incident", "since: start", "since: restore"),
    ],
)
def test_no_change_comes_between(id: str, old: str, new: str) -> None:
    """Traffic from before a later change of the gateway counts for nothing, whichever way was taken there."""
    assert old in shipped(id)
    found = [one.what for one in findings(shipped(id).replace(old, new))]
    assert any("changes the gateway again" in what for what in found), found


CALLER = """\
  first:
    title: Call
    runbook: small
    with: {connections: "${inputs.connections}"}
    on_success: done
    on_failure: not_recovered
    on_inconclusive: inconclusive
    on_declined: aborted
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("runbook: small", "runbook: smal", "there is no runbook 'smal'"),
        ("runbook: small", "runbook: it", "calls of runbooks form a circle: it → it"),
        ('{connections: "${inputs.connections}"}', "{}", "does not give its input 'connections'"),
        ("{connections:", "{colour: red, connections:", "small has no input 'colour'"),
        ("${inputs.connections}", "${inputs.version}", "connections must be a list"),
        (
            '"${inputs.connections}"',
            "openai",
            "connections must be a list that was asked for or given, and this is text",
        ),
        ("on_failure: not_recovered", "on_failure: ask", "a whole runbook cannot be tried again"),
        ("    on_declined: aborted\n", "", "on_declined is missing"),
        ("on_success: done", "on_success: nowhere", "there is no step 'nowhere'"),
        ("on_success: done", "on_success: first", "it leads in a circle: first.look → "),
    ],
)
def test_calls(old: str, new: str, words: str) -> None:
    """A call names a runbook, gives all its inputs with their types, and says where each of its ends leads."""
    assert findings(HEAD + CALLER, small=SMALL) == []
    text = HEAD + CALLER.replace(old, new, 1)
    found = findings(text, small=SMALL)
    assert any(words in one.what and one.file == "it.yaml" for one in found), [str(one) for one in found]


def test_the_edge_of_a_call_is_told_once() -> None:
    """A wrong edge of a call is told at the call, and not at the steps of the called runbook that end there."""
    what, line = _one(HEAD + CALLER.replace("on_failure: not_recovered", "on_failure: nowhere"), small=SMALL)
    assert (what, line) == ("there is no step 'nowhere'", _line(HEAD + CALLER, "on_failure"))


def test_circles_of_calls_of_any_length_are_refused() -> None:
    """a calls b, b calls c, c calls a: told with the whole circle, and nothing is expanded for ever."""
    books = {
        name: (HEAD + CALLER).replace("id: it", f"id: {name}").replace("runbook: small", f"runbook: {called}")
        for name, called in (("a", "b"), ("b", "c"), ("c", "a"))
    }
    books = {name: text.replace("  version: {type: version, help: which}\n", "") for name, text in books.items()}
    what = [one.what for one in lint.check(compile_runbook("a", sources(books)))]
    assert "calls of runbooks form a circle: a → b → c → a" in what


def test_calls_that_multiply_are_refused() -> None:
    """Twenty runbooks that each call the next one twice would be a million steps; they are refused at once."""
    twice = CALLER.replace("on_success: done", "on_success: second") + CALLER.replace("first:", "second:")
    head = HEAD.replace("  version: {type: version, help: which}\n", "")
    books = {
        f"b{n}": (head + twice).replace("id: it", f"id: b{n}").replace("runbook: small", f"runbook: b{n + 1}")
        for n in range(20)
    }
    books["b20"] = SMALL.replace("id: small", "id: b20")
    assert any("more than 20000 steps" in one.what for one in lint.check(compile_runbook("b0", sources(books))))


def test_an_error_in_a_called_runbook_stops_its_caller() -> None:
    """A caller is not fit to be walked where the runbook that it calls is not; the called file is named."""
    broken = SMALL.replace("since: disable", "since: nowhere")
    assert [one.file for one in findings(HEAD + CALLER, small=broken)] == ["small.yaml"]
    unreadable = SMALL.replace("title: Small", "titel: Small")
    assert "the runbook 'small' has errors" in _one(HEAD + CALLER, small=unreadable)[0]
    stray = SMALL.replace("${inputs.connections}", "${inputs.version}")
    assert any("there is no input 'version'" in one.what for one in findings(HEAD + CALLER, small=stray))


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("${inputs.connections", "is no reference"),
        ("${env.HOME}", "is no reference"),
        ("${steps.look.outputs.version | upper}", "is no reference"),
        ("${inputs.connections + 1}", "is no reference"),
        ("${item.id}", "only in `with`"),
        ("${steps.look.version}", "names no output"),
        ("${steps.disable.outputs.changed_at}", "has no output 'changed_at'"),
    ],
)
def test_references_are_values_and_nothing_else(reference: str, words: str) -> None:
    """No expressions, no environment, no outputs of `each`."""
    found = findings(SMALL.replace("title: Proof", f'title: "x {reference}"'))
    assert [words in one.what for one in found] == [True], [str(one) for one in found]


def test_every_write_can_be_undone_or_says_why() -> None:
    """An action whose spec has neither `undo` nor `why_no_undo` is refused."""
    small = compiled(SMALL)
    bad = {**SPECS, "connection.disable": SPECS["connection.disable"]._replace(undo="")}
    assert ["cannot be undone and does not say why" in one.what for one in lint.check(small, specs=bad)] == [True]
    assert all(not spec.writes or bool(spec.undo) != bool(spec.why_no_undo) for spec in SPECS.values())


def test_what_writes_the_journal_is_no_look() -> None:
    """A wait may not freeze the incident again and again, and there is nothing to approve about it."""
    page = shipped("first-15-minutes")
    assert "until: {action: page.firing" in page
    found = findings(page.replace("until: {action: page.firing", "until: {action: incident.freeze"))
    assert ["incident.freeze cannot be looked at again and again" in one.what for one in found] == [True]
    assert {name for name, spec in SPECS.items() if spec.effect == "own"} == {"incident.declare", "incident.freeze"}
    assert not SPECS["incident.freeze"].writes


def test_the_users_objectives_are_known() -> None:
    """A verify step may name an objective of the user's own slos.yaml, and only those."""
    small = compiled(SMALL)
    assert lint.check(small, slos=["latency-p95-aggregate"]) == []
    assert ["there is no objective" in one.what for one in lint.check(small, slos=["mine"])] == [True]


@pytest.mark.parametrize("effect", ["write", "destructive"])
def test_every_change_is_approved(effect: str) -> None:
    """A change that nobody approves is refused, a destructive one by that word."""
    specs = {**SPECS, "connection.disable": SPECS["connection.disable"]._replace(effect=effect)}
    result, _ = checked(SMALL.replace("    approve: operator\n", ""))
    assert result is not None
    found = [one.what for one in lint.check(result, specs=specs)]
    assert found == [f"connection.disable is {'a write' if effect == 'write' else effect} and nobody approves it"]


def test_each_is_for_changes() -> None:
    """A read is performed once, so that `each` on it would pass over all items but one."""
    text = SMALL.replace("    action: omniroute.version\n", "    action: db.health\n    each: ${inputs.connections}\n")
    text = text.replace("    why: Because ${steps.look.outputs.version} is running.\n", "")
    assert _one(text) == ("db.health reads, and a read is done once: `each` is for changes", _line(text, "each:"))


def test_lint_of_many_errors_ends() -> None:
    """Ten thousand wrong steps are a few hundred findings, soon."""
    steps = "".join(f"  s{n}:\n    title: t\n    wait: 1s\n    on_success: nowhere{n}\n" for n in range(10_000))
    found = findings(HEAD.replace("start: first", "start: s0") + steps)
    assert 100 < len(found) < 1000


def _random_graph(rng: random.Random, size: int) -> Graph:
    steps: dict[str, Step] = {}
    for n in range(size):
        later = [f"s{m}" for m in range(n + 1, size)] + ["end:done"]
        edges = {outcome: rng.choice(later) for outcome in ("success", "failure", "declined")}
        steps[f"s{n}"] = Step(id=f"s{n}", kind="action", title="", action="", edges=edges)
    return Graph(
        format=1, id="", section="", title="", summary="", inputs={}, start="s0", steps=steps, timers=[], hash=""
    )


@pytest.mark.parametrize("seed", range(40))
def test_dominators_agree_with_the_definition(seed: int) -> None:
    """To have succeeded on every path is not to be reachable once the success edge is cut; on random graphs."""
    rng = random.Random(seed)
    flow = Flow(_random_graph(rng, rng.randrange(2, 40)))
    order, circle = flow.order()
    before = Dominators(flow, order)
    assert not circle
    for first in flow.main:
        for then in flow.main:
            assert before.succeeded_before(first, then) == (not flow.way_around(then, first)), (first, then)


def test_the_shipped_runbooks_use_known_actions_only() -> None:
    """The table of actions and the shipped runbooks agree (and lint would say so if they did not)."""
    few: dict[str, ActionSpec] = {name: spec for name, spec in SPECS.items() if name != "cluster.stop"}
    result, _ = checked(shipped("data-incident"))
    assert result is not None
    assert any("there is no action 'cluster.stop'" in one.what for one in lint.check(result, specs=few))
