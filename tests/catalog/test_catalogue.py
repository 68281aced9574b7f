"""The catalogue: layers, finding a runbook, the cache and what it may cost."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as fuzz
from hypothesis import strategies as st

from omniops import catalog
from omniops.catalog import cache, catalogue, load
from omniops.config import Settings
from omniops.errors import BadInput, OmniopsError
from tests.support.runbooks import SHIPPED, SMALL, shipped

LONG = bool(os.environ.get("OMNIOPS_LONG"))


def _settings(home: Path, runbooks: Path | None = None) -> Settings:
    more = {"OMNIOPS_RUNBOOKS": str(runbooks)} if runbooks is not None else {}
    return Settings({"OMNIOPS_HOME": str(home), **more})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def yours(tmp_path: Path) -> Path:
    folder = tmp_path / "yours"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(("section", "id"), [("4.1", "provider-outage"), ("4.5", "security"), ("§ 4.3", "auth-broken")])
def test_by_section(home: Path, section: str, id: str) -> None:
    """A section number is as good as the id."""
    assert catalog.get(section, _settings(home))["id"] == id
    assert catalog.get(id, _settings(home)) == catalog.get(section, _settings(home))


def test_all(home: Path) -> None:
    """Every shipped runbook can be walked."""
    assert sorted(graph["id"] for graph in catalog.all(_settings(home))) == sorted(SHIPPED)


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("provider-outge", "did you mean 'provider-outage'?"),
        ("4.9", "there is no runbook '4.9'"),
        ("", "which runbook?"),
        ("\x1b[2Jx", "there is no runbook 'x'"),
        ("3 (0:12)", "is more than one runbook"),
    ],
)
def test_unknown(home: Path, id: str, words: str) -> None:
    """An unknown id is bad input, with the nearest name and the list."""
    with pytest.raises(BadInput) as caught:
        catalog.get(id, _settings(home))
    assert words in caught.value.what
    assert "rollback" in caught.value.why
    assert "\x1b" not in "".join(caught.value.lines())


def test_yours_are_layered_by_id(home: Path, yours: Path) -> None:
    """Yours replaces the shipped one of the same id, whatever its file is called, also where others call it."""
    mine = shipped("rollback").replace("title: Which version answers?", "title: Mine?")
    (yours / "whatever.yaml").write_text(mine, encoding="utf-8")
    (yours / "small.yml").write_text(SMALL, encoding="utf-8")
    here = _settings(home, yours)
    assert catalog.get("rollback", here)["steps"]["running"]["title"] == "Mine?"
    assert catalog.get("4.2", here)["steps"]["rollback.running"]["title"] == "Mine?"
    assert catalog.get("9.9", here)["id"] == "small"
    assert {entry.id: entry.layer for entry in catalog.entries(here)}["rollback"] == "yours"
    assert catalog.get("rollback", _settings(home))["steps"]["running"]["title"] != "Mine?"


def test_what_is_no_runbook_is_left_alone(home: Path, yours: Path) -> None:
    """Other YAML in the same folder (the ladder, the rota, notes) is not taken for a runbook."""
    (yours / "severity.yaml").write_text("steps: here\n", encoding="utf-8")
    (yours / "notes.yaml").write_text("a: [unfinished\n", encoding="utf-8")
    (yours / ".hidden.yaml").write_text("steps: x\n", encoding="utf-8")
    assert len(catalog.entries(_settings(home, yours))) == len(SHIPPED)


def test_a_broken_runbook_is_not_walked_and_breaks_no_other(home: Path, yours: Path) -> None:
    """A runbook with errors is refused with file, line and column; a shipped one is not walked in its place."""
    (yours / "rollback.yaml").write_text(
        shipped("rollback").replace("approve: operator", "approve: two"), encoding="utf-8"
    )
    (yours / "provider-outage.yaml").write_text("steps: [\n", encoding="utf-8")
    here = _settings(home, yours)
    for _ in range(2):  # from the sources, then from the cache
        with pytest.raises(BadInput) as caught:
            catalog.get("rollback", here)
        assert caught.value.why.startswith(f"{yours}/rollback.yaml:22:14: ")
        assert "write `approve: operator`" in caught.value.next
        with pytest.raises(BadInput, match="provider-outage has 1 error"):
            catalog.get("provider-outage", here)
        with pytest.raises(BadInput):
            catalog.get("4.2", here)  # it calls both
        assert catalog.get("4.5", here)["id"] == "security"


def test_one_id_twice(home: Path, yours: Path) -> None:
    """The same id in two files of one folder is refused: which one would be walked?"""
    (yours / "a.yaml").write_text(SMALL, encoding="utf-8")
    (yours / "b.yaml").write_text(SMALL, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        catalog.get("small", _settings(home, yours))
    assert "is taken by a.yaml" in caught.value.why


def test_a_folder_that_is_not_there(home: Path, tmp_path: Path) -> None:
    """OMNIOPS_RUNBOOKS that leads nowhere is bad input, not an empty catalogue."""
    with pytest.raises(BadInput, match="cannot be read"):
        catalog.get("4.1", _settings(home, tmp_path / "nowhere"))


def test_objectives_of_yours(home: Path, yours: Path) -> None:
    """A verify step may name an objective of your slos.yaml, and the cache notices when that file changes."""
    (yours / "small.yaml").write_text(SMALL.replace("slo: latency-p95-aggregate", "slo: mine"), encoding="utf-8")
    slos = (load.shipped_folder() / "slos.yaml").read_text(encoding="utf-8")
    here = _settings(home, yours)
    with pytest.raises(BadInput, match="small has 1 error"):
        catalog.get("small", here)
    (yours / "slos.yaml").write_text(slos.replace("id: latency-p99-aggregate", "id: mine"), encoding="utf-8")
    assert catalog.get("small", here)["id"] == "small"


# The cache ------------------------------------------------------------------------------------------------------------


def _file(home: Path) -> Path:
    (path,) = (home / "cache").glob("catalogue-*.json")
    return path


def test_the_cache_is_private_and_whole(home: Path) -> None:
    """What is cached is for its owner only, and nothing unfinished is left behind."""
    fresh = catalog.entries(_settings(home))
    assert stat.S_IMODE(_file(home).stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "cache").stat().st_mode) == 0o700
    assert [path.name for path in (home / "cache").iterdir()] == [_file(home).name]
    assert catalog.entries(_settings(home)) == fresh


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _reseal(path: Path, body: bytes, key: str) -> None:
    path.write_bytes(cache._seal(body, key).encode() + b"\n" + body)


DAMAGE: list[tuple[str, Callable[[Path], object]]] = [
    ("empty", lambda path: path.write_bytes(b"")),
    ("cut", lambda path: path.write_bytes(path.read_bytes()[:-100])),
    ("flipped", _flip),
    ("text", lambda path: path.write_text("no\nno", encoding="utf-8")),
    ("binary", lambda path: path.write_bytes(b"\xff\xfe\n\xff")),
    ("deep", lambda path: path.write_bytes(b"x\n" + b"[" * 200_000)),
    ("writable by others", lambda path: path.chmod(0o666)),
    ("a folder", _folder),
    ("a loop", _loop),
]


@pytest.mark.parametrize("damage", [row[1] for row in DAMAGE], ids=[row[0] for row in DAMAGE])
def test_a_damaged_cache_is_made_anew(home: Path, damage: Callable[[Path], object]) -> None:
    """A cache that cannot be trusted is never used, and costs nothing but time."""
    fresh = catalog.entries(_settings(home))
    path = _file(home)
    damage(path)
    assert cache.read(home / "cache", _key(home)) is None
    assert catalog.entries(_settings(home)) == fresh
    if path.is_file():
        assert cache.read(home / "cache", _key(home)) is not None, "it was not written anew"


def _key(home: Path) -> str:
    texts = load.texts(_settings(home))
    parts = [part for text in texts for part in (text.layer.encode(), str(text.path).encode(), text.data)]
    return cache.key_of([cache.code(), *parts, b""])


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"schema": "omniops.catalogue/1", "entries": [{}]}', b"[" * 200_000])
def test_a_sealed_cache_of_another_shape_is_made_anew(home: Path, body: bytes) -> None:
    """A file with a good checksum and something else inside is not used either."""
    fresh = catalog.entries(_settings(home))
    _reseal(_file(home), body, _key(home))
    assert catalog.entries(_settings(home)) == fresh


def test_another_key_is_another_cache(home: Path) -> None:
    """A file that was renamed to another key is refused: its checksum is over the key as well."""
    catalog.entries(_settings(home))
    body = _file(home).read_bytes()
    other = cache.key_of([b"other"])
    (home / "cache" / f"catalogue-{other[:32]}.json").write_bytes(body)
    assert cache.read(home / "cache", other) is None
    assert cache.key_of([b"a", b"b"]) != cache.key_of([b"ab"])


@pytest.mark.parametrize("how", ["a file", "read-only"])
def test_without_a_cache_folder(home: Path, how: str) -> None:
    """Where nothing can be cached everything works, every time from the sources."""
    home.mkdir()
    if how == "a file":
        (home / "cache").write_text("", encoding="utf-8")
    else:
        (home / "cache").mkdir(mode=0o500)
    for _ in range(2):
        assert catalog.get("4.1", _settings(home))["id"] == "provider-outage"
    if how == "read-only" and os.geteuid() != 0:
        assert list((home / "cache").iterdir()) == []


def test_old_caches_are_forgotten(home: Path, yours: Path) -> None:
    """Editing a runbook over and over does not fill the cache folder."""
    for n in range(cache.KEEP + 4):
        cache.write(home / "cache", cache.key_of([str(n).encode()]), {"entries": []})
    assert len(list((home / "cache").iterdir())) == cache.KEEP


def test_an_edit_is_noticed(home: Path, yours: Path) -> None:
    """The cache is keyed by content: an edit of the same size in the same second is seen."""
    path = yours / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    assert catalog.get("small", _settings(home, yours))["title"] == "Small"
    status = path.stat()
    path.write_text(SMALL.replace("title: Small", "title: Smell"), encoding="utf-8")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert catalog.get("small", _settings(home, yours))["title"] == "Smell"


def test_a_cached_get_is_cheap(home: Path) -> None:
    """From the cache neither yaml nor pydantic is imported, nor the compiler, nor anything slow to start."""
    catalog.entries(_settings(home))
    code = (
        "import sys, os\nfrom omniops.config import Settings\nfrom omniops.catalog import get\n"
        "assert get('4.1', Settings(os.environ))['id'] == 'provider-outage'\n"
        "print(*sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"OMNIOPS_HOME": str(home), "PYTHONPATH": str(Path(load.__file__).parents[2]), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    banned = {"yaml", "pydantic", "difflib", "dataclasses", "inspect", "logging", "asyncio", "httpx", "rich", "typer"}
    banned |= {"omniops.catalog.compile", "omniops.catalog.models", "omniops.catalog.lint", "omniops.actions.specs"}
    assert sorted(loaded & banned) == []
    assert "omniops.catalog.cache" in loaded


# Fuzz -----------------------------------------------------------------------------------------------------------------

_PIECES = shipped("provider-outage").split("\n")


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    """A shipped runbook with a few lines lost, doubled, moved, indented, or with a word replaced."""
    lines = list(_PIECES)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        how = draw(st.sampled_from(("lose", "double", "move", "indent", "word", "cut")))
        if how == "lose":
            del lines[at]
        elif how == "double":
            lines.insert(at, lines[at])
        elif how == "move":
            lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(at))
        elif how == "indent":
            lines[at] = "  " + lines[at]
        elif how == "cut":
            lines[at] = lines[at][: draw(st.integers(0, 40))]
        else:
            words = draw(st.sampled_from(("~", "[]", "{}", "''", "5", "true", "ask", "done", "${inputs.x}", "return")))
            lines[at] = lines[at].split(":")[0] + ": " + words
    return "\n".join(lines).encode()


@fuzz(max_examples=3000 if LONG else 250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(_damaged(), st.binary(max_size=60).map(lambda some: b"steps:\n" + some)))
def test_whatever_a_file_holds(data: bytes, tmp_path: Path) -> None:
    """A damaged runbook is read, or refused with findings or an OmniopsError; nothing else is ever raised."""
    text = load.Text("file", Path("fuzz.yaml"), data)
    beside = [one for one in load.texts(_settings(tmp_path)) if one.path.stem in ("provider-outage", "rollback")]
    try:
        checked = catalogue.check([*beside, text], _settings(tmp_path))
    except OmniopsError:
        return
    for one in checked:
        for finding in one.findings:
            json.dumps(finding)
            assert finding.line >= 1
            assert finding.column >= 1
