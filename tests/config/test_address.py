"""What counts as the address of a service."""

from __future__ import annotations

import pytest

from omniops.config import Settings
from omniops.config.address import plain
from omniops.errors import BadInput

GOOD = [
    "https://omniroute.example.net",
    "http://127.0.0.1:9/base",
    "http://[::1]:8080",
    "HTTP://GW-3",
    "http://my_host.",
]
BAD = [
    "", "omniroute", "ftp://h", "http://", "http://[::1", "http://h:abc", "http://h:0", "http://h:99999", "http://[v1.x]",
    "http://\u2100.com", "http://xn--\u00e9", "http://ex ample", "http://h/\nx", "http://[fe80::1%25eth0]", "http://a..b",
    "http://u:p@h", "http://@h", "http://h?q", "http://h#f",
]  # fmt: skip


@pytest.mark.parametrize("url", GOOD)
def test_an_address(url: str) -> None:
    """http or https, a host by name or number, a port, a path."""
    assert plain(url) is not None


@pytest.mark.parametrize("url", BAD)
def test_what_is_none(url: str) -> None:
    """Everything else is refused with the setting's name, whatever Python's own parser makes of it."""
    assert plain(url) is None
    if url:
        with pytest.raises(BadInput, match="OMNIROUTE_URL"):
            _ = Settings({"OMNIROUTE_URL": url}).omniroute_url
