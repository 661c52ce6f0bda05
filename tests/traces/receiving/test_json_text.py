"""JSON is refused before it is parsed where that would take far more room than its bytes."""

import json

import pytest

from trace_clustering.errors import InvalidInputError
from trace_clustering.traces.receiving import json_text
from trace_clustering.traces.receiving.json_text import check_bulk, parse_json


@pytest.mark.parametrize("text", ["[[]]", '{"a": {}}', '"{["', '"\\u005B\\u007b"', '"\\\\u005b["'])
def test_opening_brackets_have_a_bound(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(json_text, "MAX_CONTAINERS", 2)
    assert parse_json(text, "line") == parse_json(text.encode(), "line") == json.loads(text)
    monkeypatch.setattr(json_text, "MAX_CONTAINERS", 1)
    for data in (text, text.encode()):
        with pytest.raises(InvalidInputError, match="line: holds more than 1 opening brackets"):
            parse_json(data, "line")


@pytest.mark.parametrize("text", ["[1,2,3]", '"\\u002c\\u002C"'])
def test_commas_have_a_bound(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(json_text, "MAX_ITEMS", 2)
    parse_json(text, "line")
    monkeypatch.setattr(json_text, "MAX_ITEMS", 1)
    with pytest.raises(InvalidInputError, match="line: holds more than 1 commas"):
        parse_json(text, "line")


def test_what_clients_send_at_most_is_far_below() -> None:
    attribute = b'{"key":"gen_ai.usage.input_tokens","value":{"intValue":"11"}},'
    check_bulk(attribute * (50_000_000 // len(attribute)), "body")
    check_bulk(b"-0.01234567," * (50_000_000 // 12), "body")
