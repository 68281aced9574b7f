"""The tables of a journal's file. An event is its ``line``; all else is derived from that, and held against it."""

from __future__ import annotations

from omniops.journal.codec import LINE

APPLICATION_ID = 0x6F6D6E69  # "omni"
FORMAT = 1
STREAM, N, KIND = (f"json_extract(line, '$[{LINE.index(name)}]')" for name in ("stream", "n", "kind"))
_VIEW = ", ".join(f"json_extract(line, '$[{place}]') AS {name}" for place, name in enumerate(LINE))
SCHEMA = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE events (seq INTEGER PRIMARY KEY, line TEXT NOT NULL)",
    f"CREATE UNIQUE INDEX by_stream ON events ({STREAM}, {N})",
    f"CREATE INDEX by_kind ON events ({KIND})",
    # How many there are of each, so that an index that has lost an entry cannot hide an event. Without rowid: a table
    # that is its own index cannot disagree with it.
    "CREATE TABLE streams (name TEXT PRIMARY KEY, n INTEGER NOT NULL, first INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE kinds (name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID",
    f"CREATE VIEW journal AS SELECT {_VIEW} FROM events",  # for people with sqlite3 at hand
)
COUNT_STREAM = "INSERT INTO streams VALUES (?, 1, ?) ON CONFLICT (name) DO UPDATE SET n = n + 1"
COUNT_KIND = "INSERT INTO kinds VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET n = n + 1"
