"""A process that writes to a journal: ``python -m tests.support.journal_writer PATH STREAM COUNT NAME``.

Each append holds two events of the stream and one of another; what was acknowledged is printed, one number a line.
"""

from __future__ import annotations

import sys
from pathlib import Path

from omniops.journal.events import Conflict, New
from tests.support.journals import opened


def main(path: str, stream: str, count: str, name: str) -> None:
    journal = opened(Path(path))
    print("ready", flush=True)
    done = 0
    while done < int(count):
        length = journal.length(stream)
        pair = {"name": name, "at": done}
        try:
            written = journal.append(
                [
                    New(stream, length, "intent", pair),
                    New("others", None, "note", pair),
                    New(stream, None, "outcome", pair),
                ]
            )
        except Conflict:
            continue
        print(written[-1].seq, flush=True)
        done += 1
    journal.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
