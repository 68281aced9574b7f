"""Disguises of a text: letters that look alike, entities, markup, taken off. Pure.

What a reader sees as one word is compared as one, whatever it was written with. It is no complete list (Unicode's has
six thousand): the letters of Cyrillic, Greek and Armenian that a Latin word can be written with, small capitals, and
those that no decomposition reaches.
"""

from __future__ import annotations

import re

_PAIRS = """
а a  А A  ɑ a  α a  Α A  ᴀ a  ʙ b  в b  В B  ь b  Ь b  β b  Β B  ƅ b  ᴄ c  с c  С C  ϲ c  Ϲ C  ᴅ d  ԁ d  Ԁ D  đ d
Đ D  ᴇ e  е e  Е E  ε e  Ε E  ҽ e  є e  Є E  ə e  ꜰ f  ғ f  Ғ F  ƒ f  ɡ g  ɢ g  ԍ g  Ԍ G  ց g  ʜ h  һ h  Һ H  н h
Н H  Η H  հ h  ħ h  Ħ H  ɪ i  і i  І I  ι i  Ι I  ı i  ᴊ j  ј j  Ј J  ϳ j  ȷ j  ᴋ k  к k  К K  κ k  Κ K  ĸ k  ʟ l
ӏ l  Ӏ I  ł l  Ł L  ᴍ m  м m  М M  Μ M  ɴ n  п n  η n  Ν N  ո n  ᴏ o  о o  О O  ο o  Ο O  σ o  օ o  Օ O  ø o
Ø O  ɵ o  ө o  Ө O  ᴘ p  р p  Р P  ρ p  Ρ P  þ p  ԛ q  Ԛ Q  գ q  ʀ r  г r  ᴦ r  ꜱ s  ѕ s  Ѕ S  ʂ s  ս u  ᴛ t  т t
Т T  τ t  Τ T  ᴜ u  υ u  ц u  и u  ᴠ v  ν v  ѵ v  Ѵ V  ᴡ w  ԝ w  Ԝ W  ω w  ш w  х x  Х X  χ x  Χ X  ʏ y  у y
У Y  γ y  Υ Y  ү y  Ү Y  ᴢ z  ζ z  Ζ Z  ʐ z
"""
_WORDS = _PAIRS.split()
_ALIKE = str.maketrans(
    {
        **dict(zip(_WORDS[::2], _WORDS[1::2], strict=True)),
        **{chr(0x1F150 + n): chr(65 + n) for n in range(26)},  # white on a black disc, and on a black square
        **{chr(0x1F170 + n): chr(65 + n) for n in range(26)},
    }
)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_PERCENT = re.compile(r"%[0-9a-fA-F]{2}")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>|<!--.{0,200}?-->")


def alike(text: str) -> str:
    """The text in the Latin letters that it looks as if it were written in."""
    return text if text.isascii() else text.translate(_ALIKE)


def unmarked(text: str) -> str:
    """The text without HTML's entities and tags, and with what a URL encodes as it is meant."""
    if _ENTITY.search(text):
        from html import unescape

        text = unescape(text)
    if _PERCENT.search(text):
        from urllib.parse import unquote

        text = unquote(text)
    return _TAG.sub("", text) if "<" in text else text
