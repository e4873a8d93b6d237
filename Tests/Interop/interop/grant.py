"""Grants (SPEC 5): verified, and decided upon as a device does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cbor2

from .chain import Chain, Trust, Verified, chain, verify_object
from .encoding import decode, unlabelled
from .hpke import unwrap, wrapped_key
from .keys import thumbprint, x25519_cose, x25519_public
from .names import name
from .package import Package, supported
from .refusal import require
from .shape import anything, array, bytes32, fields, integer, lifecycle, octets, time, version_range
from .sign1 import GRANT, Sign1, sign1

MAX_FILE = 65536


def _features(value: Any) -> bytes:
    octets(1)(value)
    require(len(value) <= 1024, "limit-exceeded", "features")
    return value


TERMS = (
    {
        1: integer(1, 1),
        2: name,
        3: integer(),
        4: bytes32,
        5: bytes32,
        6: bytes32,
        7: integer(),
        8: time,
        12: lifecycle,
    },
    {9: time, 10: time, 11: version_range, 13: _features, 14: integer()},
)


@dataclass(frozen=True)
class Grant:
    terms: dict[int, Any]
    wrapped: cbor2.CBORTag
    chain: Verified


@dataclass(frozen=True)
class Device:
    """What a device knows about itself when it decides."""

    device_id: bytes
    lifecycle: int
    grant_key: bytes  # private
    highest_sequence: int = 0

    @property
    def grant_key_thumbprint(self) -> bytes:
        return thumbprint(x25519_cose(x25519_public(self.grant_key)))


def parse_grant(file: bytes) -> tuple[Chain, Sign1, dict[int, Any], cbor2.CBORTag]:
    require(len(file) <= MAX_FILE, "limit-exceeded", "a grant file's size")
    given, signed = array(chain, sign1)(decode(unlabelled("grant", file)))
    terms, wrapped = array(anything, anything)(decode(signed.payload))
    return given, signed, fields(*TERMS)(supported(terms)), wrapped_key(wrapped)


def verify_grant(file: bytes, trust: Trust) -> Grant:
    given, signed, terms, wrapped = parse_grant(file)
    verified = verify_object(given, signed, GRANT, terms[2], trust, "grant")
    return Grant(terms, wrapped, verified)


def decide(grant: Grant, package: Package, device: Device, trust: Trust) -> None:
    """Whether a verified grant lets a verified package load: SPEC 5, steps 1 to 9."""
    terms, manifest = grant.terms, package.manifest
    require(terms[2] == manifest.name, "wrong-module")
    require(terms[3] == manifest.epoch, "wrong-epoch")
    require(terms[4] == device.device_id, "wrong-device")
    require(terms[12] == device.lifecycle, "wrong-lifecycle")
    require(terms[5] == device.grant_key_thumbprint, "wrong-grant-key")
    require(terms[6] == grant.chain.last.key.thumbprint, "malformed", "the issuer isn't the signer")
    low, high = terms.get(11, (manifest.version, manifest.version))
    require(low <= manifest.version <= high, "version-out-of-range")
    trust.check_times(terms.get(9), terms.get(10))
    require(terms[7] >= device.highest_sequence, "rollback")


def content_key(grant: Grant, device: Device) -> bytes:
    return unwrap(grant.wrapped, grant.terms, device.grant_key)
