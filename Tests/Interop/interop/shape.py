"""Small parsers of decoded values: whatever isn't of the form that SPEC's CDDL demands is `malformed`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import cbor2

from .refusal import require

Parser = Callable[[Any], Any]
MAX_INTEGER = 2**63 - 1  # SPEC 11: times, sizes, epochs, sequence and status numbers


def integer(low: int = 0, high: int = MAX_INTEGER) -> Parser:
    def parse(value: Any) -> int:
        require(type(value) is int and value >= low, "malformed", f"not an integer from {low}")
        require(value <= high, "limit-exceeded" if high == MAX_INTEGER else "malformed", f"above {high}")
        return value

    return parse


def octets(low: int = 0, high: int | None = None) -> Parser:
    def parse(value: Any) -> bytes:
        require(isinstance(value, bytes), "malformed", "not a byte string")
        require(low <= len(value) and (high is None or len(value) <= high), "malformed", "a byte string's length")
        return value

    return parse


def text(low: int = 0, high: int = 128) -> Parser:
    def parse(value: Any) -> str:
        require(isinstance(value, str), "malformed", "not text")
        require(low <= len(value.encode()) <= high, "malformed", "a text's length")
        return value

    return parse


def array(*parsers: Parser) -> Parser:
    """An array of exactly these elements."""

    def parse(value: Any) -> list[Any]:
        require(isinstance(value, (list, tuple)) and len(value) == len(parsers), "malformed", "an array's length")
        return [parser(element) for parser, element in zip(parsers, value)]

    return parse


def list_of(parser: Parser, high: int) -> Parser:
    """An array of one element or more; how many there may be is a limit of SPEC 11."""

    def parse(value: Any) -> list[Any]:
        require(isinstance(value, (list, tuple)) and len(value) > 0, "malformed", "an empty list")
        require(len(value) <= high, "limit-exceeded", f"more than {high} elements")
        return [parser(element) for element in value]

    return parse


def fields(required: dict[int, Parser], optional: dict[int, Parser] | None = None) -> Parser:
    """A map of exactly these labels."""
    known = required | (optional or {})

    def parse(value: Any) -> dict[int, Any]:
        require(isinstance(value, dict), "malformed", "not a map")
        for label in value:
            require(type(label) is int and label in known, "malformed", f"unknown label {label!r}")
        for label in required:
            require(label in value, "malformed", f"label {label} is missing")
        return {label: known[label](element) for label, element in value.items()}

    return parse


def tagged(tag: int, parser: Parser) -> Parser:
    def parse(value: Any) -> Any:
        require(isinstance(value, cbor2.CBORTag) and value.tag == tag, "malformed", f"tag {tag} is missing")
        return parser(value.value)

    return parse


def ascends(values: Iterable[Any]) -> None:
    """Strictly: no value twice."""
    require(all(a < b for a, b in pairwise(values)), "malformed", "entries out of order, or twice the same")


def anything(value: Any) -> Any:
    return value


def boolean(value: Any) -> bool:
    require(isinstance(value, bool), "malformed", "not a boolean")
    return value


bytes32 = octets(32, 32)
time = integer()
uint32 = integer(0, 2**32 - 1)
uint64 = integer(0, 2**64 - 1)
version = array(uint32, uint32, uint32)
lifecycle_values = (0x0000, 0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000)


def lifecycle(value: Any) -> int:
    require(type(value) is int and value in lifecycle_values, "malformed", "not a life-cycle state")
    return value


def version_range(value: Any) -> list[list[int]]:
    low, high = array(version, version)(value)
    require(low <= high, "malformed", "the lowest version is above the highest")
    return [low, high]
