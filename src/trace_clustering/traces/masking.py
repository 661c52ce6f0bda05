"""Masking what is personal or secret in strangers' text, before it is shown to anybody else.

Every pattern takes time linear in the text: what it begins with cannot begin again inside what it
has read, and what it has read is not given back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv6Address
from itertools import pairwise

from trace_clustering.traces.accounts import without_accounts
from trace_clustering.traces.folding import folded
from trace_clustering.traces.passwords import without_passwords

EMAIL = "[email]"
PHONE = "[phone]"
CARD = "[card]"
IBAN = "[iban]"
KEY = "[key]"
IP = "[ip]"
ID = "[id]"
NUMBER = "[number]"
QUERY = "[query]"

MASKS = (EMAIL, PHONE, CARD, IBAN, KEY, IP, ID, NUMBER, QUERY)
"""Everything that :func:`masked` may put in place of something."""

_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*+(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
)
_AFTER_SCHEME = re.compile(r"://[^\s<>\"'`]++")
_PREFIXED = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:sk|pk|rk|tck|gh[opsur]|github_pat|glpat|npm|hf|xox[a-z]|xapp|shpat"
    r"|dop_v1|pypi|ph[cx]|whsec|SG|ya29|GOCSPX|gsk|pplx|lin_api|r8|xai|pcsk)[-_.]|AKIA|ASIA|AIza)"
    r"(?P<key>[\w.-]{12,}+)"
)
_UNDIGITED = re.compile(r"A[KS]IA[A-Z]{16}|(?:\w{2,6}[-_]){1,3}[A-Za-z]{20,}")
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+)?")
_EMAIL = re.compile(
    r"(?:(?<![\w.+%-])[\w.+%-]++|\"[^\"]{1,64}\")@[\w-]++(?:[.\u3002\uff61][\w-]++)++"
)
_SPELLED_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]++(?:"
    r"(?:%40|&#0?64;|&#x0?40;|&commat;|\\{1,4}(?:u00|x)40| ?[(\[{] ?at ?[)\]}] ?)"
    r"[\w-]++(?:(?:\.| ?[(\[{] ?dot ?[)\]}] ?| dot )[\w-]++)++"
    r"| at [\w-]++(?: dot (?:com|org|net|edu|gov|info|[a-z]{2})(?!\w))++)",
    re.IGNORECASE,
)
_SPELLED_HINTS = ("%40", "64;", "40;", "commat;", "u0040", "x40", "at)", "at]", "at}", " dot ")
_RUN = re.compile(r"(?<![A-Za-z0-9_+/-])[A-Za-z0-9_+/-]{24,}+={0,2}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F-]+")
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9a-fA-F:]{3,45}+(?![\w:])")
_DIGITS = re.compile(r"(?<!\d)\+?\(?\d(?:[ ().\-/]{0,3}\d)*+")
# With what else may stand between its groups, a card's number has to be grouped as one.
_GROUPED_CARD = re.compile(
    r"(?<!\d)(?:2[2-7]\d\d|3[04-9]\d\d|[4-6]\d{3})"
    r"(?:(?:[ _,:*|./\-]{1,3}\d{4}){3}|[ _,:*|./\-]{1,3}\d{6}[ _,:*|./\-]{1,3}\d{4,5})(?!\d)"
)
_DIGIT = re.compile(r"\d")
_GROUP = re.compile(r"\d+")
_NO_PHONE = re.compile(
    r"(?:19|20)\d\d[-/](?:19|20)\d\d"
    r"|[1-9]\d{0,2}(?:\.\d{3})+"
    r"|\d+\.\d+"
)
_YEAR, _MONTH, _DAY = r"(?:1[89]|2[01])\d\d|9999", "0?[1-9]|1[0-2]", "0?[1-9]|[12][0-9]|3[01]"


def _dates(*orders: tuple[str, str, str]) -> str:
    """A date of one of these orders, or two as from day to day."""
    one = "|".join(
        rf"(?:{first}){mark}(?:{second}){mark}(?:{third})"
        for mark in ("-", "/", r"\.")
        for first, second, third in orders
    )
    return rf"(?:{one})(?:[-/](?:{one}))?(?!\d)"


# A telephone number may hold what looks like a date, with more digits right behind or before.
_DATE = re.compile(
    rf"(?<!\d)(?<!\d[-/.])(?:{_dates((_YEAR, _MONTH, _DAY))}"
    rf"|{_dates((_DAY, _MONTH, _YEAR), (_MONTH, _DAY, _YEAR))}(?![-/.]\d))"
)
_IN_PAIRS = re.compile(r"[2-9]\d(?: \d\d){3}")
_FEWEST_DIGITS = 7
_MOST_PHONE_DIGITS = 15
_CARD_DIGITS = range(13, 20)
_FEWEST_LETTERS = 32
_SAMPLED = 256
# Blanks and what nobody sees are read, too.
_RAW_PER_CHAR = 8
_LEFT_OUT = 64


def masked(text: str, *, is_name: bool = False) -> str:
    """The text in one line, what is personal or secret replaced by what it was: ``[email]``.

    Mail addresses, phone numbers, card numbers, bank accounts, keys, tokens and passwords, IP
    addresses, long ids and numbers, and the credentials and queries of URLs. Takes time linear in
    the text. Names of people stay: no pattern knows them. What nobody sees is left out first, so
    that nothing hides behind it: see :func:`~trace_clustering.traces.folding.folded`.

    Args:
        is_name: whether it is what a group is called, which is made of texts that are masked: a
            word behind "Password:" is none there.
    """
    text = folded(text)
    if "PRIVATE KEY-----" in text:
        text = _BLOCK.sub(KEY, text)
    if "://" in text:
        text = _AFTER_SCHEME.sub(_address, text)
    text = _PREFIXED.sub(_prefixed, without_passwords(text, KEY, is_name=is_name))
    text = _RUN.sub(_run, _JWT.sub(KEY, _without_addresses(text)))
    return _without_numbers(text) if _DIGIT.search(text) else text


def masked_head(text: str, chars: int, *, is_name: bool = False) -> str:
    """The beginning of a text, masked; about ``chars`` characters of it are read.

    What a cut leaves of an address or a number is no longer known as one, so that what stands
    right before the cut is left out.
    """
    read = text[: _RAW_PER_CHAR * chars]
    head = folded(read)
    if len(head) <= chars and len(read) == len(text):
        return masked(head, is_name=is_name)
    return masked_before_cut(head[:chars])


def masked_before_cut(text: str) -> str:
    """A text that ends where it was cut, masked, without what stands right before the cut."""
    return masked(text)[:-_LEFT_OUT].rstrip()


def _without_addresses(text: str) -> str:
    if "@" in text:
        text = _EMAIL.sub(EMAIL, text)
    if any(map(text.lower().__contains__, _SPELLED_HINTS)):
        text = _SPELLED_EMAIL.sub(EMAIL, text)
    return text


def _without_numbers(text: str) -> str:
    """Everything that holds at least one digit."""
    text = _IPV4.sub(_ipv4, text)
    if ":" in text:
        text = _IPV6.sub(_ipv6, text)
    text = _GROUPED_CARD.sub(_grouped_card, without_accounts(text, IBAN))
    return _DIGITS.sub(_digits, text)


def _address(match: re.Match[str]) -> str:
    """What stands behind a URL's ``://``, without credentials and query."""
    whole, fragment_mark, fragment = match[0].partition("#")
    whole, query_mark, query = whole.partition("?")
    authority, slash, path = whole[3:].partition("/")
    _, at, host = authority.rpartition("@")
    kept = f"://{KEY}@{host}" if at else f"://{authority}"
    kept += slash + path + (f"?{QUERY}" if query_mark and query else query_mark)
    return kept + (f"#{QUERY}" if "=" in fragment else fragment_mark + fragment)


