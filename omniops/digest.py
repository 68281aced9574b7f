"""SHA-256 for what is short.

``hashlib`` loads OpenSSL, which costs more than all the hashing of most commands: a quarter of a bare start of Python
(docs/benchmarks.md). Python's own code is three times slower a byte, so a long journal is checked with hashlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:
        from _sha256 import sha256  # Python 3.11
    except ImportError:
        try:
            from _sha2 import sha256  # Python 3.12 and newer
        except ImportError:  # a build that leaves them out
            from hashlib import sha256

__all__ = ["sha256"]
