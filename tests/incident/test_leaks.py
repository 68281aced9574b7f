"""Names that nobody outside is told: where they are found in an incident's record, and in what disguise."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniops.incident.leaks import CHANNEL, CONNECTION, HOST, PERSON, PROVIDER, Name, leaks, names, words
from omniops.incident.shapes import ADDRESS, MENTION
from omniops.journal.events import Event

CONNECTION_ROW = {
    "id": "8ae76e54-1111-4222-8333-444455556666", "provider": "openai", "name": "main-eu", "label": "OpenAI EU",
    "prefix": "oa", "active": True, "target": "OpenAI EU/main-eu (8ae76e54)",
}  # fmt: skip


def event(kind: str, data: dict[str, Any], actor: str = "eve", host: str = "ops-laptop") -> Event:
    return Event(1, "incident/i", 1, "2026-11-23T03:00:00.000Z", actor, host, "1", kind, data)


RECORD = [
    event("incident.opened", {"title": "something is out", "onset": "2026-11-23T03:00:00Z"}),
    event("message.queued", {"to": "#omniroute-ops", "body": {"text": "@incident-commander SEV-1 declared"}}),
    event(
        "run.started",
        {
            "graph": {"post": "#other, @comms"},
            "inputs": {"connections": [CONNECTION_ROW]},
            "url": "https://gw-3.omni.internal:8443/x",
        },
    ),
    event("intent", {"action": "connection.disable", "target": "groq/backup one (99aa)", "before": {"isActive": True}}),
    event("message.queued", {"id": "o1", "to": "#omniroute-ops", "body": {"text": "see http://10.1.2.3:9090/graph"}}),
    event("channel.created", {"id": "C0AB12", "name": "inc-2026-11-23-openai"}),
    event("page.acknowledged", {"page": "Q1", "by": "Will Smith"}, actor="bob@omni.example"),
    event("role", {"role": "commander", "who": "@zoë"}, actor="root"),
    event("note", {"text": "asked db-7.omni.internal, and @carol in #db-team; rollback.sh of v3.7.9 did e.g. nothing"}),
    event("role", {"role": "scribe", "who": "Alice O'Neil-Björk"}),
    event("role", {"role": "comms", "who": "dan.hunt"}, actor="mark"),
    event("note", {"text": "turned mistral/spare (5f3e2a10) off; John Doe saw it"}),
    event("page.acknowledged", {"page": "Q2", "by": "John Doe"}),
    event("page.acknowledged", {"page": "Q3", "by": "Isa"}),
    event("message.queued", {"to": "announce@phenotype.dev", "body": {"text": "see status.phenotype.dev"}}),
]
RECORD.append(event("note", {"text": "x"}, actor="dora.adams"))
PUBLIC = ("OmniRoute", "status.phenotype.dev", "announce@phenotype.dev")
KNOWN = names(RECORD, PUBLIC, ("https://edge.omni.internal:8443/base", "http://gw-9:20128"))


def found(text: str) -> list[tuple[str, str]]:
    return [(one.text, one.kind) for one in leaks(text, KNOWN)]


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("the connection main-eu is out", "main-eu", CONNECTION),
        ("MAIN-EU", "main-eu", CONNECTION),
        ("Main EU is out", "main-eu", CONNECTION),
        ("main_eu's errors", "main-eu", CONNECTION),
        ("ｍａｉｎ-ｅｕ", "main-eu", CONNECTION),  # full width
        ("ma\u200bin-e\u00adu", "main-eu", CONNECTION),  # invisible characters
        ("máin-eü", "main-eu", CONNECTION),
        ("id 8AE76E54", "8ae76e54", CONNECTION),
        ("(backup one)", "backup one", CONNECTION),
        ("openai has trouble", "openai", PROVIDER),
        ("OpenAI EU", "OpenAI EU", PROVIDER),
        ("groq is slow", "groq", PROVIDER),
        ("gw-3 is down", "gw-3", HOST),
        ("gw-3.omni.internal", "gw-3.omni.internal", HOST),
        ("http://10.1.2.3/", "10.1.2.3", HOST),
        ("db-7", "db-7", HOST),
        ("my ops-laptop", "ops-laptop", HOST),
        ("Eve looks at it", "eve", PERSON),
        ("ask Will", "Will", PERSON),
        ("will smith has it", "Will Smith", PERSON),
        ("bob has it", "bob", PERSON),
        ("Dora Adams is on it", "dora.adams", PERSON),
        ("Dora is on it", "dora", PERSON),
        ("ask Ms Adams", "adams", PERSON),
        ("write to bob@omni.example", "bob@omni.example", PERSON),
        ("Zoe commands", "zoë", PERSON),
        ("zoe\u0308", "zoë", PERSON),
        ("@Carol knows", "carol", PERSON),
        ("in #omniroute-ops", "omniroute-ops", CHANNEL),
        ("see inc-2026-11-23-openai", "inc-2026-11-23-openai", CHANNEL),
        ("c0ab12", "C0AB12", CHANNEL),
        ("the db team", "db-team", CHANNEL),
        ("gw3 is down", "gw-3", HOST),
        ("gw 3 is down", "gw-3", HOST),
        ("maineu", "main-eu", CONNECTION),
        ("main\u2011eu", "main-eu", CONNECTION),  # a hyphen that does not break
        ("bobs", "bob", PERSON),
        ("bob's", "bob", PERSON),
        ("bob\u2019s", "bob", PERSON),
        ("alice is on it", "Alice", PERSON),
        ("ALICE", "Alice", PERSON),
        ("alice's", "Alice", PERSON),
        ("bjork", "Björk", PERSON),
        ("BJÖRKS", "Björk", PERSON),
        ("ONeil", "O'Neil", PERSON),
        ("o\u2019neil", "O'Neil", PERSON),
        ("oneil-bjork", "O'Neil", PERSON),
        ("ask Dan", "dan", PERSON),
        ("Hunt has it", "Hunt", PERSON),  # a part of a login, and an ordinary word
        ("Mark has it", "Mark", PERSON),
        ("john", "John", PERSON),
        ("Isa saw it", "Isa", PERSON),
        ("mistral is out", "mistral", PROVIDER),
        ("Mistral / Spare", "mistral/spare", CONNECTION),
        ("5f3e2a10", "5f3e2a10", CONNECTION),
        ("inc-i", "inc-i", CHANNEL),  # the incident's own, which nobody has made yet
        ("edge.omni.internal", "edge.omni.internal", HOST),  # a server of ours
        ("gw9", "gw-9", HOST),
    ],
)
def test_found(text: str, name: str, kind: str) -> None:
    """Every kind of name, wherever in the record it stands, and in whatever disguise it is written."""
    assert (name, kind) in found(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("\u0441arol", "carol"),  # Cyrillic
        ("ma\u0456n-\u0435u", "main-eu"),
        ("\u0415\u0392\u0395 \u0395V\u0395", "eve"),  # Greek
        ("\u1d04\u1d00\u0280\u1d0f\u029f", "carol"),  # small capitals
        ("\U0001f172\U0001f170\U0001f181\U0001f17e\U0001f17b", "carol"),
        ("ca&#114;ol", "carol"),
        ("ca&#x72;ol, ca%72ol", "carol"),
        ("ca<b></b>rol", "carol"),
        ("c<!-- x -->arol", "carol"),
        ("car*ol*", "carol"),
        ("m**ai**n-eu", "main-eu"),
        ("c a r o l", "carol"),
        ("C.a.r.o.l", "carol"),
        ("we asked a c-a-r-o-l here", "carol"),
        ("g w - 9", "gw-9"),
        ("8ae7 6e54", "8ae76e54"),
        ("mist ral", "mistral"),
        ("mist  ral", "mistral"),
        ("mist\nral", "mistral"),
        ("\u0421 \u0430 &#114; o l", "carol"),  # all at once
    ],
)
def test_disguised(text: str, name: str) -> None:
    """Letters that look alike, entities, markup, a name that is spelled or torn apart: it is read all the same."""
    assert name in [one for one, _ in found(text)]


def test_torn_into_ordinary_words() -> None:
    """Two words after one another are not a name, though they make one."""
    known = names([event("role", {"role": "scribe", "who": who}) for who in ("Justin Markus", "Allison", "Easton Isa")])
    ordinary = "It is just in time, and we mark us-east on the map. It is all is on. Is a b c one?"
    assert [one.text for one in leaks(ordinary, known)] == []
    assert [one.text for one in leaks("All ison, Jus tin", known)] == ["Justin", "Allison"]


@pytest.mark.parametrize(
    "text",
    [
        "We have found the root cause and are working on it.",  # a login that is nobody's name
        "The incident commander asks for patience; comms are on it.",
        "This will take some time.",  # Will is a person, will is not
        "Every request is being served again. Eventually all of them were.",  # eve
        "The domain of the maintenance; a mainframe",  # main
        "OmniRoute: see status.phenotype.dev, or write to announce@phenotype.dev.",  # public
        "We went from v3.7.9 to 3.8.0 at 10:30 UTC (10:30:00), 99.95% of requests; and/or later (see below).",
        "",
        "We mark each request, hunt for the cause, and keep a backup of one. What does it mean?",  # Mark, Hunt, Doe
        "It is a problem of one provider, is a short one, and was as always announced.",  # Isa; an address's local part
        "Customers in the EU and the U.S. e.g. those of the EU; mains, dance, hunter, bobsled.",
        "Retry after 5xx, HTTP 503, SEV-1, GPT-4o, us-east-1, UTF-8, SHA-256; node.js and README.md are not concerned.",
        "It is over.Thanks for your patience.In short: #1 of our list is ticket #4711, C#, back @ 10 and @10:30.",
        "See https://status.phenotype.dev/incidents/4711, or write to support@phenotype.dev; x < y, a <b>bold</b> one.",
        "Requests that take 1.5 s, 2.5x as long as usual; std::vector, key: value, 12:30-13:00, and so on... and on.",
        "Error rates fell from 12% to 0.5% (5 % at the peak); p95 is 1.2 s. Steps: a) look, b) wait; i.e. a fix.",
        "AT&amp;T's customers see < 1% of errors; <i>all</i> others none.",
        "Caf\u00e9s in Z\u00fcrich and \u0141\u00f3d\u017a are served.",
        "We expect a fix by 10:30 UTC. 1 . 2 million requests failed at 4 p. m. U. S. time, at most. Sorry for that!",
        "Open connections were drained; a rolling restart of all nodes is done. 100%25 is a slip, as is 8 7 6 5.",
        "Traffic is routed around it; retries help. The gateway answers, the database does, and the cache will.",
    ],
)
def test_not_found(text: str) -> None:
    """Whole words only; what customers know anyway is no secret, nor is a word that merely holds a name."""
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "shape", "kind"),
    [
        ("10.99.0.1 is slow", "10.99.0.1", ADDRESS),
        ("at 10.99.0.1:8080.", "10.99.0.1", ADDRESS),
        ("it is 10.99.0.1.", "10.99.0.1", ADDRESS),
        ("fe80::1ff:fe23:4567", "fe80::1ff:fe23:4567", ADDRESS),
        ("10[.]99[.]0[.]1", "10.99.0.1", ADDRESS),
        ("10 . 99 . 0 . 1", "10.99.0.1", ADDRESS),
        ("10 dot 99 dot 0 dot 1", "10.99.0.1", ADDRESS),
        ("10&#46;99&#46;0&#46;1", "10.99.0.1", ADDRESS),
        ("0x0a630001", "0x0a630001", ADDRESS),
        ("redis[.]local", "redis.local", HOST),
        ("db01", "db01", HOST),
        ("[2001:db8::7]:443", "2001:db8::7", ADDRESS),
        ("cache.prod.example.net is back", "cache.prod.example.net", HOST),
        ("Ｃache.prod.example.net", "Cache.prod.example.net", HOST),
        ("api.vendor.com.", "api.vendor.com", HOST),
        ("vendor.com", "vendor.com", HOST),
        ("redis.local", "redis.local", HOST),
        ("status.phenotype.dev.example.org", "status.phenotype.dev.example.org", HOST),
        ("https://vendor.example/x", "vendor.example", HOST),
        ("http://intranet/x", "intranet", HOST),
        ("https://status.phenotype.dev@evil.example/", "evil.example", HOST),
        ("https://status.phenotype.dev/?to=cache.prod.example.net", "cache.prod.example.net", HOST),
        ("file:///etc/passwd", "file://", HOST),
        ("localhost", "localhost", HOST),
        ("gw17 and web-2", "web-2", HOST),
        ("noc@vendor.example", "noc@vendor.example", ADDRESS),
        ("@here", "@here", MENTION),
        ("(@Someone)", "@Someone", MENTION),
        ("<!channel> hello", "<!channel>", MENTION),
        ("<!subteam^S123|x>", "<!subteam^S123|x>", MENTION),
        ("<@U123>", "<@U123>", MENTION),
        ("in #war-room", "#war-room", CHANNEL),
        ("in #2026-outage", "#2026-outage", CHANNEL),
    ],
)
def test_shapes(text: str, shape: str, kind: str) -> None:
    """What looks like a host, an address, a mention or a channel is refused, though no record holds it; but only in
    what goes outside."""
    assert (shape, kind) in found(text)
    assert leaks(text, names([])) == []


LONG = [unit * (64_000 // len(unit)) for unit in (
    "word ", "a", "a-", "a.b", ":", "@a", "a@", "a ", "A B ", "<!", "x://", "x/", "1.1.", "\u0430 ", "&#100;", "<b ",
    "é ", "é",
)]  # fmt: skip


@pytest.mark.parametrize("text", LONG)
def test_a_long_text_and_many_names(text: str) -> None:
    """64 KB and thousands of names: one pass, whatever the text is made of."""
    rows = [{**CONNECTION_ROW, "name": f"word a a a {n} of-{n}", "id": f"{n:08x}"} for n in range(3000)]
    known = names([event("run.started", {"inputs": {"c": rows}}), *RECORD], PUBLIC)
    began = time.process_time()
    leaks(f"{text} word a a a 2999 of 2999", known)
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize("text", LONG)
def test_a_long_text_in_the_record(text: str) -> None:
    """What is read for names is read in one pass as well."""
    began = time.process_time()
    names([event("note", {"text": text})])
    assert time.process_time() - began < 2.0


def test_ordinary_names() -> None:
    """A host that is called as a thing is, and a role where a person's name stands, forbid no word."""
    record = [event("page.acknowledged", {"by": "Incident commander"}, "github-actions", "server")]
    known = names(record, PUBLIC, ("http://gateway:20128", "http://omniroute:20128"))
    assert [one.text for one in known] == ["inc-i", *PUBLIC]