def _prefixed(match: re.Match[str]) -> str:
    is_key = _DIGIT.search(match["key"]) or _UNDIGITED.match(match[0])
    return KEY if is_key else match[0]


def _run(match: re.Match[str]) -> str:
    """An unbroken run of letters or digits: random, or only a long name."""
    run = match[0]
    if _UUID.fullmatch(run):
        return ID
    head = run[:_SAMPLED]
    digits = sum(c.isdigit() for c in head)
    if not digits:
        return KEY if _is_mixed(head) else run
    if digits == len(head):
        return run
    # Names hold marks between their parts; without any, fewer changes are too many for one.
    least = 0.2 if head.isalnum() else 0.3
    is_random = digits >= 2 and digits > 0.06 * len(head) and _changes(head) > least * len(head)
    return KEY if is_random or _is_of_aws(run) or _HEXADECIMAL.fullmatch(head) else run


def _is_of_aws(run: str) -> bool:
    """Whether it has the form of a secret key of AWS, which may hold a single digit."""
    is_long = len(run) == 40 and not {"-", "_", "="} & set(run)
    return is_long and run.upper() != run != run.lower() and _changes(run) >= 0.25 * len(run)


def _is_mixed(run: str) -> bool:
    """Whether letters are large or small at random; in names large ones are fewer, or in rows."""
    large, small = sum(c.isupper() for c in run), sum(c.islower() for c in run)
    is_even = 0.36 * (large + small) < large < 0.7 * (large + small)
    return large + small >= _FEWEST_LETTERS and is_even and _changes(run) > 0.35 * len(run)


