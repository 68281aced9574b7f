"""The runbooks: read, proved, compiled. `get` and `all` are what everybody else calls.

Pure but for `load`, `strict_yaml` and `ladder` (they read files), `cache` and `catalogue` (they use the disk).
"""

from __future__ import annotations

from omniops.catalog.catalogue import all, entries, get

__all__ = ["all", "entries", "get"]
