"""What is generated is up to date, and what the documents name exists."""

from __future__ import annotations

import re

import pytest

from tests.support.generate import GENERATED, ROOT


@pytest.mark.parametrize("name", list(GENERATED))
def test_generated_is_up_to_date(name: str) -> None:
    """Running the generator again changes nothing."""
    assert (ROOT / name).read_text(encoding="utf-8") == GENERATED[name](), "python -m tests.support.generate"


def test_the_places_that_the_architecture_names_exist() -> None:
    """Whoever looks a thing up in docs/architecture.md finds it there."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for place in re.findall(r"`((?:omniops|tests|docs|runbooks)/[\w./*-]+)`", text):
        assert list(ROOT.glob(place)), place


def test_no_file_names_this_machine_or_a_registry() -> None:
    """No committed file holds a path of a developer's machine or a package registry's address."""
    import subprocess

    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    bad = re.compile(
        "|".join(["/ro" + "ot/", "/wo" + "rk/", "/opt/" + "pypi", "pypi" + r"\.org", "registry" + r"\.npmjs"])
    )
    for name in files:
        found = bad.search((ROOT / name).read_text(encoding="utf-8", errors="replace"))
        assert not found, f"{name}: {found and found.group()}"


def test_settings_that_the_documents_name_exist() -> None:
    """A setting that README names is one of the table that the config file and docs/config.md are made from."""
    from omniops.config.names import SETTINGS

    prefixes = {name.partition("_")[0] for name in SETTINGS}
    named = {word for word in re.findall(r"\b[A-Z]+_[A-Z_]+\b", _readme()) if word.partition("_")[0] in prefixes}
    known = {name + ending for name in SETTINGS for ending in ("", "_FILE", "_COMMAND")}
    assert named - known == {"OMNIOPS_LONG"}  # the tests' own


def _readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")
