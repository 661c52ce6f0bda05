"""Who a sender is: where keys stand in a request, and which team they write to."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.datastructures import Headers

from trace_clustering.settings import Settings
from trace_clustering.web.payloads import Refused
from trace_clustering.web.senders import credentials_of, team_of_sender

TOKEN = "correct horse ñ"


@dataclass
class FakeKeys:
    """Keys by team; remembers which it was asked for."""

    teams: dict[str, int] = field(default_factory=dict)
    was_any: bool = True
    asked: list[str] = field(default_factory=list)

    def any(self) -> bool:
        return self.was_any

    def team_of(self, key: str) -> int | None:
        self.asked.append(key)
        return self.teams.get(key)


NO_KEYS = FakeKeys(was_any=False)


def settings(token: str | None = None) -> Settings:
    return Settings(token=SecretStr(token) if token else None)


def found(**headers: str | bytes) -> list[str]:
    raw = [
        (
            name.replace("_", "-").encode(),
            value if isinstance(value, bytes) else value.encode(),
        )
        for name, value in headers.items()
    ]
    return credentials_of(Headers(raw=raw))


def basic(text: str | bytes) -> str:
    data = text if isinstance(text, bytes) else text.encode()
    return f"Basic {base64.b64encode(data).decode()}"


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("Bearer tck_1", ["tck_1"]),
        ("bearer   tck_1 ", ["tck_1"]),
        (f"Bearer {TOKEN}", [TOKEN]),
        (basic("pk-lf-1:tck_1"), ["tck_1", "pk-lf-1"]),
        (basic("tck_1:"), ["tck_1"]),
        (basic(":tck_1"), ["tck_1"]),
        (basic("tck_1"), ["tck_1"]),
        (basic("user:with:colons"), ["with:colons", "user"]),
        (basic(b"\xff:tck_1"), ["tck_1", "\ufffd"]),
        ("Basic not base64", []),
        ("Basic é", []),
        ("Digest tck_1", []),
        ("tck_1", []),
        ("Bearer", []),
        ("", []),
    ],
)
def test_the_authorization_header(authorization: str, expected: list[str]) -> None:
    assert found(authorization=authorization) == expected


def test_other_headers_that_hold_keys() -> None:
    assert found() == []
    assert found(x_api_key="a", api_key="b") == ["a", "b"]
    assert found(api_key="b", authorization="Bearer a") == ["a", "b"]
    assert found(x_api_key=b"\xff") == ["\ufffd"]


def test_a_key_is_of_one_team() -> None:
    keys = FakeKeys({"tck_1": 1, "tck_7": 7})
    assert team_of_sender(keys, settings(), ["tck_7"]) == 7
    assert team_of_sender(keys, settings(), ["nonsense", "tck_7"]) == 7
    assert team_of_sender(keys, settings(), ["tck_1", "tck_7"]) == 1
    assert keys.asked == ["tck_7", "nonsense", "tck_7", "tck_1"]


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize(
    ("credentials", "problem"),
    [
        ([], "no key was sent"),
        (["tck_old"], "the key is unknown or was revoked"),
        ([TOKEN], "the key is unknown or was revoked"),
    ],
)
def test_once_a_key_was_made_one_is_needed(
    token: str | None, credentials: list[str], problem: str
) -> None:
    with pytest.raises(Refused) as refused:
        team_of_sender(FakeKeys({"tck_1": 1}), settings(token), credentials)
    assert (refused.value.status, refused.value.kind) == (401, "Unauthorized")
    assert refused.value.message.startswith(f"{problem}; required is a key;")
    assert refused.value.headers == {"WWW-Authenticate": "Bearer"}


@pytest.mark.parametrize("credentials", [[], ["anything"], [TOKEN]])
def test_without_keys_and_token_everything_is_team_1s(credentials: list[str]) -> None:
    assert team_of_sender(NO_KEYS, settings(), credentials) == 1
    assert NO_KEYS.asked == []


def test_without_keys_the_token_is_the_key() -> None:
    assert team_of_sender(NO_KEYS, settings(TOKEN), ["pk-lf-1", TOKEN]) == 1
    for credentials in ([], [TOKEN[:-1]], [TOKEN + "x"], ["\ud800"], ["\ufffd"]):
        with pytest.raises(Refused) as refused:
            team_of_sender(NO_KEYS, settings(TOKEN), credentials)
        assert refused.value.status == 401
        assert "required is the service's token" in refused.value.message
        assert TOKEN not in refused.value.message


@pytest.mark.parametrize("odd", ["x" * 513, "tck\0", "\ud800", "a\nb"])
def test_what_cannot_be_a_key_is_not_looked_up(odd: str) -> None:
    keys = FakeKeys({odd: 5})
    with pytest.raises(Refused):
        team_of_sender(keys, settings(), [odd])
    assert keys.asked == []


@given(st.binary(), st.binary(), st.text())
def test_no_header_is_a_surprise(authorization: bytes, key: bytes, text: str) -> None:
    for value in (authorization, b"Basic " + authorization, b"Bearer " + authorization):
        credentials = [*found(authorization=value, x_api_key=key), text]
        with pytest.raises(Refused):
            team_of_sender(FakeKeys(), settings(), credentials)
        with pytest.raises(Refused):
            team_of_sender(NO_KEYS, settings(TOKEN), credentials)
