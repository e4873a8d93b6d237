"""Signing keys and thumbprints (SPEC 2.1)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519

from .encoding import encode
from .refusal import Refused, require
from .shape import bytes32

EDDSA, ES256 = -8, -7
_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class SigningKey:
    """A public key that signs, as its COSE_Key."""

    cose: dict[int, Any]
    algorithm: int

    @property
    def thumbprint(self) -> bytes:
        return hashlib.sha256(encode(self.cose)).digest()


def signing_key(value: Any) -> SigningKey:
    require(isinstance(value, dict) and all(type(label) is int for label in value), "malformed", "not a COSE_Key")
    fixed = {label: value[label] for label in value if label in (1, -1)}
    require(all(type(member) is int for member in fixed.values()), "malformed", "not a COSE_Key")
    if fixed == {1: 1, -1: 6}:
        require(set(value) == {1, -1, -2}, "malformed", "members of an Ed25519 key")
        _check_ed25519(bytes32(value[-2]))
        return SigningKey(value, EDDSA)
    require(fixed == {1: 2, -1: 1} and set(value) == {1, -1, -2, -3}, "malformed", "an unknown kind of key")
    x, y = (int.from_bytes(bytes32(value[label]), "big") for label in (-2, -3))
    try:
        ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except ValueError as error:
        raise Refused("malformed", str(error)) from None
    return SigningKey(value, ES256)


def _check_ed25519(encoded: bytes) -> None:
    """Small orders divide 8. On the curve they are where x = 0, y = 0, or doubling gives y = 0: x² = −y²."""
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    require(y < _P, "malformed", "an Ed25519 key that isn't encoded canonically")
    small = y * (y * y - 1) * (_D * pow(y, 4, _P) + 2 * y * y - 1) % _P == 0
    require(not small, "malformed", "an Ed25519 key of small order")


def x25519_key(value: Any) -> bytes:
    """The raw key of an X25519 COSE_Key."""
    require(isinstance(value, dict) and set(value) == {1, -1, -2}, "malformed", "not an X25519 key")
    require((value[1], value[-1]) == (1, 4), "malformed", "not an X25519 key")
    return bytes32(value[-2])


def x25519_cose(public: bytes) -> dict[int, Any]:
    return {1: 1, -1: 4, -2: public}


def thumbprint(cose_key: dict[int, Any]) -> bytes:
    return hashlib.sha256(encode(cose_key)).digest()


def public_of(private: PrivateKey) -> SigningKey:
    return _from_public(private.public_key())


def _from_public(public: Any) -> SigningKey:
    if isinstance(public, ed25519.Ed25519PublicKey):
        return signing_key({1: 1, -1: 6, -2: public.public_bytes_raw()})
    numbers = public.public_numbers()
    return signing_key({1: 2, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})


def read_public(pem: bytes) -> SigningKey:
    return _from_public(serialization.load_pem_public_key(pem))


def read_private(pem: bytes) -> PrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    require(isinstance(key, (ed25519.Ed25519PrivateKey, ec.EllipticCurvePrivateKey)), "malformed", "not a signing key")
    return key  # type: ignore[return-value]


def x25519_public(private: bytes) -> bytes:
    return x25519.X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
