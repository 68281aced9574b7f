"""Debian's chromium without a window: pictures, the page as it stands in the end, and what it asked of the network."""

from __future__ import annotations

import os
import re
import socket
import struct
import subprocess
import threading
import zlib
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from tests.support.debian import require

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-domain-reliability", "--proxy-bypass-list=<-loopback>",
)  # fmt: skip
TIMEOUT_S = 60.0
_OWN = re.compile(r"^(GET http://|CONNECT )[a-z0-9.]+\.google(apis)?\.com[:/]")
"""What chromium asks its maker for, whatever page is open."""


class Proxy:
    """Every request that a page makes comes here; it is written down, and refused. Use with ``with``."""

    def __enter__(self) -> Self:
        self.asked: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                first = connection.recv(4096).split(b"\r\n")[0].decode("ascii", "replace")
                if first and not _OWN.search(first):
                    self.asked.append(first)
                connection.sendall(b"HTTP/1.1 502 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


class Picture(NamedTuple):
    """A screenshot. ``rows``: each a row of pixels, three bytes for each."""

    width: int
    height: int
    rows: list[bytes]

    def column(self, x: int) -> set[bytes]:
        """The colours in one column of pixels."""
        return {row[3 * x : 3 * x + 3] for row in self.rows}

    def colours(self) -> set[bytes]:
        return {row[x : x + 3] for row in self.rows for x in range(0, 3 * self.width, 3)}


class Browser:
    """``folder`` holds its profile and what it writes. Skips, or fails in CI, where there is no chromium to be had."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        root = require("chromium", "fonts-dejavu-core", whole=True)
        self._binary = root / "usr/lib/chromium/chromium"
        libraries = [
            str(path) for path in [*(root / "usr/lib").glob("*-linux-gnu*"), *(root / "lib").glob("*-linux-gnu*")]
        ]
        libraries += [f"{path}/pulseaudio" for path in libraries]
        self._env = {
            "PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", "LD_LIBRARY_PATH": ":".join(libraries),
            "XDG_DATA_DIRS": f"{root}/usr/share:/usr/share",
        }  # fmt: skip

    def _run(self, page: Path, width: int, height: int, *flags: str) -> str:
        with Proxy() as proxy:
            done = subprocess.run(
                [str(self._binary), *FLAGS, f"--proxy-server=http://127.0.0.1:{proxy.port}",
                 f"--user-data-dir={self.folder / 'profile'}", f"--window-size={width},{height}", *flags,
                 page.absolute().as_uri()],
                env=self._env, capture_output=True, text=True, timeout=TIMEOUT_S, check=True,
            )  # fmt: skip
            self.asked = list(proxy.asked)
        return done.stdout

    def dom(self, page: Path, width: int) -> str:
        """The page as it stands when everything has run; what it asked of the network is in ``asked``."""
        return self._run(page, width, 900, "--dump-dom")

    def picture(self, page: Path, width: int, height: int) -> Picture:
        """A screenshot; what the page asked of the network is in ``asked``."""
        out = self.folder / f"{page.stem}-{width}.png"
        self._run(page, width, height, f"--screenshot={out}")
        if kept := os.environ.get("OMNIOPS_PICTURES"):  # to look at them
            (Path(kept) / out.name).write_bytes(out.read_bytes())
        return png(out.read_bytes())


def png(raw: bytes) -> Picture:
    """Decode a PNG of 8 bits, RGB or RGBA, not interlaced: what chromium writes."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", raw[16:29])
    assert (depth, colour in (2, 6), interlaced) == (8, True, 0)
    size = 4 if colour == 6 else 3
    at, packed = 8, b""
    while at < len(raw):
        length, kind = struct.unpack(">I4s", raw[at : at + 8])
        packed += raw[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    data, stride = zlib.decompress(packed), width * size
    above, rows = bytearray(stride), []
    for y in range(height):
        start = y * (stride + 1)
        above = _unfiltered(data[start], bytearray(data[start + 1 : start + 1 + stride]), above, size)
        rows.append(bytes(above) if size == 3 else b"".join(above[x : x + 3] for x in range(0, stride, 4)))
    return Picture(width, height, rows)


def _unfiltered(kind: int, line: bytearray, above: bytearray, size: int) -> bytearray:
    if kind == 0:
        return line
    if kind == 2:
        return bytearray((one + other) & 255 for one, other in zip(line, above, strict=True))
    for x in range(len(line)):
        left = line[x - size] if x >= size else 0
        corner = above[x - size] if x >= size else 0
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + above[x]) // 2
        else:
            distances = (abs(above[x] - corner), abs(left - corner), abs(left + above[x] - 2 * corner))
            guess = (left, above[x], corner)[distances.index(min(distances))]
        line[x] = (line[x] + guess) & 255
    return line
