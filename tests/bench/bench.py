"""The benchmark: ``python -m tests.bench.bench [--write] [startup toggle steps journal]``.

Every figure is a ratio to something that was run beside it, in turn with it: a machine's speed, and how busy it is,
cancel out. ``--write`` puts the tables into docs/benchmarks.md. It is not a test: nothing fails when an aim is missed.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench.measure import Row, Skipped

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = "| what | beside | ratio | aim | |\n|---|---|---|---|---|\n"


def _startup(work: Path) -> list[Row]:
    from tests.bench.startup import measure

    return measure(_programs(work), work)


def _toggle(work: Path) -> list[Row]:
    from tests.bench.toggle import measure

    return measure(_programs(work), work)


def _steps(work: Path) -> list[Row]:
    from tests.bench.steps import measure

    return measure(work)


def _journal(work: Path) -> list[Row]:
    from tests.bench.journal import measure

    return measure(work)


PARTS: dict[str, Callable[[Path], list[Row]]] = {
    "startup": _startup,
    "toggle": _toggle,
    "steps": _steps,
    "journal": _journal,
}


def _programs(work: Path) -> Path:
    """The wheel, built and installed as a user would: with the newest pip, whose start script imports nothing."""
    from tests.support import wheel

    programs = work.parent / "venv" / "bin"
    if not programs.exists():
        wheel.install(wheel.build(work.parent / "dist"), programs.parent, newest_pip=True)
    return programs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the tables into docs/benchmarks.md")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; default: all")
    asked = parser.parse_args()
    gc.disable()  # as omniops itself does (entry.py)
    unknown = set(asked.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="omniops-bench-") as folder:
        for name in asked.parts or PARTS:
            work = Path(folder) / name
            work.mkdir()
            try:
                table = HEAD + "\n".join(row.line() for row in PARTS[name](work))
            except Skipped as why:
                print(f"\n{name}: skipped, {why}", file=sys.stderr)
                continue
            print(f"\n{name}\n\n{table}", flush=True)
            if asked.write:
                _write(name, f"{table}\n\n{_measured_with()}")


def _measured_with() -> str:
    """What a reader has to know: a busy machine makes whatever runs longer look worse than it is."""
    load = f"load {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores"
    return f"Python {platform.python_version()}, {platform.system()}, {load}."


def _write(part: str, table: str) -> None:
    """Replace one table of the page, between its two marks."""
    text = PAGE.read_text(encoding="utf-8")
    block = f"<!-- {part} -->\n{table}\n<!-- end -->"
    changed, count = re.subn(rf"<!-- {part} -->.*?<!-- end -->", lambda _: block, text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{PAGE} has {count} places for {part}")
    PAGE.write_text(changed, encoding="utf-8")


if __name__ == "__main__":
    main()
