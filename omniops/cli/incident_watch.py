"""`omniops incident watch`: a screen redrawn in place, or, without a terminal, what changes as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omniops.cli.context import clock, open_journal, settings, streams

if TYPE_CHECKING:
    from datetime import datetime

    from omniops.incident.board import Board
    from omniops.runner.board import Gatherer


def watch_incident(id: str, every_s: float, times: int, json: bool) -> None:
    """Look until q, Ctrl-C, or ``times`` looks. Leaving is no failure, however it is done."""
    from omniops.runner.board import Gatherer
    from omniops.runner.meant import pick

    journal = open_journal()
    gatherer = Gatherer(journal, pick(journal, id).id, settings().user_runbooks)
    try:
        if not json and streams().interactive and not streams().dumb and streams().stdout.isatty():
            _on_screen(gatherer, every_s, times)
        else:
            _as_log(gatherer, every_s, times, json)
    except KeyboardInterrupt:
        return


def _on_screen(gatherer: Gatherer, every_s: float, times: int) -> None:
    from omniops.terminal.live_screen import watch
    from omniops.terminal.views.board import screen

    def lines(columns: int, rows: int) -> list[tuple[str, str]]:
        now = clock().now()
        return screen(gatherer.look(now), now, columns, rows)

    watch(streams(), lines, every_s, times)


def _as_log(gatherer: Gatherer, every_s: float, times: int, json: bool) -> None:
    """One line for each thing that is new or different; with ``json`` the whole board on a line when any is."""
    from omniops.terminal.views.board import Facts, changes, facts

    before: Facts = {}
    looks = 0
    while True:
        now = clock().now()
        board = gatherer.look(now)
        found = facts(board, now)
        new = changes(before, found)
        if json and new:
            _json_line(board, now)
        elif not json:
            for line, tone in new:
                streams().result(f"{now:%H:%M:%S}Z  {line}", tone)
        before = found
        looks += 1
        if looks == times:
            return
        clock().sleep(every_s)


def _json_line(board: Board, now: datetime) -> None:
    import json

    from omniops.clock import iso
    from omniops.incident.story import incident_json

    runs = {one.run: {"incident": board.incident.id} for one in board.walks}
    told = [one._asdict() for one in board.story[-10:]]
    if board.incident.frozen:
        said = {"id": board.incident.id, "status": board.incident.status, "frozen": board.incident.frozen,
                "frozen_by": board.incident.frozen_by}  # fmt: skip
    else:
        said = incident_json(board.incident, runs)
    answer = {"schema": "omniops.board/1", "at": iso(now), **said, **board.stands(now), "last": told}
    streams().result(json.dumps(answer, ensure_ascii=False))
