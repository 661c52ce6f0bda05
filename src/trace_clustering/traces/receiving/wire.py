"""What a protobuf message will cost to read, told from its bytes before it is read."""

from collections.abc import Mapping
from typing import Final

from google.protobuf.descriptor import Descriptor

_VARINT, _EIGHT_BYTES, _SIZED, _FOUR_BYTES = 0, 1, 2, 5
# The parser reads no deeper.
_MAX_DEPTH: Final = 100
_MAX_VARINT: Final = 10

_inner: dict[str, Mapping[int, Descriptor]] = {}


def has_more_fields(body: bytes, descriptor: Descriptor, limit: int) -> bool:
    """Whether a message, with all that are inside it, has more than ``limit`` fields.

    An empty message takes two bytes on the wire and up to a hundred times as many once it is
    parsed, so that bytes alone say too little. Of bytes that are no message it says False
    unless there are too many before they go wrong.
    """
    try:
        return _counted(body, descriptor, limit) > limit
    except IndexError:
        return False


def _counted(body: bytes, descriptor: Descriptor, limit: int) -> int:
    """How many fields, as far as ``limit``; raises IndexError where the bytes end too early."""
    around: list[tuple[int, Mapping[int, Descriptor]]] = []
    at, end, inner = 0, len(body), _messages_in(descriptor)
    count = 0
    # One loop without calls where it can be: it runs for every field received.
    while count <= limit:
        if at >= end:
            if not around:
                break
            end, inner = around.pop()
            continue
        count += 1
        tag, at = (body[at], at + 1) if body[at] < 128 else _varint(body, at)
        kind = tag & 7
        if kind == _SIZED:
            size, at = (body[at], at + 1) if body[at] < 128 else _varint(body, at)
            message = inner.get(tag >> 3)
            if message is None or not size:
                at += size
            elif len(around) < _MAX_DEPTH:
                around.append((end, inner))
                end, inner = at + size, _inner.get(message.full_name) or _messages_in(message)
            else:
                break
        elif kind == _VARINT:
            _, at = _varint(body, at)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            at += 8 if kind == _EIGHT_BYTES else 4
    return count


def _messages_in(descriptor: Descriptor) -> Mapping[int, Descriptor]:
    """The fields of a message that are messages, by number."""
    inner = {field.number: field.message_type for field in descriptor.fields if field.message_type}
    return _inner.setdefault(descriptor.full_name, inner)


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends."""
    number = 0
    for shift in range(_MAX_VARINT):
        byte = body[at + shift]
        number |= (byte & 0x7F) << 7 * shift
        if byte < 128:
            return number, at + shift + 1
    raise IndexError