def _changes(run: str) -> int:
    """How often neighbours differ in kind: lower case, upper case or digit."""
    kinds = [c.isdigit() + 2 * c.isupper() if c.isalnum() else -1 for c in run]
    return sum(one != other and one >= 0 and other >= 0 for one, other in pairwise(kinds))


def _ipv4(match: re.Match[str]) -> str:
    return IP if all(int(part) < 256 for part in match[0].split(".")) else match[0]


def _ipv6(match: re.Match[str]) -> str:
    told = match[0].rstrip(":") if match[0].endswith(":") and match[0][-2:] != "::" else match[0]
    if told.count(":") < 2 or len(told) < 5:
        return match[0]
    try:
        IPv6Address(told)
    except ValueError:
        return match[0]
    return IP + match[0][len(told) :]


def _grouped_card(match: re.Match[str]) -> str:
    digits = "".join(_GROUP.findall(match[0]))
    return CARD if _passes_luhn(digits) else match[0]


def _digits(match: re.Match[str]) -> str:
    """A run of digits in groups: cards first, then what is left."""
    found = match[0]
    if len(found) < _FEWEST_DIGITS:
        return found
    parts: list[str] = []
    kept = 0
    for start, end in _cards(found):
        parts += [_number(found[kept:start]), CARD]
        kept = end
    return "".join([*parts, _number(found[kept:])])


def _cards(found: str) -> Iterator[tuple[int, int]]:
    """Where in a run of digits there are card numbers, none within another."""
    groups = [group.span() for group in _GROUP.finditer(found)]
    first = 0
    while first < len(groups):
        last = _last_of_card(found, groups, first)
        if last is None:
            first += 1
            continue
        yield groups[first][0], groups[last][1]
        first = last + 1


def _last_of_card(found: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """The last group of the card number that begins with the group ``first``."""
    digits = ""
    for last in range(first, len(groups)):
        start, end = groups[last]
        if end - start > _CARD_DIGITS[-1] or (end - start < 3 and digits == ""):
            return None
        digits += found[start:end]
        if len(digits) > _CARD_DIGITS[-1]:
            return None
        if len(digits) in _CARD_DIGITS and _passes_luhn(digits):
            return last
    return None


def _passes_luhn(digits: str) -> bool:
    values = [int(digit) for digit in reversed(digits)]
    doubled = (sum(divmod(2 * value, 10)) for value in values[1::2])
    return (sum(values[::2]) + sum(doubled)) % 10 == 0


def _number(found: str) -> str:
    """Digits in groups, masked if they are a phone number or a long number."""
    groups = _GROUP.findall(_without_dates(found))
    count = sum(map(len, groups))
    if count < _FEWEST_DIGITS or _NO_PHONE.fullmatch(found.strip()):
        return found
    lead = found[: len(found) - len(found.lstrip(" "))]
    trail = found[len(found.rstrip(" ")) :]
    if count > _MOST_PHONE_DIGITS or (len(groups) == 1 and "+" not in found):
        return f"{lead}{NUMBER}{trail}"
    return f"{lead}{PHONE}{trail}" if _is_grouped_as_phone(found, groups) else found


def _without_dates(found: str) -> str:
    """Digits in groups without the dates among them; in a whole telephone number there are none."""
    told = found.lstrip("( ")
    is_phone = told[:1] == "+" or (
        told[:1] == "0" and told[1:2].isdigit() and not _DATE.match(told)
    )
    return found if is_phone else _DATE.sub("", found)


def _is_grouped_as_phone(found: str, groups: list[str]) -> bool:
    if found.lstrip("( ")[:1] in ("+", "0") or _IN_PAIRS.fullmatch(found.strip()):
        return True
    return len(groups) <= 5 and max(map(len, groups)) >= 3
