"""The journal cut at every boundary, and with bits flipped: it is read whole, or refused; nothing else."""

from __future__ import annotations

import os
import random

import pytest

from tests.support.journals import Base

PAGE = 4096
WAL_HEADER, FRAME = 32, 24 + PAGE
FLIPS = 200
LONG = os.environ.get("OMNIOPS_LONG") == "1"
FILES = {"db": "", "wal": "-wal", "head": ".head"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("damage") / "base"
    return Base(folder, in_database=1, in_wal=1) if LONG else Base(folder)


def test_the_bench_itself(base: Base) -> None:
    """An untouched copy is whole, and its files hold pages, frames and two marks to damage."""
    assert base.judge() == "whole"
    assert len(base.files[""]) >= 5 * PAGE
    assert len(base.files["-wal"]) >= WAL_HEADER + 5 * FRAME


def test_the_file_cut_at_every_page(base: Base) -> None:
    """A database cut anywhere is refused, and left as it is; but what its write-ahead log still holds is no loss."""
    whole = base.files[""]
    for at in range(0, len(whole), PAGE):
        for cut in (at, at + 1000):
            assert base.judge(db=whole[:cut], wal=None).startswith("refused"), cut
            base.judge(db=whole[:cut])
    assert base.judge(db=b"").startswith("refused")


def test_the_log_cut_at_every_frame(base: Base) -> None:
    """A write-ahead log cut at any frame, or in the middle of one, has lost acknowledged events: refused."""
    whole = base.files["-wal"]
    cuts = [0, 1, WAL_HEADER - 1, WAL_HEADER]
    cuts += [edge for at in range(WAL_HEADER, len(whole), FRAME) for edge in (at, at + 24, at + 2000)]
    for at in cuts:
        assert base.judge(wal=whole[:at]).startswith("refused"), at
    assert base.judge(wal=None).startswith("refused")


def test_a_log_with_a_torn_end_is_no_loss(base: Base) -> None:
    """What a killed writer leaves behind the last commit (half a frame) is dropped, and nothing else."""
    whole = base.files["-wal"]
    assert base.judge(wal=whole + b"\x17" * 1500) == "whole"


def test_the_head_cut_at_every_byte_of_its_marks(base: Base) -> None:
    """A head cut anywhere never makes a whole journal a wrong one: it is read whole or refused."""
    whole = base.files[".head"]
    cuts = [*range(0, 200, 1 if LONG else 9), 2000, *range(4090, len(whole), 1 if LONG else 9)]
    assert {base.judge(head=whole[:at]) for at in cuts} >= {"whole"}


@pytest.mark.timeout(0 if LONG else 60)
def test_random_bytes(base: Base) -> None:
    """A flipped byte anywhere in database, log or head: whole or refused (every byte with OMNIOPS_LONG=1)."""
    places = [(file, at) for file, ending in FILES.items() for at in range(len(base.files[ending]))]
    if not LONG:
        chance = random.Random(20261123)
        heads = [place for place in places if place[0] == "head"]
        places = chance.sample(places, FLIPS) + chance.sample(heads, 20)
    refusals = 0
    for file, at in places:
        raw = bytearray(base.files[FILES[file]])
        raw[at] ^= 0xFF if at % 2 else 1 << (at % 8)
        try:
            refusals += base.judge(**{file: bytes(raw)}) != "whole"
        except BaseException:
            print(f"byte {at} of {file}")
            raise
    assert refusals > len(places) // 10
