"""The append-only, hash-chained record of events; the only state there is."""
