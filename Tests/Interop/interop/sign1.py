"""COSE_Sign1 (SPEC 2.2), verified and made by python-cwt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography.hazmat.primitives import serialization
from cwt import COSE, COSEKey

from .encoding import SIGN1, decode, encode
from .keys import EDDSA, ES256, PrivateKey, SigningKey, public_of
from .refusal import Refused, require
from .shape import array, octets, tagged

TYP = "application/husk-{}"
CERTIFICATE = TYP.format("certificate+cwt")
MANIFEST = TYP.format("manifest+cbor")
GRANT = TYP.format("grant+cbor")
DEVICE_KEY = TYP.format("device-key+cwt")
STATUS = TYP.format("status+cbor")
LOG_HEAD = TYP.format("log-head+cbor")


@dataclass(frozen=True)
class Sign1:
    """A signed object before it is verified: `payload` is a claim."""

    message: cbor2.CBORTag
    algorithm: int
    typ: str | None
    payload: bytes
    signature: bytes

    def expect(self, typ: str | None) -> bytes:
        """The payload, unverified, of an object of this kind."""
        require(self.typ == typ, "role-mismatch", f"typ is {self.typ}, not {typ}")
        return self.payload

    def verify(self, key: SigningKey) -> None:
        """The algorithm, then the signature."""
        require(self.algorithm == key.algorithm, "malformed", "not the algorithm of the signer's key")
        try:
            COSE.new().decode(self.message, COSEKey.new(key.cose | {3: key.algorithm}))
        except Exception as error:  # cwt raises what it likes
            raise Refused("signature-invalid", str(error)) from None


def sign1(value: Any) -> Sign1:
    parts = tagged(SIGN1, array(octets(), _empty_map, octets(), octets(64, 64)))(value)
    header = decode(parts[0])
    require(isinstance(header, dict) and set(header) in ({1}, {1, 16}), "malformed", "a protected header's labels")
    require(type(header[1]) is int and header[1] in (EDDSA, ES256), "malformed", "an unknown algorithm")
    typ = header.get(16)
    require(typ is None or isinstance(typ, str), "malformed", "typ isn't text")
    require(16 not in header or typ is not None, "malformed", "typ is null")
    return Sign1(value, header[1], typ, parts[2], parts[3])


def _empty_map(value: Any) -> Any:
    require(isinstance(value, dict) and not value, "malformed", "an unprotected header that isn't empty")
    return value


def sign(private: PrivateKey, typ: str, payload: Any) -> cbor2.CBORTag:
    """A signed object. The payload is encoded, unless it is bytes already."""
    public = public_of(private)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = COSEKey.from_pem(pem, alg="EdDSA" if public.algorithm == EDDSA else "ES256")
    encoded = payload if isinstance(payload, bytes) else encode(payload)
    return COSE.new(deterministic_header=True).encode_and_sign(
        encoded, key, protected={1: public.algorithm, 16: typ}, out="cbor2/CBORTag"
    )
