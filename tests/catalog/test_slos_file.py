"""`omniops slo --file`: omniops' own format, the owners' format, and the clear error of the file they have today."""

from __future__ import annotations

from pathlib import Path

import pytest

from omniops.catalog.slos_file import read_slos
from omniops.errors import BadInput
from omniops.incident.ladder import shipped_slos
from tests.support.runbooks import FOLDER

OWNERS = """\
# Objectives in the form that the owners generate.
apiVersion: slo.dev/v1
kind: SLOs
metadata: {name: omniroute, generated: 2026-06-18}

slos:
  - id: availability-cluster
    name: Good answers
    description: |
      Two lines
      of text: with a colon.
    sli:
      spec:
        ratio:
          success:
            metricSource:
              type: prometheus
              query: |
                sum(rate(requests_total{app="o",code=~"2..|4.."}[30d]))
          total:
            metricSource:
              type: prometheus
              query: |
                sum(rate(requests_total{app="o"}[30d]))
    objectives:
PADDING      - target: 0.999
        window: 30d
    alerting: {burnRate: [{window: 5m, threshold: 6}]}
  - id: latency-p95-aggregate
    name: Fast answers
    sli: {spec: {threshold: {metricSource: {query: 'histogram_quantile(0.95, sum by (le) (rate(b{p=~"v1.*"}[5m])))'}}}}
    objectives: [{target: 1.5, window: 5m, comparison: lte}]
  - id: sockets
    name: Connections
    sli: {spec: {threshold: {metricSource: {query: 'sum(ws{app="o"})'}}}}
    objectives: [{target: 280, window: 5m, comparison: lt}]
  - id: burn-5m
    name: Fast burn
    sli: {spec: {threshold: {metricSource: {query: '(1 - (sum(rate(g[5m])) / sum(rate(a[5m])))) / (1 - 0.999)'}}}}
    objectives: [{target: 6, window: 5m, comparison: gt}]
""".replace("PADDING", "      # So that the next but one line is the 38th, as it is in the owners' file.\n" * 11)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "slos.yaml"
    path.write_text(OWNERS, encoding="utf-8")
    return path


def test_the_owners_format(file: Path) -> None:
    """Selectors, objectives, quantiles and limits are taken out of the owners' queries; what else is there is not."""
    slos = read_slos(file)
    main, speed, sockets, burn = slos.slos
    assert (main.measures, main.objective, main.window_s) == ("availability", 0.999, 30 * 86400.0)
    assert (main.good, main.all) == ('requests_total{app="o",code=~"2..|4.."}', 'requests_total{app="o"}')
    assert (speed.measures, speed.quantile, speed.budget_s, speed.buckets) == ("latency", 0.95, 1.5, 'b{p=~"v1.*"}')
    assert (sockets.measures, sockets.below, sockets.gauge) == ("count", 280.0, 'ws{app="o"}')
    assert (burn.measures, burn.below, burn.window_s, burn.of) == ("burn_rate", 6.0, 300.0, "availability-cluster")


def test_omniops_own_format() -> None:
    """The file that omniops ships is read as it is everywhere else."""
    assert read_slos(FOLDER / "slos.yaml") == shipped_slos()


def test_the_file_that_they_have_today(file: Path) -> None:
    """`window` one level too deep on line 38 is no YAML: file, line, column, and where to put it."""
    lines = OWNERS.splitlines()
    assert lines[37] == "        window: 30d"
    lines[37] = "  " + lines[37]
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read_slos(file)
    assert caught.value.what == f"{file}:38:17: not YAML: mapping values are not allowed here"
    assert caught.value.next == (
        "`window` is indented too deep: put it in column 9, under the `target` of the line above"
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("target: 0.999", "target: 99.9", ":37:17: it is not between 0 and 1"),
        ("target: 0.999", "target: most", "'most' is no number"),
        ("window: 30d", "window: month", ":38:17: a duration is wanted"),
        ("target: 280,", "", "target is missing"),
        ("[30d]))\n          total", "))\n          total", "no selector with a window"),
        ("'sum(ws{app=\"o\"})'", "max(up)", "neither a histogram_quantile"),
        ("id: sockets", "id: burn-5m", "is there twice"),
        ("id: sockets", "id: sockets\n    id: sockets", "the key 'id' is there twice"),
        ("        ratio:", "        threshold:", "threshold.metricSource.query is missing"),
        ("slos:", "objectives:", "neither omniops' own format"),
        ("    objectives:\n", "    objectives: [\n", "not YAML"),
    ],
)
def test_what_makes_no_sense(file: Path, old: str, new: str, words: str) -> None:
    """What omniops reads of the file must make sense; the error says where it does not."""
    assert old in OWNERS
    file.write_text(OWNERS.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read_slos(file)
    assert words in caught.value.what
    assert str(file) in caught.value.what


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b"- 1\n", "a mapping is wanted"),
        (b"x" * (2 << 20), "large"),
    ],
)
def test_what_is_no_file_of_slos(tmp_path: Path, data: bytes, words: str) -> None:
    """An empty file, another encoding, another shape and a huge one are refused; so is one that is not there."""
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(BadInput, match=words):
        read_slos(tmp_path / "x")
    with pytest.raises(BadInput, match="cannot be read"):
        read_slos(tmp_path / "y")
