"""Is `omniops tick` run by anything between commands?"""

from __future__ import annotations

from pathlib import Path

import pytest

from omniops.runner.ticking import installed

SERVICE = "[Service]\nExecStart=/usr/bin/omniops --env prod tick --quiet\n"
TIMER = "[Timer]\nOnCalendar=minutely\n"
CRON = "* * * * * OMNIOPS_ENV=prod /usr/local/bin/omniops tick --quiet\n"
OTHER = "* * * * * omniops probe --region eu\n# * * * * * omniops tick\n"


def look(folder: Path, crontab: str = "") -> str:
    """Where it is found, relative to the folder that stands for this machine."""
    found = installed(
        {"HOME": str(folder)}, units=(folder / "units",), cron=(folder / "crontab", folder / "cron.d"),
        crontab=lambda env: crontab,
    )  # fmt: skip
    return found.removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, ""),
        ({"units/omniops.timer": TIMER, "units/omniops.service": SERVICE}, "units/omniops.timer"),
        (
            {".config/systemd/user/t.timer": TIMER + "Unit=o.service\n", ".config/systemd/user/o.service": SERVICE},
            ".config/systemd/user/t.timer",
        ),
        ({"units/omniops.service": SERVICE}, ""),
        ({"units/omniops.timer": TIMER, "units/omniops.service": "[Service]\nExecStart=omniops probe\n"}, ""),
        ({"units/omniops.timer": TIMER, "units/omniops.service": "#ExecStart=omniops tick\n"}, ""),
        ({"crontab": CRON}, "crontab"),
        ({"cron.d/other": OTHER, "cron.d/tick": CRON}, "cron.d/tick"),
        ({"cron.d/other": OTHER}, ""),
        ({"cron.d/broken": "\x00\xff"}, ""),
    ],
)
def test_files(tmp_path: Path, files: dict[str, str], found: str) -> None:
    """A timer whose service runs it, or a line of cron; not a service alone, nor what is commented out."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert look(tmp_path) == found


@pytest.mark.parametrize(("crontab", "found"), [(CRON, "crontab"), (OTHER, ""), ("", "")])
def test_the_users_crontab(tmp_path: Path, crontab: str, found: str) -> None:
    """What `crontab -l` prints counts as well."""
    assert look(tmp_path, crontab) == found


def test_a_machine_without_cron(tmp_path: Path) -> None:
    """Where there is no crontab command, nothing is found and nothing breaks."""
    assert installed({"HOME": str(tmp_path), "PATH": str(tmp_path)}, units=(), cron=()) == ""
