"""What a command that sends something needs, from its flags and from who is at the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omniops.cli.context import clock, open_journal, person, settings, streams

if TYPE_CHECKING:
    from omniops.runner.leaving import Here
    from omniops.runner.outbox import Show


def here_for(yes: bool, json: bool) -> Here:
    """``yes``: nobody has a last look. The journal is opened for writing."""
    from omniops.runner.leaving import Here
    from omniops.runner.wiring import clients_of

    asked = person(yes=yes)
    edit = None
    if asked.interactive:
        from omniops.cli.editing import edit as opened

        edit = opened
    clients = clients_of(settings(), clock())
    return Here(settings(), clock(), asked, open_journal(create=True), clients, pasting(json), edit)


def pasting(json: bool) -> Show | None:
    """Shows what no service here can take, where somebody sees it; else None, and such a message waits."""
    if json or not streams().err_tty:
        return None
    from omniops.cli.pasting import paste

    return paste
