"""A command that owes a message and sends it: ``python -m tests.support.outbox_command ENGINE TO BODY``.

It does what a command of omniops does: real settings, the real journal, an incident that it opens where there is none,
`queue` and `flush`. OMNIOPS_FAILPOINT kills it where the test wants.
"""

from __future__ import annotations

import json
import os
import sys

from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.journal.events import New
from omniops.journal.store import SqliteJournal
from omniops.runner import outbox
from omniops.runner.wiring import clients_of

INCIDENT = "2026-11-23-openai-outage"


def main(argv: list[str]) -> int:
    engine, to, body = argv
    settings, clock = Settings(os.environ), SystemClock()
    journal = SqliteJournal(settings.journal_path, clock, settings.operator, "host")
    if not journal.length(f"incident/{INCIDENT}"):
        opened = {"title": "OpenAI is down", "onset": "2026-11-23T03:00:00.000Z"}
        journal.append([New(f"incident/{INCIDENT}", 0, "incident.opened", opened)])
    outbox.queue(journal, INCIDENT, engine=engine, to=to, about="ack", body=json.loads(body), key="ack")
    outbox.flush(settings, clock, journal, clients_of(settings, clock))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
