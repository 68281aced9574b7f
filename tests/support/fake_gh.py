"""A `gh` that keeps issues in a file: as much of it as omniops uses, said the way the real one says it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_SCRIPT = """#!{python}
import json, sys, time
from pathlib import Path
folder = Path({folder!r})
store = folder / "issues.json"
issues = json.loads(store.read_text()) if store.exists() else []
words = sys.argv[1:]
given = [(words[n], words[n + 1]) for n in range(2, len(words) - 1) if words[n].startswith("--")]
if (folder / "slow").exists():
    (folder / "begun").touch()
    time.sleep(0.5)
if (folder / "logged-out").exists():
    print("To get started with GitHub CLI, please run:  gh auth login", file=sys.stderr)
    sys.exit(4)
if words[:2] == ["issue", "list"]:
    print(json.dumps([{{"url": one["url"], "body": one["body"]}} for one in reversed(issues)]))
elif words[:2] == ["issue", "create"] and dict(given).get("--body-file") == "-":
    for label in (value for name, value in given if name == "--label"):
        if label not in {labels!r}:
            print(f"could not add label: '{{label}}' not found", file=sys.stderr)
            sys.exit(1)
    named = dict(given)
    url = f"https://github.example/{{named['--repo']}}/issues/{{len(issues) + 1}}"
    labels = [value for name, value in given if name == "--label"]
    issues.append({{"url": url, "title": named["--title"], "body": sys.stdin.read(), "labels": labels}})
    store.write_text(json.dumps(issues))
    if (folder / "breaks").exists():
        print("error connecting to api.github.example", file=sys.stderr)
        sys.exit(1)
    says = folder / "says"
    print(says.read_text() if says.exists() else url)
else:
    print("unknown command", file=sys.stderr)
    sys.exit(1)
"""


class FakeGh:
    """A folder with a `gh` in it. Files called ``logged-out``, ``slow`` or ``breaks`` (after it was made) change what
    it does.
    What stands in one called ``says`` is printed instead of the new issue's address."""

    def __init__(self, folder: Path, labels: tuple[str, ...] = ("dependencies",)) -> None:
        self.folder = folder / "gh"
        self.folder.mkdir()
        script = self.folder / "gh"
        script.write_text(
            _SCRIPT.format(python=sys.executable, folder=str(self.folder), labels=list(labels)), encoding="utf-8"
        )
        script.chmod(0o755)

    @property
    def path(self) -> str:
        """A PATH that finds it first."""
        return f"{self.folder}:/usr/bin:/bin"

    def issues(self) -> list[dict[str, Any]]:
        """The issues that were made, oldest first."""
        store = self.folder / "issues.json"
        found: list[dict[str, Any]] = json.loads(store.read_text(encoding="utf-8")) if store.exists() else []
        return found

    def turn(self, what: str) -> None:
        """From now on: ``logged-out``, or ``breaks``."""
        (self.folder / what).touch()
