"""What is masked in strangers' text, what stays, and how long it may take."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace_clustering.traces.masking import masked, masked_head

JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwp"

PIECES = (
    *("a", "1", "1 ", "eyJ", "a@", "a.a@a", "://", "sk-", "password: ", "pin is ", "ab12 "),
    *("1111 ", "+(", "a1B", ":", "1:", "1.1.", "bearer ", " ", "a@b.", "http://a@b?c#d= "),
    *("password='", "00/00/0000", "-----BEGIN PRIVATE KEY-----", "4111 1111 1111 1111 "),
    *(
        "password ",
        "password is ",
        'password\\"',
        "密码",
        "otp:1",
        "is ",
        "a-b-",
        "a (at) ",
        "a%40",
    ),
    *(
        "a at b dot ",
        '"',
        '"a"@',
        "4111_",
        "1 – ",
        "1\u200d",
        "\u0301\u0316",
        "\u200b",
        "AKIA",
        "sk-a",
    ),
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mail ada.b+c@example.co.uk!", "mail [email]!"),
        ("call +1 (415) 555-2671 now", "call [phone] now"),
        ("06 12 34 56 78 or 079 123 45 67", "[phone] or [phone]"),
        ("(call 555-1234)", "(call [phone])"),
        ("4111 1111 1111 1111 exp 12/29", "[card] exp 12/29"),
        ("4111-1111-1111-1111, 378282246310005.", "[card], [card]."),
        ("card4111111111111111卡", "card[card]卡"),
        ("order 12 4111 1111 1111 1111", "order 12 [card]"),
        ("GB29 NWBK 6016 1331 9268 19 and more", "[iban] and more"),
        ("ab12 DE89370400440532013000", "ab12 [iban]"),
        ("NO93 8601 1117 947, mt84malt011000012345mtlcast001s.", "[iban], [iban]."),
        ("FR14 2004 1010 0505 0001 3M02 606", "[iban]"),
        ("GB29NWBK60161331926819BIC DE8937040044053201300012", "GB29NWBK[number]BIC [key]"),
        ("sk-proj-abcDEF1234567890abcd", "[key]"),
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "[key]"),
        ("id AKIAIOSFODNN7EXAMPLE.", "id [key]"),
        *(
            (f"the {prefix}aB3dE6gH9jK2mN5pQ8sT1 key", "the [key] key")
            for prefix in ("GOCSPX-", "gsk_", "pplx-", "lin_api_", "r8_", "xai-", "pcsk_", "xapp-")
        ),
        ("sk_live_RSjZwAcNDyDdgEXjbcMNiOug", "[key]"),
        ("use wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY now", "use [key] now"),
        ("here sv4lk7fiyr2qusnx9pcbaybhv ok", "here [key] ok"),
        (
            "api key 32sv4l31kfiyrqusnxpc and token sv4lkfiyr1usnxpcb",
            "api key [key] and token [key]",
        ),
        ("GOCSPX-RSjZwAcNDyDdgEXjbcMNiOug!", "[key]!"),
        ("a RSjZwAcNDyDdgEXjbcMNiOugKkQwErtYpL b", "a [key] b"),
        (f"token {JWT} ends", "token [key] ends"),
        ("password: hunter2, next", "password: [key], next"),
        ("DB_PASSWORD='a b c'", "DB_PASSWORD=[key]"),
        ('{"api_key": "xyz", "n": 1}', '{"api_key": [key], "n": 1}'),
        ("Authorization: Bearer abcdef", "Authorization: Bearer [key]"),
        ("bearer abcdefghijklmnopqrstuvwxyz", "bearer [key]"),
        ("my pin is 1234", "my pin is [key]"),
        ('the token is "abc"', "the token is [key]"),
        ("http://bob:pw@host:80/a?x=1#top", "http://[key]@host:80/a?[query]#top"),
        ("https://x.org/p#access_token=12", "https://x.org/p#[query]"),
        ("10.0.0.1 and 2001:db8::1", "[ip] and [ip]"),
        ("3f2b8a10-77aa-4c1e-9a55-0123456789ab", "[id]"),
        ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "[key]"),
        ("aGVsbG8gd29ybGQ0MTIzNDU2Nzg5MA+/Zm9vYmFyCg==", "[key]"),
        ("account 123456789", "account [number]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----.", "[key]."),
    ],
)
def test_what_is_personal_or_secret_is_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mail john\u200b.doe@exa\u200bmple.com!", "mail [email]!"),
        ("mail john.doe@exa\u00admple.c\u2060om or a@b\ufe0f.c\x00om", "mail [email] or [email]"),
        ("4111\u200b1111\u200d1111\u200b1111", "[card]"),
        ("4111    1111  \n 1111\t\u00a0\u20281111", "[card]"),
        ("DE89  3704\u202f0044   0532 0130 00", "[iban]"),
        ("pass\u200dword:\n\n  hunter2", "password: [key]"),
        ("ｊｏｈｎ＠ｅｘａｍｐｌｅ。com", "[email]"),
        ("４１１１ １１１１ １１１１ １１１１ 𝟒𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏", "[card] [card]"),
    ],
)
def test_nothing_hides_behind_what_nobody_sees(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            r'{"body": "{\"password\": \"hunter2\", \"n\": 1}"}',
            r'{"body": "{\"password\": [key], \"n\": 1}"}',
        ),
        ("my password hunter2 does not work", "my password [key] does not work"),
        ("userpassword=hunter2 newPassword: abc", "userpassword=[key] newPassword: [key]"),
        ("pass: hunter2, pw: hunter, pass=a1b", "pass: [key], pw: [key], pass=[key]"),
        ("password - hunter2 or password → hunter", "password - [key] or password → [key]"),
        ("password is now hunter2.", "password is now [key]."),
        ("password was changed to hunter2", "password was changed to [key]"),
        ("My password is correct-horse-battery", "My password is [key]"),
        ("my password is 'let me in'", "my password is [key]"),
        ("PIN 4321, passcode 4321", "PIN [key], passcode [key]"),
        ("OTP 482913; verification code: 482913", "OTP [key]; verification code: [key]"),
        ("Passwort: geheim, Passwort ist geheim1", "Passwort: [key], Passwort ist [key]"),
        ("contraseña: a, mot de passe : b", "contraseña: [key], mot de passe : [key]"),
        ("пароль: qwerty", "пароль: [key]"),
        ("密码：abc, 密码是 abc12345, 密码abc123不行", "密码：[key], 密码是 [key], 密码[key]不行"),
        ("+1\u2011555\u2011123\u20114567 +1–555–123–4567", "[phone] [phone]"),
        ("call +1—555—123—4567 now", "call [phone] now"),
        ("4111_1111_1111_1111 4111,1111,1111,1111", "[card] [card]"),
        ("4111:1111:1111:1111, 4111*1111*1111*1111", "[card], [card]"),
        ("4111|1111|1111|1111; 4111 – 1111 – 1111 – 1111", "[card]; [card]"),
        ("3782_822463_10005", "[card]"),
        ("GB29_NWBK_6016_1331_9268_19", "[iban]"),
        ("john.doe%40example.com, a&#64;b.org", "[email], [email]"),
        (r"john.doe\u0040example.com", "[email]"),
        ("a.b (at) example.com, a.b [at] b [dot] org", "[email], [email]"),
        ("john at gmail dot com", "[email]"),
        ('"john doe"@example.com', "[email]"),
        ("key AKIAIOSFODNNEXAMPLEA", "key [key]"),
        ("sk-abcdefghijklmnopqrstuvwxyz", "[key]"),
    ],
)
def test_other_spellings_are_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    "number",
    [
        *("+44-20-7946-0958", "+81-3-1234-5678", "+86-10-1234-5678", "+91-11-2345-6789"),
        *("+49-30-1234-5678", "+33-1-4455-6677", "+82-2-1234-5678", "+39.06.1234.5678"),
        *(
            "+44-1-12-2024",
            "044-11-12-2024",
            "44-20-7946-0958",
            "20-10-12-2024-11",
            "11-12-2024-55",
        ),
        *("22 33 44 55", "+45 22 33 44 55"),
    ],
)
def test_a_telephone_number_holds_no_date(number: str) -> None:
    assert masked(f"call {number} now") == "call [phone] now"


@pytest.mark.parametrize(
    "text",
    [
        *("01.05.2024", "05/19/2024 10:30", "1-12-2024", "2024/1/5", "from 31.12.1999 10 to 12"),
        *("01.05.2024-03.06.2024", "2024-05-19/2024-05-25", "01.05.2024 - 03.06.2024 0815"),
        *("backup-2024-05-19-0300.tar", "until 9999-12-31", "12 24 36 48", "5 10 15 20"),
        *("sizes 36, 38, 40, 42", "36 38 40 42 44", "0 2024-05-19"),
    ],
)
def test_dates_and_small_numbers_are_no_telephone_numbers(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "my password is not working and my pin was blocked",
        "on 2024-05-19 10:30, 19.05.2024 or 1990-1995",
        "1.234.567 EUR, 3.14159265, 1 2 3 4 5 6 7 8 9 10, 12 15 18 20 22",
        "at 12:30:45 std::vector 300.1.1.1 ::",
        "https://plain.org/path/to/page",
        "r8_convolution_kernels ThisIsAVeryLongCamelCaseNameOfAClassInJava",
        "getHTMLXMLHTTPRequestURLFROMSQLDATABASE SOMECONSTANTNAMEWITHOUTANYBREAKSATALL",
        "donaudampfschifffahrtsgesellschaftskapitän /usr/local/share/Documents/LongFolder/Other",
        *("FY2024 revenue by region and product", "CS50 results show a strong quarter"),
        "Your flight to Copenhagen is now SK173 on December 17 at 09:40",
        "/usr/lib/python3/dist-packages/numpy2 ThisIsAVeryLongCamelCaseName2",
        "@ada wrote to bob@ at home (at) noon",
        "I forgot my password 2 days ago - can you reset my password?",
        "my password is case-sensitive and out-of-date, a 12-character one",
        "the PIN is 4 digits long, the PIN 3 times wrong, the passcode is blocked",
        "OTP not received for 24 hours; verification code: please send again",
        "password OAuth2 flow, SHA256; token limit 4096, boarding pass: how",
        "spin 4321, passengers 12345, pass 100 tests, the secret to 100 years",
        "card — help; 10² m, ½ ™ … years 2020, 2021, 2022, 2023",
        "我的密码不能用2次, 密码6位数？",
        "می\u200cخواهم 👨\u200d👩\u200d👧",
        "",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Password: reset links and failures", None),
        ("Password: Reset Links, PIN: blocked", None),
        ("Mot de passe : oublié, API key: rotate", None),
        ("Password: hunter2, pin=abc", "Password: [key], pin=[key]"),
        ("token: aBcDefGh", "token: [key]"),
    ],
)
def test_in_names_a_word_is_no_password(name: str, shown: str | None) -> None:
    assert masked(name, is_name=True) == (shown or name)
    assert masked_head(name, 100, is_name=True) == (shown or name)
    assert "[key]" in masked(name)


@given(st.text(), st.emails(), st.text())
def test_no_mail_address_comes_through(before: str, address: str, after: str) -> None:
    plain = re.fullmatch(r"[\w.+%-]+@[\w.-]+", address, re.ASCII)
    if plain:
        assert address not in masked(f"{before} {address} {after}")


@given(st.text(), st.integers(min_value=10**14, max_value=10**15 - 1), st.sampled_from(" -"))
def test_no_card_number_comes_through(before: str, digits: int, separator: str) -> None:
    number = next(f"{digits}{last}" for last in range(10) if _luhn(f"{digits}{last}"))
    card = separator.join(re.findall("....", number))
    assert card not in masked(f"{before} x {card}")
    assert card not in masked(f"{before} x {card} x {before}")


SECRETS = ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ada@example.com", "+41 79 123 45 67", JWT)
AROUND = st.lists(st.sampled_from([*PIECES, "\n", "é卡", "9", ".", "?", "token"]), max_size=9)


@given(AROUND, st.sampled_from(SECRETS), AROUND)
def test_no_secret_comes_through_whatever_is_around(
    before: list[str], secret: str, after: list[str]
) -> None:
    text = f"{''.join(before)} x {secret} x {''.join(after)}"
    assert secret not in masked(text)


@given(st.text())
def test_text_without_any_digit_or_mark_stays(text: str) -> None:
    words = re.sub(r"[^a-zA-Z ]|[a-zA-Z]{32,}", "", text)
    shown = re.sub(r"(?i)(bearer )[a-z]{16,}", r"\1[key]", " ".join(words.split()))
    assert masked(words) == shown


@given(st.text())
def test_what_is_masked_is_one_line_and_masked_for_good(text: str) -> None:
    shown = masked(text)
    assert shown == " ".join(shown.split())
    assert masked(shown) == shown


@pytest.mark.parametrize("piece", PIECES)
def test_no_text_takes_more_than_linear_time(piece: str) -> None:
    # Quadratic time would be minutes here; the suite's limit ends the test.
    masked(piece * (100_000 // len(piece)))


@pytest.mark.parametrize("blank", [" ", "\u200b", "\n"])
@pytest.mark.parametrize("before", ["", "The card that I have told you of before is this: "])
def test_no_half_of_a_secret_is_left_where_a_text_is_cut(before: str, blank: str) -> None:
    for many in range(0, 1_700, 7):
        text = f"{before}{blank * many} 4111 1111 1111 1111 or ada.lovelace@example.com, bye"
        head = masked_head(text, 200)
        assert "1111" not in head
        assert "lovelace" not in head
    long = f"{'word ' * 36}4111 1111 1111 1111 or ada.lovelace@example.com, bye"
    assert all("1111" not in masked_head(long, chars) for chars in range(100, 220))
    assert masked_head("mail a@b.example", 20) == "mail [email]"


def _luhn(number: str) -> bool:
    digits = [int(digit) for digit in number[::-1]]
    return (sum(digits[::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])) % 10 == 0
