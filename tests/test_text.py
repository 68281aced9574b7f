"""Words, and what must never reach a screen or the journal."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from omniops import text
from omniops.text import lateness, unseen_escaped
from tests.support.screen import ROOT


@pytest.mark.parametrize("seed", range(4))
def test_a_secret_inside_another_leaves_no_rest(seed: int) -> None:
    """Of two secrets, one of which begins with the other, nothing is left, in whatever order a set yields them."""
    script = (
        "from omniops.text import is_secret, redact\n"
        "for secret in ('hunter2', 'hunter2-and-more', 'hunter2-and'): is_secret(secret)\n"
        "print(redact({'hunter2-and-more': ['a hunter2-and-more b', 'hunter2']}))"
    )
    env = {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(seed)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'***': ['a *** b', '***']}"


@pytest.mark.parametrize(
    ("left_s", "just_s", "words"),
    [
        (250, 1, "due in 4m 10s"), (0, 1, "due now"), (-0.4, 1, "due now"), (-12, 1, "12s late"), (-12, 60, "due now"),
        (-723, 60, "12m 03s late"),
    ],
)  # fmt: skip
def test_lateness(left_s: float, just_s: float, words: str) -> None:
    """Everything that is due is worded alike, early, just now and late."""
    assert lateness(left_s, "due ", just_s) == words


SLACK = "https://hooks.slack.com/services/T0B1/B0C2/xWyZ0123456789abcdefghij"
DISCORD = "https://discord.com/api/webhooks/1174/CANARYHOOK?wait=true&thread_id=77"
MAIL = "smtps://status%40example.org:p%40ss-w0rd@mail.example.org:465"
APPRISE = "slack://tokenA0001/tokenB0002/tokenC0003/#omniroute-ops, json://u:CANaryAp9@10.0.0.1/x?from=OmniRoute&name=Alerts%20of%20R2"
FLOW = "https://flow.example.org/triggers/manual?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sig=a1b2%2Bc3d4e5"
LONG = "ab" * 4000 + "-1x"


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (SLACK, "Cannot POST /services/T0B1/B0C2/xWyZ0123456789abcdefghij"),
        (SLACK, "xWyZ0123456789abcdefghij"),
        (DISCORD, "Cannot POST /api/webhooks/1174/CANARYHOOK"),
        (DISCORD, "the token is CANARYHOOK"),
        ("https://hooks.example.org/services/T0/B0/lower-case-hook", "no T0/B0/lower-case-hook"),
        (MAIL, "535 no: p%40ss-w0rd"),
        (MAIL, "535 no: p@ss-w0rd"),
        (APPRISE, "tokenA0001"),
        (APPRISE, "tokenC0003"),
        (APPRISE, "CANaryAp9"),
        (FLOW, "sig a1b2+c3d4e5"),
    ],
)
def test_the_parts_of_an_address_that_is_a_secret(secret: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that refuses a webhook repeats its path, and people type the password alone: neither is left."""
    monkeypatch.setattr(text, "_secrets", ())
    text.is_secret(secret)
    assert text.redact(said).endswith("***")


def test_what_of_an_address_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words of a path, hosts, people's addresses, numbers and our own name stay as they are."""
    monkeypatch.setattr(text, "_secrets", ())
    for secret in (SLACK, DISCORD, MAIL, APPRISE, FLOW, f"https://x/{LONG}", "https://x/omniroute-ops/OmniRoute"):
        text.is_secret(secret)
    words = (
        "services webhooks triggers manual relay.example.org mail.example.org status@example.org 1174 2016-06-01 "
        "OmniRoute #omniroute-ops thread_id from json slack Alerts of R2 /triggers/manual/run"
    )
    assert text.redact(words) == words


def test_what_was_no_utf8_is_a_letter() -> None:
    """Bytes of the command line that are none would be another text in the journal than on the screen."""
    assert text.clean("caf\udce9 \U0001f525") == "caf\ufffd \U0001f525"


def test_json_that_a_terminal_would_act_on() -> None:
    """It means the same, and holds nothing unseen."""
    shown = unseen_escaped(json.dumps({"a": "x\x9b31m\u202e\x1b ü"}, ensure_ascii=False, indent=2))
    assert json.loads(shown) == {"a": "x\x9b31m\u202e\x1b ü"}
    assert shown.isascii() is False
    assert all(char.isprintable() or char == "\n" for char in shown)
