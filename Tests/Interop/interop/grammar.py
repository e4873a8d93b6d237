"""Whether a file is what the CDDL in SPEC.md says.

A stock parser reads the grammar, and so shows that it is CDDL (RFC 8610). The validators at hand don't take all of it
(generics, embedded CBOR in arrays), so what of CDDL SPEC.md uses is matched here.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import cbor2
import cddlparser.ast
from cddlparser import parse

from .encoding import FILES, SEQUENCES

ast: Any = cddlparser.ast

# The rule for each kind of file.
RULES = {
    "package": "package",
    "grant": "grant",
    "chain": "chain-file",
    "bundle": "bundle",
    "identity": "identity",
    "status": "status-list",
    "fuses": "fuses",
    "head": "log-head",
    "export": "export",
}
_PRELUDE = {
    "any": lambda _: True,
    "uint": lambda value: type(value) is int and value >= 0,
    "int": lambda value: type(value) is int,
    "bstr": lambda value: isinstance(value, bytes),
    "tstr": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "true": lambda value: value is True,
    "null": lambda value: value is None,
}

Names = dict[str, tuple[Any, "Names"]]  # the arguments of a generic rule: what each stands for, and where
Pairs = list[tuple[Any, Any]]


def matches(grammar: Grammar, file: bytes) -> bool:
    """Whether a file is of the form that the rule for its label says."""
    kind = next((kind for kind, label in (FILES | SEQUENCES).items() if file.startswith(label)), None)
    if kind is None:
        return False
    try:
        items = _items(file[:-32] if kind == "fuses" else file)  # behind fuses the UDS follows
        if kind in SEQUENCES:
            return grammar.matches_sequence(RULES[kind], items)
        return len(items) == 1 and grammar.matches(RULES[kind], items[0])
    except (cbor2.CBORDecodeError, UnicodeDecodeError):
        return False


def _items(sequence: bytes) -> list[Any]:
    """The items of a sequence. cbor2 keeps quiet about the tag 55799: it is put back."""
    stream, items = io.BytesIO(sequence), []
    while stream.tell() < len(sequence):
        described = sequence[stream.tell() :].startswith(b"\xd9\xd9\xf7")
        item = cbor2.CBORDecoder(stream).decode()
        items.append(cbor2.CBORTag(55799, item) if described else item)
    return items


class Grammar:
    def __init__(self, specification: str) -> None:
        fragments = re.findall(r"```cddl\n(.*?)```", specification, re.DOTALL)
        rules: list[Any] = parse("\n".join(fragments)).rules
        self.rules = {rule.name.name: rule for rule in rules}
        assert len(rules) == len(self.rules), "a name is defined twice"

    def undefined(self) -> set[str]:
        """Names that nothing defines."""
        used: set[str] = set()

        def visit(node: Any, known: set[str]) -> None:
            if isinstance(node, ast.Typename) and node.name not in known:
                used.add(node.name)
            if isinstance(node, ast.Memberkey) and node.hasColon:
                return
            for child in node.getChildren():
                visit(child, known)

        for rule in self.rules.values():
            parameters = rule.name.parameters
            visit(rule.type, {one.name for one in parameters.parameters} if parameters else set())
        return used - set(self.rules) - set(_PRELUDE)

    def matches(self, rule: str, value: Any) -> bool:
        return self._type(self.rules[rule].type, value, {})

    def matches_sequence(self, rule: str, items: list[Any]) -> bool:
        return any(end == len(items) for end in self._entry(self.rules[rule].type, items, 0, {}))

    # A type takes one value.

    def _type(self, node: Any, value: Any, names: Names) -> bool:
        match node:
            case ast.GroupEntry():
                return self._type(node.type, value, names)
            case ast.Type():
                return any(self._type(one, value, names) for one in node.types)
            case ast.Typename():
                return self._typename(node, value, names)
            case ast.Value():
                return _is(value, _literal(node))
            case ast.Range():
                low, high = _literal(node.min), _literal(node.max)
                return type(value) is int and low <= value <= high
            case ast.Operator():
                return self._type(node.type, value, names) and self._control(node, value, names)
            case ast.Tag():
                number = int(node.numericPart.literal.split(".")[1])
                is_tagged = isinstance(value, cbor2.CBORTag) and value.tag == number
                return is_tagged and self._type(node.typePart, value.value, names)
            case ast.Array():
                return isinstance(value, list) and len(value) in self._group(node, value, 0, names)
            case ast.Map():
                return isinstance(value, dict) and [] in self._members(node, list(value.items()), names)
        raise NotImplementedError(type(node).__name__)

    def _typename(self, node: Any, value: Any, names: Names) -> bool:
        if node.name in names:
            what, where = names[node.name]
            return self._type(what, value, where)
        if node.name not in self.rules:
            return _PRELUDE[node.name](value)
        rule = self.rules[node.name]
        inner: Names = {}
        if node.parameters:
            formal = rule.name.parameters.parameters
            inner = {one.name: (given, names) for one, given in zip(formal, node.parameters.parameters)}
        return self._type(rule.type, value, inner)

    def _control(self, node: Any, value: Any, names: Names) -> bool:
        if node.name.literal == "size":
            return self._type(node.controller, len(value.encode() if isinstance(value, str) else value), names)
        assert node.name.literal == "cbor"
        items = _items(value)
        return len(items) == 1 and self._type(node.controller, items[0], names)

    # A group takes some of the items of an array: these yield the places up to which it may take them.

    def _group(self, group: Any, items: list[Any], at: int, names: Names) -> set[int]:
        ends: set[int] = set() if group.groupChoices else {at}
        for choice in group.groupChoices:
            places = {at}
            for entry in choice.groupEntries:
                places = {end for place in places for end in self._entry(entry, items, place, names)}
            ends |= places
        return ends

    def _entry(self, entry: Any, items: list[Any], at: int, names: Names) -> Iterator[int]:
        low, high = _occurrence(entry)
        places, count = {at}, 0
        while places:
            if count >= low:
                yield from places
            if count >= high:
                return
            places = {end for place in places for end in self._once(entry.type, items, place, names)}
            count += 1

    def _once(self, node: Any, items: list[Any], at: int, names: Names) -> set[int]:
        if group := self._as_group(node):
            return self._group(group, items, at, names)
        return {at + 1} if at < len(items) and self._type(node, items[at], names) else set()

    # A group takes some of the pairs of a map: these yield what it may leave of them.

    def _members(self, group: Any, pairs: Pairs, names: Names) -> list[Pairs]:
        left: list[Pairs] = [] if group.groupChoices else [pairs]
        for choice in group.groupChoices:
            rests = [pairs]
            for entry in choice.groupEntries:
                rests = [rest for before in rests for rest in self._member(entry, before, names)]
            left += rests
        return left

    def _member(self, entry: Any, pairs: Pairs, names: Names) -> list[Pairs]:
        if entry.key is None:
            group = self._as_group(entry.type)
            assert group is not None
            return self._members(group, pairs, names)
        low, high = _occurrence(entry)
        taken = [pair for pair in pairs if self._pair(entry, *pair, names)][: int(min(high, len(pairs)))]
        return [[pair for pair in pairs if pair not in taken]] if len(taken) >= low else []

    def _pair(self, entry: Any, label: Any, value: Any, names: Names) -> bool:
        return self._type(entry.key.type, label, names) and self._type(entry.type, value, names)

    def _as_group(self, node: Any) -> Any:
        """The group that a type really is, in parentheses or by a name."""
        while not (isinstance(node, ast.Group) and not isinstance(node, (ast.Array, ast.Map))):
            if isinstance(node, ast.Type) and len(node.types) == 1:
                node = node.types[0]
            elif isinstance(node, ast.GroupEntry) and node.key is None and node.occurrence is None:
                node = node.type
            elif isinstance(node, ast.Typename) and node.name in self.rules and not node.parameters:
                node = self.rules[node.name].type
            else:
                return None
        return node


def _occurrence(entry: Any) -> tuple[int, float]:
    occurrence = getattr(entry, "occurrence", None)
    return (occurrence.n, occurrence.m) if occurrence else (1, 1)


def _literal(node: Any) -> Any:
    if node.type == "number":
        return int(node.value, 0)
    return bytes.fromhex(node.value) if node.type == "hex" else node.value


def _is(value: Any, literal: Any) -> bool:
    return type(value) is type(literal) and value == literal
