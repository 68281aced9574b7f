"""severity.yaml and slos.yaml: the shipped copy, a user's own, and what is refused where."""

from __future__ import annotations

from pathlib import Path

import pytest

from omniops.catalog.ladder import ladder_for, load_ladder, load_slos, shipped_source, slos_for
from omniops.errors import BadInput
from omniops.incident import ladder as shapes

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "runbooks"
SEVERITY = (RUNBOOKS / "severity.yaml").read_text(encoding="utf-8")
SLOS = (RUNBOOKS / "slos.yaml").read_text(encoding="utf-8")


def test_shipped_is_the_yaml() -> None:
    """What omniops carries is what the YAML says."""
    slos = load_slos(RUNBOOKS / "slos.yaml")
    assert shapes.shipped_slos() == slos
    assert shapes.shipped() == load_ladder(RUNBOOKS / "severity.yaml", slos)


def test_shipped_source_is_current() -> None:
    """The generated module is byte for byte what the generator writes today."""
    shipped = ROOT / "omniops" / "incident" / "shipped.py"
    assert shipped.read_text(encoding="utf-8") == shipped_source(RUNBOOKS)


def test_ladder_holds_section_1() -> None:
    """Resolve-by limits, paging and the burn-rate rules are those of the runbook."""
    ladder = shapes.shipped()
    assert [(rung.id, rung.resolve_s, rung.page.priority, rung.page.within_s) for rung in ladder.severities] == [
        ("SEV-1", 4 * 3600, "P0", 0),
        ("SEV-2", 24 * 3600, "P1", 900),
        ("SEV-3", 7 * 86400, None, None),
        ("SEV-4", None, None, None),
    ]
    rules = {rule.id: rule for rule in ladder.rules}
    assert (rules["error-ratio"].above, rules["error-ratio"].min_errors) == (0.5, 5)
    assert (rules["burn-5m"].at_least, rules["burn-5m"].window_s) == (6, 300)
    assert (rules["burn-1h"].at_least, rules["burn-1h"].window_s) == (2, 3600)
    assert (rules["burn-7d"].below, rules["burn-7d"].unless) == (1, ("SEV-1", "SEV-2"))
    assert (ladder.objective, ladder.error_budget, ladder.p95_budget_s) == (0.999, 0.001, 1.5)


def test_every_suggested_runbook_exists() -> None:
    """The ladder suggests only runbooks that ship."""
    ladder = shapes.shipped()
    for runbook in {suggestion.runbook for suggestion in ladder.runbooks} | {ladder.security.runbook}:
        assert (RUNBOOKS / f"{runbook}.yaml").is_file()


@pytest.mark.parametrize(
    ("id", "field", "value"),
    [
        ("availability-cluster", "objective", 0.999),
        ("availability-cluster", "window_s", 30 * 86400),
        ("error-budget-burn-5m", "below", 6),
        ("error-budget-burn-1h", "below", 2),
        ("latency-p95-aggregate", "budget_s", 1.5),
        ("latency-p99-aggregate", "budget_s", 4.0),
        ("responses-ttfb", "budget_s", 0.9),
        ("embeddings-latency", "budget_s", 0.7),
        ("health-ping", "budget_s", 0.05),
        ("ws-connections", "below", 280),
    ],
)
def test_slos_are_the_owners(id: str, field: str, value: float) -> None:
    """Each SLO has the budget that the owners' document gives it."""
    assert getattr(shapes.shipped_slos().get(id), field) == value


def test_unknown_ids_are_key_errors() -> None:
    """An SLO or severity that does not exist is a KeyError, not a default."""
    with pytest.raises(KeyError):
        shapes.shipped_slos().get("nope")
    with pytest.raises(KeyError):
        shapes.shipped().severity("SEV-9")


def test_without_a_folder_the_shipped_one() -> None:
    """No folder, or one without these files, gives what ships, and reads nothing."""
    assert ladder_for(None) is shapes.shipped()
    assert ladder_for(ROOT / "docs") is shapes.shipped()
    assert slos_for(ROOT / "docs") is shapes.shipped_slos()


def test_a_users_ladder_overrides(tmp_path: Path) -> None:
    """A severity.yaml of one's own replaces the ladder; the SLOs stay."""
    (tmp_path / "severity.yaml").write_text(SEVERITY.replace("above: 0.5,", "above: 0.3,"), encoding="utf-8")
    ladder = ladder_for(tmp_path)
    assert ladder.rules[0].above == 0.3
    assert ladder.objective == 0.999


def test_a_users_slos_move_the_budgets(tmp_path: Path) -> None:
    """A slos.yaml of one's own moves what the shipped ladder measures against."""
    (tmp_path / "slos.yaml").write_text(SLOS.replace("0.999 #", "0.99 #").replace("1500ms", "3s"), encoding="utf-8")
    ladder = ladder_for(tmp_path)
    assert (ladder.error_budget, ladder.p95_budget_s) == (0.01, 3.0)
    assert ladder.rules == shapes.shipped().rules


