"""PostHog's requests and answers, in the shapes that its SDKs have had over the years."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import asdict
from itertools import chain, islice
from typing import Any, Final
from urllib.parse import unquote_plus

from trace_clustering.models.traces import Delivery
from trace_clustering.traces.receiving.posthog import KEY_NAMES
from trace_clustering.traces.receiving.properties import storable_text
from trace_clustering.web.payloads import Refused, bad_body, unpacked

MAX_REPORTED = 100
"""Parts that were left out, as far as an answer names each."""

_GZIP_MAGIC = b"\x1f\x8b"
_COMPRESSIONS = ("", "gzip", "gzip-js", "base64")


_KEY: Final = re.compile(
    b'"(?:%b)"\\s*:\\s*"([^"\\\\]{1,512})"' % b"|".join(re.escape(n.encode()) for n in KEY_NAMES)
)
# The SDKs put it first or last.
_MAX_KEYS = 8
_TAIL_BYTES = 2048


def json_of(body: bytes, encoding: str, compression: str) -> bytes:
    """What should be the JSON of a request, not yet parsed.

    It may come packed, as a form field ``data`` in base64, or both.

    Args:
        encoding: the header ``Content-Encoding``.
        compression: the parameter ``compression`` of the URL, an older way to say it.

    Raises:
        Refused: 400, 413 or 415.
    """
    if compression not in _COMPRESSIONS:
        message = "compression: must be gzip, gzip-js or base64"
        raise Refused(415, "UnsupportedMediaType", "compression", message)
    data = _without_form(unpacked(body, encoding))
    # No JSON begins like that, so that nobody needs to say it, or says it twice.
    if data.startswith(_GZIP_MAGIC):
        data = unpacked(data, "gzip")
    return data


def keys_in(data: bytes) -> list[str]:
    """A few texts in JSON that may be the key it brings, told without parsing it."""
    first = islice(_KEY.finditer(data), _MAX_KEYS)
    last = list(_KEY.finditer(data[-_TAIL_BYTES:]))[-_MAX_KEYS:]
    found = dict.fromkeys(match[1].decode("utf-8", "replace") for match in chain(first, last))
    return list(found)


def answer_of(delivery: Delivery) -> dict[str, Any]:
    """What the SDKs expect where all is well, with what was left out."""
    answer: dict[str, Any] = {"status": 1}
    if delivery.rejected:
        answer["rejected"] = [asdict(one) for one in delivery.rejected[:MAX_REPORTED]]
        answer["rejected_count"] = len(delivery.rejected)
    if delivery.ignored:
        answer["ignored"] = delivery.ignored
    return answer


def results_of(delivery: Delivery, document: object) -> dict[str, Any]:
    """The same for the newer protocol: a verdict by uuid. Events without one were kept."""
    batch = document.get("batch") if isinstance(document, dict) else None
    events = {f"batch.{i}": event for i, event in enumerate(batch or [])}
    dropped = {_uuid_of(events.get(one.part)): one.problem for one in delivery.rejected}
    results = {
        uuid: {"result": "drop", "details": problem} for uuid, problem in dropped.items() if uuid
    }
    return {**answer_of(delivery), "results": results}


def _uuid_of(event: object) -> str | None:
    uuid = event.get("uuid") if isinstance(event, dict) else None
    return storable_text(uuid) if isinstance(uuid, str) else None


def _without_form(body: bytes) -> bytes:
    """The field ``data`` if this is a form, which no JSON looks like."""
    if not body.startswith(b"data="):
        return body
    field = body.removeprefix(b"data=").partition(b"&")[0]
    # A plus sign that was not escaped has become a space.
    text = unquote_plus(field.decode("ascii", "replace")).strip().replace(" ", "+")
    if text.startswith(("{", "[")):
        return unquote_plus(field.decode("ascii", "replace")).encode()
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise bad_body("its field data is neither JSON nor base64") from None
