"""What of a user's words tells what they want, in English where words have to be known."""

from __future__ import annotations

import re

from trace_clustering.traces.legibility import shortened

_GREETING = re.compile(
    r"(?:hi|hello|hey|greetings|dear [^,.!?\n]{1,40}(?=,)|good (?:morning|afternoon|evening|day))"
    r"(?: there| all| everyone| team)?(?=[\s,.!;:)–—-]|$)[\s,.!;:)–—-]*",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(
    r"(?:(?:so|well|ok|okay|please|yes|also|and|um)[\s,]+)*"
    r"(?:(?:i(?:'d|’d| would) (?:really )?like(?: you)? to|i (?:really )?(?:want|need)(?: you)? to"
    r"|i(?: am|'m|’m) (?:trying|looking|hoping) to|i was wondering if you could"
    r"|i need (?:some |your )?(?:help|assistance) (?:with|to)"
    r"|(?:can|could|would|will) you(?: please| kindly)?(?: help me(?: to| with)?)?"
    r"|help(?:[:,!]| me(?: to| with)?)|please)\s+)+",
    re.IGNORECASE,
)
_LEAVE = re.compile(r"\b(?:thanks|thank you|thx|bye|goodbye|cheers)\b|^#{2,8}\w{1,32}#{2,8}$", re.I)
_WANTS_MORE = re.compile(
    r"\?|\b(?:please|also|but|can|could|would|need|want|how|what|when|where|why)\b", re.IGNORECASE
)
_ASSENT = re.compile(
    r"(?:yes|no|ok|okay|sure|yep|yeah|correct|right|great|perfect|fine|go ahead|sounds good"
    r"|please|do it|proceed|confirmed?|that(?:'|’)s (?:right|correct|all)|[\s,.!])+",
    re.IGNORECASE,
)
_PLEASE = re.compile(r",? please\W*$", re.IGNORECASE)
_AROUND = " ,;:\"'“”*#-"
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)|\n+")
_FEWEST_WORDS = 3
_READ_CHARS = 2_000
_LONG_CHARS = 200
_LEAVE_CHARS = 60


def title_of(text: str, bound: int) -> str:
    """A few words for what is wanted: the first telling sentence, without courtesies."""
    sentences = [s for s in _SENTENCE.split(without_greeting(text)[:_READ_CHARS]) if s.strip()]
    telling = [s for s in sentences if len(s.split()) >= _FEWEST_WORDS] or sentences
    if not telling:
        return ""
    first = telling[0].strip()
    wanted = _without_lead_in(first)
    # What was a question with the courtesy is none without it.
    ends = ".!" if wanted == first else ".!?"
    line = shortened(_PLEASE.sub("", wanted).strip(_AROUND).rstrip(ends), bound)
    return line[:1].upper() + line[1:]


def without_greeting(text: str) -> str:
    """The text without a greeting it begins with."""
    stripped = text.strip()
    match = _GREETING.match(stripped)
    return stripped[match.end() :] if match else stripped


def is_telling(text: str) -> bool:
    """Whether a user's message says something, beyond a greeting, assent or thanks."""
    said = without_greeting(text)
    if not any(character.isalnum() for character in said[:_READ_CHARS]):
        return False
    return len(said) > _LONG_CHARS or not (_ASSENT.fullmatch(said) or is_closing(said))


def is_closing(text: str) -> bool:
    """Whether a user's message only ends the conversation."""
    said = text.strip()
    if len(said) > _LONG_CHARS or _WANTS_MORE.search(said):
        return False
    return _LEAVE.search(said[:_LEAVE_CHARS]) is not None


def _without_lead_in(sentence: str) -> str:
    """The sentence without the courtesies it begins with, if more than those is left."""
    match = _LEAD_IN.match(sentence)
    rest = sentence[match.end() :] if match else sentence
    return rest if len(rest.split()) >= _FEWEST_WORDS - 1 else sentence
