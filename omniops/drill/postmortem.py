"""What the drill writes into a postmortem's draft for a person who only wants to see how it goes on: made-up words."""

from __future__ import annotations

import re
from datetime import date, timedelta

COMMANDER, NOT_INVOLVED, OWNER = "dana", "sam of support", "robin"
_WORDS = {
    "TODO: who was incident commander": COMMANDER,
    "TODO: who was on call": "alice",
    "TODO: one person who was not involved": NOT_INVOLVED,
    "TODO: what happened, what users saw, and what ended it, in three sentences.":
        "An upstream provider began to answer 500. Users of its models saw errors, or waited for them. Taking its "
        "connections out of rotation ended that.",
    "TODO: which users saw what, and how many.": "All clients of that provider's models saw errors.",
    "TODO: what helped, and should be kept.": "The mitigation was walked step by step, and proved by live traffic.",
    'TODO: which systems, signals and decision points led here; ask "how", not "who".':
        "All connections of the provider share one upstream account, so they failed together.",
    "TODO: what would have prevented or shortened it": "Give the provider a second account, in another region",
}  # fmt: skip


def filled_in(text: str, today: date) -> str:
    """The draft, with words where it says TODO; its action items are owned and due within P1's limit."""
    for todo, words in _WORDS.items():
        text = text.replace(todo, words)
    text = re.sub(r'"TODO: the day on which[^"]*"', f'"{today + timedelta(days=1)}"', text)
    return text.replace("| TODO | TODO | TODO |", f"| {OWNER} | {today + timedelta(days=30)} | P1 |")
