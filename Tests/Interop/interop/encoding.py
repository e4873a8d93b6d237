"""CBOR as SPEC 1.1 has it, and the labels of files (SPEC 1.2).

cbor2 decodes; what it is lax about is checked here first, on the bytes.
"""

from __future__ import annotations

from typing import Any

import cbor2

from .refusal import Refused, require

MAX_NESTING = 16
SIGN1, ENCRYPT0 = 18, 16

FILES = {
    "grant": bytes.fromhex("d9d9f7da48757347"),
    "chain": bytes.fromhex("d9d9f7da48757343"),
    "identity": bytes.fromhex("d9d9f7da48757349"),
    "status": bytes.fromhex("d9d9f7da48757353"),
    "fuses": bytes.fromhex("d9d9f7da48757346"),
    "head": bytes.fromhex("d9d9f7da4875734c"),
}
SEQUENCES = {
    "package": bytes.fromhex("d9d9f8da4875735043424f52"),
    "bundle": bytes.fromhex("d9d9f8da4875734243424f52"),
    "export": bytes.fromhex("d9d9f8da4875734543424f52"),
}


def unlabelled(kind: str, data: bytes) -> bytes:
    """What follows the label of a file of this kind."""
    label = FILES.get(kind) or SEQUENCES[kind]
    require(data.startswith(label), "malformed", f"not a {kind}")
    return data[len(label) :]


def encode(value: Any) -> bytes:
    """The deterministic encoding. (cbor2 sorts keys by length first: for the keys in use that is the same order.)"""
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes) -> Any:
    """The one item that these bytes are."""
    require(item_end(data, 0, 0) == len(data), "malformed", "bytes follow the item")
    return _loads(data)


def decode_first(data: bytes) -> tuple[Any, int]:
    """The first item of a sequence, and where it ends."""
    end = item_end(data, 0, 0)
    return _loads(data[:end]), end


def head(data: bytes, at: int) -> tuple[int, int, int]:
    """Major type, argument and length of the head of an item, which must be the shortest."""
    require(at < len(data), "malformed", "the item is cut off")
    major, low = data[at] >> 5, data[at] & 31
    require(low <= 27, "malformed", "indefinite length or a reserved head")
    if low < 24:
        return major, low, 1
    size = 1 << (low - 24)
    require(at + 1 + size <= len(data), "malformed", "the item is cut off")
    argument = int.from_bytes(data[at + 1 : at + 1 + size], "big")
    smallest = (24, 1 << 8, 1 << 16, 1 << 32)[low - 24]
    require(major == 7 or argument >= smallest, "malformed", "a head that isn't the shortest")
    return major, argument, 1 + size


def item_end(data: bytes, at: int, nesting: int) -> int:
    """Checks the encoding of the item at a place; returns where it ends."""
    major, argument, length = head(data, at)
    content = at + length
    if major in (0, 1):
        return content
    if major in (2, 3):
        end = content + argument
        require(end <= len(data), "malformed", "the string is cut off")
        if major == 3:
            try:
                data[content:end].decode()
            except UnicodeDecodeError:
                raise Refused("malformed", "text isn't UTF-8") from None
        return end
    if major == 7:
        require(length == 1 and argument in (20, 21, 22), "malformed", "a simple value or a floating-point number")
        return content
    require(nesting < MAX_NESTING, "malformed", "nested too deeply")
    if major == 6:
        require(argument in (SIGN1, ENCRYPT0), "malformed", "a tag that has no place here")
        return item_end(data, content, nesting + 1)
    if major == 4:
        for _ in range(argument):
            content = item_end(data, content, nesting + 1)
        return content
    former = b""
    for index in range(argument):
        value = item_end(data, content, nesting + 1)
        key = data[content:value]
        require(index == 0 or former < key, "malformed", "map keys out of order, or twice the same")
        former = key
        content = item_end(data, value, nesting + 1)
    return content


def _loads(data: bytes) -> Any:
    try:
        return cbor2.loads(data)
    except (cbor2.CBORDecodeError, TypeError, ValueError) as error:
        raise Refused("malformed", str(error)) from None
