"""COSE_Sign1 (SPEC 2.2), verified and made by python-cwt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography.hazmat.primitives import serialization
from cwt import COSE, COSEKey

from .encoding import SIGN1, decode, encode
from .keys import EDDSA, PrivateKey, SigningKey, public_of
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

    @property
    def payload(self) -> bytes:
        return self.message.value[2]

    def verify(self, key: SigningKey, typ: str | None) -> None:
        """The headers, which must be those of an object of this kind, then the signature."""
        protected, unprotected, _, _ = self.message.value
        require(not unprotected, "malformed", "an unprotected header that isn't empty")
        header = decode(protected)
        is_header = isinstance(header, dict) and all(type(label) is int for label in header)
        require(is_header, "malformed", "a protected header that isn't a map with integer labels")
        found = header.get(16)
        require(found == typ, "role-mismatch", f"typ is {found}, not {typ}")
        expected = {1: key.algorithm} if typ is None else {1: key.algorithm, 16: typ}
        require(header == expected, "malformed", "not the algorithm of the signer's key, or more than that")
        try:
            COSE.new().decode(self.message, COSEKey.new(key.cose | {3: key.algorithm}))
        except Exception as error:  # cwt raises what it likes
            raise Refused("signature-invalid", str(error)) from None


def sign1(value: Any) -> Sign1:
    tagged(SIGN1, array(octets(), _map, octets(), octets(64, 64)))(value)
    return Sign1(value)


def _map(value: Any) -> Any:
    require(isinstance(value, dict), "malformed", "a header that isn't a map")
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
