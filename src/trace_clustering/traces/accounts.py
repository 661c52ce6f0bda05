"""Masking numbers of bank accounts as most of the world writes them (IBAN)."""

from __future__ import annotations

import re

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ ._-]?[A-Za-z0-9]){11,30}+")
# SWIFT's registry: countries, with how many characters their accounts have.
_REGISTRY = """
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18
    DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23
    IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27
    MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19
    SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""
_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _REGISTRY.split()}


def without_accounts(text: str, mask: str) -> str:
    """The text without IBANs, which may begin inside of what only looks like one."""
    parts: list[str] = []
    kept = position = 0
    while match := _IBAN.search(text, position):
        end = _end_of_account(match[0])
        position = match.start() + (end or 4)
        if end:
            parts += [text[kept : match.start()], mask]
            kept = position
    return "".join([*parts, text[kept:]])


def _end_of_account(found: str) -> int:
    """Where the account that it begins with ends; 0 if it is none (ISO 13616)."""
    length = _LENGTHS.get(found[:2].upper(), 0)
    places = [i for i, c in enumerate(found) if c.isalnum()]
    if not length or len(places) < length:
        return 0
    end = places[length - 1] + 1
    account = "".join(found[i] for i in places[:length])
    # What begins like one in prose goes on with words, and may end in the middle of one.
    is_prose = found[end : end + 1].isalnum() or 2 * sum(c.isdigit() for c in account) < length
    return 0 if is_prose or not _is_account(account) else end


def _is_account(account: str) -> bool:
    """Whether its check digits are right (ISO 7064)."""
    return int("".join(str(int(c, 36)) for c in account[4:] + account[:4])) % 97 == 1