@pytest.mark.parametrize(
    "name",
    ["🔥", "主线", "a.b", "$(rm -rf)", "[x]*", "tab\there", "ba\u202eck", "ΜΑΙΝ", "名前-1", "x" * 300, "İstanbul"],
)
def test_hostile_names(name: str) -> None:
    """A connection may be called anything: signs, another script, a pattern, a text that rewrites a screen."""
    known = names([event("run.started", {"inputs": {"c": [{**CONNECTION_ROW, "name": name}]}})])
    assert name in [one.text for one in leaks(f"We have turned {name} off.", known)]
    assert name not in [one.text for one in leaks("We have turned it off.", known)]


def test_a_name_of_one_letter_is_not_looked_for() -> None:
    """It would be found in every sentence; with its provider it still is."""
    row = {**CONNECTION_ROW, "name": "a", "target": "openai/a (99aa)"}
    known = names([event("run.started", {"inputs": {"c": [row]}})])
    assert [one.text for one in leaks("a request", known)] == []
    assert "openai/a" in [one.text for one in leaks("openai/a", known)]


def test_in_words() -> None:
    """What was found is told with its kind."""
    assert words([Name("main-eu", CONNECTION), Name("eve", PERSON)]) == "the connection “main-eu”, the person “eve”"


@given(st.text(min_size=2, max_size=30).filter(lambda text: text.strip() and not text.isspace()), st.text(max_size=40))
def test_any_name_is_found_as_it_is(name: str, around: str) -> None:
    """Whatever a name consists of, the text that holds it between blanks is refused."""
    known = [Name(name, CONNECTION)]
    if names([event("run.started", {"inputs": {"c": [{**CONNECTION_ROW, "name": name}]}})]) and _visible(name):
        assert leaks(f"{around} {name} {around}", known)


def _visible(name: str) -> bool:
    """Is there anything of it that a reader sees?"""
    import unicodedata

    return any(unicodedata.category(char)[0] in "LNSP" for char in unicodedata.normalize("NFKD", name))
