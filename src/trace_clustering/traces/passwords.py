"""Masking passwords, codes and keys that are told from the words before them.

Every pattern takes time linear in the text: what is read behind a name is bounded, or is not read
again.
"""

from __future__ import annotations

import re

_PASSWORD = (
    r"pass(?:word|wd|phrase|code)|passwort|kennwort|contrase(?:ñ|n\u0303?)a|mot de passe|senha"
    r"|wachtwoord|lösenord|has[łl]o|пароль"
)
_UNSPACED = "密码|密碼|口令|パスワード|暗証番号|비밀번호"
_SHORT = r"(?<![a-z])(?:pwd|pw|mdp|cvv|cvc|pin)"
_OTHER = (
    r"secret|credentials?|authorization|token"
    r"|(?:api|access|auth|private|secret|client|signing)[ _-]?(?:key|token|secret)"
)
_CODE = (
    r"(?<![a-z])(?:otp|(?:verification|security|confirmation|one[ -]time|access|sms|login"
    r"|unlock|activation|authentication|reset|2fa)[ -](?:code|pin))(?![a-z])"
)
_PASS = r"(?<![a-z])pass(?![a-z])"
_QUOTED = r"\"(?:[^\"\\]|\\.){1,512}+\"|\\{1,4}\"[^\"]{1,512}+\"|\\{0,4}'[^']{1,512}+'"

_ASSIGNED = re.compile(
    rf"(?P<name>{_PASSWORD}|{_UNSPACED}|{_SHORT}|{_OTHER})"
    r"(?P<between>(?: is| was)?[\\\"'\]]{0,5} ?(?::=|=>|->|→|[:=：＝]{1,2}) ?"
    rf"(?:(?:bearer|basic|token) )?)(?P<value>{_QUOTED}|[^\s\"',;]++)",
    re.IGNORECASE,
)
_IS = r"is|was|ist|war|lautet|est|era|es|é|это"
_FILLED = (
    rf"(?P<between>(?: (?:{_IS}|code|number|now|still|been|set|changed|reset|to|=|->|→|[-–—:]))"
    r"{0,4}:? )"
)
_TOLD = re.compile(
    rf"(?P<name>{_PASSWORD}|{_SHORT}|{_CODE}|(?P<weak>{_OTHER}|{_PASS}))(?P<end>[:=]{{0,2}}){_FILLED}"
    rf"(?P<value>{_QUOTED}|(?=[^\s\d]{{0,64}}\d)\S++)",
    re.IGNORECASE,
)
_GLUED = re.compile(
    rf"(?P<name>{_CODE}|{_PASS})(?P<between>[:=]{{1,2}})(?=[^\s\d]{{0,64}}\d)\S++", re.I
)
_TOLD_UNSPACED = re.compile(
    rf"(?P<between>(?:{_UNSPACED})(?:是|为|為|は|が|는|은)? ?)(?=[!-~]{{0,64}}?\d)[!-+\--~]{{4,}}+"
)
_PHRASE = re.compile(
    rf"(?P<between>(?:{_PASSWORD}|{_SHORT}) (?:{_IS})(?: now)? )(?=\S{{15}})"
    r"(?:[^\W\d_]{2,30}[-_]){2,9}[^\W\d_]{2,30}+(?=[\s.,;!?]|$)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?<![a-z])(bearer )[\w.~+/=-]{16,}+", re.IGNORECASE)
_TELLS = re.compile(rf" (?:{_IS}|[-–—:=→]|->)(?::| )", re.IGNORECASE)
_HINTS = (
    *("pass", "pwd", "pw", "mdp", "secret", "credential", "authorization", "cvv", "cvc", "token"),
    *("key", "bearer", "pin", "otp", "code", "kennwort", "contrase", "senha", "wachtwoord"),
    *("lösenord", "has", "пароль", *_UNSPACED.split("|")),
)
# Numbers that are counted or known words: "my password 2 days ago", "password OAuth2".
_NO_SECRET = re.compile(
    r"\d{1,3}|\d+(?:[.,:]\d+)*(?:h|hrs?|hours?|days?|weeks?|months?|x|times?|st|nd|rd|th|am|pm|mins?"
    r"|digits?|-[a-z]+|%)|\d{1,2}[:.]\d\d|o?auth2?|2fa|mfa2?|sha-?\d+|md5|base\d\d"
    r"|utf-?\d+|pbkdf2|argon2\w*|v?\d+(?:\.\d+)+|ipv[46]|[a-z]{1,3}\d|(?:win|windows|ios|python)\d+",
    re.IGNORECASE,
)
_ENDS = ".,;!?)"
_DRAWN_CHARS = 16


def without_passwords(text: str, mask: str, *, is_name: bool = False) -> str:
    """The text with masks in place of what it calls a password, a code or a key.

    Args:
        text: in one line, with single blanks.
        is_name: whether a plain word behind a colon is no secret, as in "Password: reset links".
    """
    if not any(map(text.lower().__contains__, _HINTS)):
        return text
    text = _BEARER.sub(rf"\1{mask}", text)
    text = _ASSIGNED.sub(lambda match: _assigned(match, mask, is_name), text)
    text = _GLUED.sub(rf"\g<name>\g<between>{mask}", text)
    text = _TOLD.sub(lambda match: _told(match, mask), text)
    text = _PHRASE.sub(rf"\g<between>{mask}", text)
    return _TOLD_UNSPACED.sub(rf"\g<between>{mask}", text)


def _assigned(match: re.Match[str], mask: str, is_name: bool) -> str:
    value = match["value"]
    is_word = value.isalpha() and value[1:] == value[1:].lower() and match["between"].strip() == ":"
    return match[0] if is_name and is_word else match["name"] + match["between"] + mask


def _told(match: re.Match[str], mask: str) -> str:
    value = match["value"]
    kept = value.rstrip(_ENDS)
    is_told = bool(match["end"] or _TELLS.match(match["between"]))
    is_secret = _is_secret(kept, is_told=is_told, is_weak=match["weak"] is not None)
    return match[0][: -len(value)] + mask + value[len(kept) :] if is_secret else match[0]


def _is_secret(value: str, *, is_told: bool, is_weak: bool) -> bool:
    """Whether a word behind the name of a secret is one.

    Args:
        is_told: whether more than a blank is between them, as in "the PIN is".
        is_weak: whether the name alone says little, as "token" does.
    """
    if value[:1] in "\"'\\":
        return is_told or (not is_weak and " " not in value and any(c.isdigit() for c in value))
    if is_told and value.isdigit():
        return len(value) >= 3
    is_told = is_told or not is_weak or _looks_drawn(value)
    return is_told and _NO_SECRET.fullmatch(value) is None


def _looks_drawn(value: str) -> bool:
    """Whether a word is so long and mixed that few are written so by hand."""
    return len(value) >= _DRAWN_CHARS and value.isalnum() and sum(c.isdigit() for c in value) >= 2
