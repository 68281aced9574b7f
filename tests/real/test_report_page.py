"""The HTML report in a real browser: Debian's chromium, on a phone's width and on a desk's."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from omniops.incident.report_html import POLICY, page
from omniops.incident.report_style import STYLE
from omniops.runner.exporting import report_of
from omniops.runner.known import incident_of
from tests.support.chromium import Browser
from tests.support.incidents import ID, START, Story

PHONE, DESK = 390, 1280


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return Browser(tmp_path_factory.mktemp("chromium"))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a whole incident, with hostile texts in every place that somebody can write to."""
    journal = Story().opened().mitigated().put_back().journal
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(report_of(journal, incident_of(journal, ID), START + timedelta(minutes=50))), encoding="utf-8")
    return path


@pytest.mark.parametrize(("width", "height"), [(PHONE, 900), (DESK, 600)])
def test_pictures(browser: Browser, report: Path, width: int, height: int) -> None:
    """It is drawn, in colour, with an empty margin at the right edge; and nothing is asked of the network for it."""
    picture = browser.picture(report, width, height)
    assert (picture.width, picture.height) == (width, height)
    assert browser.asked == []
    assert len(picture.colours()) > 50
    assert {bytes.fromhex("c01c28"), b"\xff\xff\xff"} <= picture.colours()  # the badge of SEV-1, and paper
    assert picture.column(width - 1) == picture.column(0) == {b"\xff\xff\xff"}


def test_nothing_is_too_wide(browser: Browser, report: Path, tmp_path: Path) -> None:
    """Nothing sticks out at any width: frames of those widths, in a page that measures them, need not be scrolled.
    Below 600 pixels there is one column, and a plot whose words can be read."""
    widths = (320, PHONE, 599, 600, DESK)
    inner = report.read_text(encoding="utf-8").replace(POLICY, "")
    inner = inner.replace("</body>", f"<script>parent.postMessage([{_MEASURES}].join(' '), '*')</script></body>")
    assert POLICY not in inner
    (tmp_path / "inner.html").write_text(inner, encoding="utf-8")
    frames = "".join(f'<iframe src="inner.html" width="{width}" height="900"></iframe>' for width in widths)
    # Who listens is there before the frames are: the first of them may speak at once.
    outer = f"""<!doctype html><style>iframe {{border: 0}}</style><pre></pre>
    <script>onmessage = event => document.querySelector("pre").append(event.data + ";")</script>{frames}"""
    (tmp_path / "outer.html").write_text(outer, encoding="utf-8")
    found = re.search(r"<pre>(.*?);</pre>", browser.dom(tmp_path / "outer.html", DESK + 100))
    assert found is not None
    # How far it scrolls, how wide it is, which plot is shown, and whether the tables' headings are.
    phone, desk = "none block absolute", "block none static"
    expected = {f"{width} {width} {phone if width < 600 else desk}" for width in widths}
    assert set(found.group(1).split(";")) == expected


_MEASURES = """document.documentElement.scrollWidth, innerWidth,
getComputedStyle(document.querySelector('.wide')).display, getComputedStyle(document.querySelector('.narrow')).display,
getComputedStyle(document.querySelector('thead')).position"""


def test_nothing_runs_and_nothing_is_fetched(browser: Browser, report: Path, tmp_path: Path) -> None:
    """No element came out of a hostile text. Were one to get through, the page's policy would still stop it; without
    the policy the proxy sees it."""
    found = browser.dom(report, DESK)
    assert browser.asked == []
    assert re.findall(r"<(?:script|img|iframe|object|a|form|base|link)\b[^>]*>", found) == [
        '<link rel="icon" href="data:,">'
    ]
    assert "<title>OpenAI fails &lt;script&gt;" in found
    style = '<p style="background:url(http://omniops.invalid/y)">.</p>'
    hole = f'<script>document.title="owned"</script><img src="http://omniops.invalid/x.png">{style}'
    pierced = report.read_text(encoding="utf-8").replace("<main>", f"<main>{hole}")
    (tmp_path / "pierced.html").write_text(pierced, encoding="utf-8")
    assert "<title>owned" not in browser.dom(tmp_path / "pierced.html", DESK)
    assert browser.asked == []
    (tmp_path / "open.html").write_text(pierced.replace(POLICY, ""), encoding="utf-8")
    assert "<title>owned" in browser.dom(tmp_path / "open.html", DESK)
    assert any("omniops.invalid/x.png" in one for one in browser.asked)


def test_on_paper(browser: Browser, report: Path, tmp_path: Path) -> None:
    """Printed by somebody whose screen is dark, it is black on white, and the plot is on it."""
    printed = report.read_text(encoding="utf-8").replace(STYLE, STYLE.replace("@media print", "@media all"))
    assert "@media all" in printed
    (tmp_path / "printed.html").write_text(printed, encoding="utf-8")
    picture = browser.picture(tmp_path / "printed.html", 700, 700)
    assert b"\xff\xff\xff" in picture.column(699)
    assert bytes.fromhex("000000") in picture.colours()
    assert bytes.fromhex("1c4f9c") in picture.colours()  # the curve


def test_frozen(browser: Browser, tmp_path: Path) -> None:
    """Of the security path there is a page that says so, and nothing else."""
    journal = Story().opened().frozen().journal
    path = tmp_path / "frozen.html"
    path.write_text(page(report_of(journal, incident_of(journal, ID), START)), encoding="utf-8")
    found = browser.dom(path, PHONE)
    assert "entered at <time" in found
    assert "carol" in found
    assert not re.search("OpenAI|openai|alice|SEV-", found)
