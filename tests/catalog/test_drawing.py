"""Drawing a runbook: tree, Mermaid, DOT, the text for reading; and titles that try to be syntax."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniops.catalog.graph import FORMATS, dot, draw, mermaid, tree
from omniops.catalog.schema import schema, schema_text
from omniops.catalog.show import WIDTH, show
from omniops.engine.graph import Graph
from tests.support.runbooks import FOLDER, SHIPPED, SMALL, compiled, shipped

HOSTILE = (
    'a "quoted" title',
    "end",
    "brackets ] [ } { ) ( > <",
    "line\nbreak\r\nand\ttab",
    "`back` **bold**",
    "<script>alert(1)</script><br/>",
    "back\\slash\\",
    '"]; click s0 "javascript:alert(1)',
    "#quot; #35; &quot; &amp;",
    "%% comment %%{init: {}}%%",
    "a --> b; subgraph x",
    "esc\x1b[31mred\x1b[0m \u202ereversed",
    "|pipe|",
    "",
)
_MERMAID_TEXT = r"\"(?:[^\"<>`\[\]{}|\\&;#\n]|#\d+;)*\""
_MERMAID_NODE = re.compile(
    rf"  (?:s\d+|e\d+|clock_s\d+)(?:\[|\{{\{{?|\[/|\(\[|>){_MERMAID_TEXT}(?:\]|\}}\}}?|/\]|\]\))"
)
_MERMAID_EDGE = re.compile(rf"  [a-z_]+\d+ (?:-\.->|-->\|{_MERMAID_TEXT}\|) [es]\d+")
_DOT_TEXT = r"\"(?:[^\"\\\n]|\\[\"\\])*\""
_DOT_LINE = re.compile(
    rf"  (?:rankdir=TB;|[a-z_]+\d+ \[label={_DOT_TEXT}, shape=[a-z]+\];"
    rf"|[a-z_]+\d+ -> [es]\d+ \[(?:label={_DOT_TEXT}|style=dashed)\];)"
)


def _with_title(title: str) -> Graph:
    """A graph with one text everywhere that a text can be shown."""
    graph: Graph = json.loads(json.dumps(compiled(shipped("provider-outage")).graph))
    graph["title"] = graph["section"] = title
    for step in graph["steps"].values():
        step["title"] = step["why"] = title
        for choice in step.get("ask", {}).get("choices", {}).values():
            choice["label"] = title
        for guard in step.get("guards", []):
            if "op" in guard:
                guard["than"] = title
    return graph


def _well_formed(graph: Graph) -> None:
    lines = mermaid(graph).splitlines()
    assert lines[0] == "flowchart TD"
    bad = [line for line in lines[1:] if not (_MERMAID_NODE.fullmatch(line) or _MERMAID_EDGE.fullmatch(line))]
    assert bad == []
    lines = dot(graph).splitlines()
    assert re.fullmatch(rf"digraph {_DOT_TEXT} \{{", lines[0])
    assert lines[-1] == "}"
    assert [line for line in lines[1:-1] if not _DOT_LINE.fullmatch(line)] == []
    for text in (tree(graph), show(graph)):
        assert "\x1b" not in text
        assert "\u202e" not in text


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_titles(title: str) -> None:
    """No title, label or value can end its quotes, open a tag or add a line."""
    _well_formed(_with_title(title))


@given(st.text(max_size=60))
def test_any_title(title: str) -> None:
    """The same for any text whatever."""
    _well_formed(_with_title(title))


@pytest.mark.parametrize("id", SHIPPED)
def test_every_step_is_drawn(id: str) -> None:
    """Each drawing has every step, and every edge leads to something that is drawn."""
    graph = compiled(shipped(id)).graph
    _well_formed(graph)
    nodes = re.findall(r"^  (s\d+)[\[{(]", mermaid(graph), re.MULTILINE)
    assert len(nodes) == len(graph["steps"])
    drawn = tree(graph)
    for step in graph["steps"]:
        assert len(re.findall(rf"(?:^ *|→ ){re.escape(step)} · \w+ · ", drawn, re.MULTILINE)) == 1
    for text in (mermaid(graph), dot(graph)):
        names = set(re.findall(r"^  (\w+) ?[\[({>]", text, re.MULTILINE))
        arrows = re.findall(r"^  (\w+) -.*?[>|] (\w+)(?: \[.*)?;?$", text, re.MULTILINE)
        assert arrows
        assert {name for pair in arrows for name in pair} <= names


def test_tree_of_the_small_runbook() -> None:
    """The tree is what a person would draw."""
    assert tree(compiled(SMALL).graph).splitlines() == [
        "Small (9.9)",
        "look · action · Look",
        "  success → disable · action · Change",
        "    success → recovered · verify · Proof",
        "      success → mitigated",
        "      failure → not recovered",
        "      inconclusive → inconclusive",
        "    failure → a person decides",
        "    declined → aborted",
        "  failure → a person decides",
    ]


@pytest.mark.parametrize("id", SHIPPED)
def test_show_fits_a_terminal(id: str) -> None:
    """Reading a runbook takes 80 columns, and shows every step, approval and clock."""
    graph = compiled(shipped(id)).graph
    text = show(graph)
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    flat = " ".join(text.split())
    own = {key: step for key, step in graph["steps"].items() if "." not in key}
    for key, step in own.items():
        assert f"[{key}]" in flat
        assert " ".join(step["title"].split()) in flat
    assert flat.count("the operator approves it") == sum(bool(step.get("approve")) for step in own.values())
    assert flat.count("Clock ") == sum("." not in timer["id"] for timer in graph["timers"])


@pytest.mark.parametrize("format", FORMATS)
def test_formats(format: str) -> None:
    """Each format has its drawing, and ends its last line."""
    assert draw(compiled(SMALL).graph, format).endswith("\n")


def test_the_schema_is_up_to_date() -> None:
    """runbooks/schema.json is what the models say; `omniops runbook schema` writes it."""
    assert (FOLDER / "schema.json").read_text(encoding="utf-8") == schema_text()


def test_the_schema_says_what_the_models_say() -> None:
    """Unknown keys, unknown actions and nulls are refused by an editor as well."""
    made = schema()
    assert made["additionalProperties"] is False
    assert "null" not in json.dumps(made)
    action = made["$defs"]["ActionStep"]
    assert "connection.disable" in action["properties"]["action"]["enum"]
    assert action["properties"]["approve"]["const"] == "operator"
    assert action["additionalProperties"] is False
    assert set(made["required"]) == {"format", "id", "section", "title", "summary", "start", "steps"}