def test_slos_without_what_the_ladder_needs(tmp_path: Path) -> None:
    """SLOs that lack the one the ladder measures against are refused, not guessed."""
    (tmp_path / "slos.yaml").write_text(SLOS.replace("availability-cluster", "availability"), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        ladder_for(tmp_path)
    assert "'availability-cluster' is no SLO with an objective" in caught.value.why


BAD_LADDERS = [
    ("format: 1\n", "format: 2\n", "3:9: format: this omniops reads format 1"),
    ("burn_rate_of:", "burn_rates_of:", "burn_rates_of: unknown key"),
    ("burn_rate_of: availability-cluster", "burn_rate_of: nope", "'nope' is no SLO with an objective"),
    ("  - id: SEV-4", "  - id: SEV-3", "severities: the severities are not SEV-1"),
    ("priority: P0", "priority: P7", "'P7' is not known here"),
    ("within: 15m", "within: 15", "within: a duration is wanted here"),
    ("    resolve_within: 4h\n", "", "exactly one of resolve_within and resolve_words"),
    (
        "      cosmetic: something",
        "      log_glitch: a\n      cluster_down: something",
        "the fact 'cluster_down' is there twice",
    ),
    ("above: 0.5,", "above: half,", "above: a number of at least 0 is wanted here"),
    ("above: 0.5, ", "", "a rule needs a limit"),
    ("signal: p95", "signal: p96", "signal: 'p96' is not known here"),
    ("signal: error_ratio, window: 5m", "signal: error_ratio, window: 1h", "window: error_ratio is over 5 minutes"),
    ("window: 1h, ", "", "window is missing, and needed for burn_rate"),
    ("id: burn-1h", "id: burn-5m", "the rule or fact 'burn-5m' is there twice"),
    ("when: cluster_down", "when: cluster_up", "when: 'cluster_up' is not known here"),
    ("  fact: security\n", "", "security: fact is missing"),
    ("below: 1,", "below: 1, min_errors: 5,", "min_errors: min_errors is for ratios"),
]


@pytest.mark.parametrize(("old", "new", "problem"), BAD_LADDERS, ids=[problem for _, _, problem in BAD_LADDERS])
def test_bad_ladder(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """A mistake in a severity.yaml is refused with file, line, column and the mend."""
    assert old in SEVERITY
    path = tmp_path / "severity.yaml"
    path.write_text(SEVERITY.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        load_ladder(path)
    assert caught.value.what.startswith(f"{path}:")
    assert problem in caught.value.what
    assert caught.value.next


def test_the_position_is_that_of_the_mistake(tmp_path: Path) -> None:
    """Line and column point at the value that is wrong."""
    path = tmp_path / "severity.yaml"
    text = SEVERITY.replace("within: 15m", "within: 15")
    path.write_text(text, encoding="utf-8")
    before = text[: text.index("within: 15}") + len("within: ")]
    line, column = before.count("\n") + 1, len(before) - before.rindex("\n")
    with pytest.raises(BadInput, match=f"severity.yaml:{line}:{column}: within"):
        load_ladder(path)


BAD_SLOS = [
    ("objective: 0.999 ", "objective: 99.9 ", "objective: it is not between 0 and 1"),
    ("    objective: 0.999 # 43.2 min of error budget\n", "", "objective is missing"),
    ("of: availability-cluster", "of: nope", "of: 'nope' is no SLO of this file"),
    ("measures: count", "measures: counts", "'counts' is not known here"),
    ("budget: 1500ms", "budget: 1500", "budget: a duration is wanted here"),
    ("id: health-ping", "id: responses-ttfb", "the SLO 'responses-ttfb' is there twice"),
    ("p50: 1s,", "p50: 0s,", "p50: a duration is wanted here"),
    ("method: POST", "method: SEND", "'SEND' is not known here"),
]


@pytest.mark.parametrize(("old", "new", "problem"), BAD_SLOS, ids=[problem for _, _, problem in BAD_SLOS])
def test_bad_slos(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """A mistake in a slos.yaml is refused with file, line and column."""
    assert old in SLOS
    path = tmp_path / "slos.yaml"
    path.write_text(SLOS.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        load_slos(path)
    assert caught.value.what.startswith(f"{path}:")
    assert problem in caught.value.what


def test_a_wrongly_indented_key_is_placed(tmp_path: Path) -> None:
    """The owners' own mistake, a key one level too deep, ends in file, line and column."""
    path = tmp_path / "slos.yaml"
    path.write_text(SLOS.replace("    window: 30d", "     window: 30d"), encoding="utf-8")
    line = SLOS[: SLOS.index("window: 30d")].count("\n") + 1
    with pytest.raises(BadInput, match=f"slos.yaml:{line}:"):
        load_slos(path)


def test_unreadable(tmp_path: Path) -> None:
    """A folder in place of the file is refused in words."""
    (tmp_path / "severity.yaml").mkdir()
    with pytest.raises(BadInput, match="cannot be read"):
        ladder_for(tmp_path)
