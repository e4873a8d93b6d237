"""Heads of a vault's log (SPEC 14.5). They carry no chain: whoever reads one knows the signer."""

from __future__ import annotations

from dataclasses import dataclass

from .encoding import decode, unlabelled
from .keys import SigningKey
from .shape import bytes32, fields, integer, octets, time
from .sign1 import LOG_HEAD, sign1

_head = fields({1: octets(16, 16), 2: integer(), 3: bytes32, 4: time})


@dataclass(frozen=True)
class Head:
    vault: bytes
    count: int
    hash: bytes
    made: int


def verify_head(file: bytes, signer: SigningKey) -> Head:
    signed = sign1(decode(unlabelled("head", file)))
    claims = _head(decode(signed.payload))
    signed.verify(signer, LOG_HEAD)
    return Head(claims[1], claims[2], claims[3], claims[4])
