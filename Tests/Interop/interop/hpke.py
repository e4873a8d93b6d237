"""Wrapping a content key with HPKE-4 in a COSE_Encrypt0 (SPEC 5), by python-cwt."""

from __future__ import annotations

from typing import Any

import cbor2
from cwt import COSE, COSEKey

from .encoding import ENCRYPT0, encode
from .keys import x25519_cose, x25519_public
from .refusal import Refused, require
from .shape import array, bytes32, fields, octets, tagged

HPKE_4 = 42
PROTECTED = bytes.fromhex("a101182a")


def wrapped_key(value: Any) -> cbor2.CBORTag:
    parts = tagged(ENCRYPT0, array(octets(), fields({-4: bytes32}), octets(48, 48)))(value)
    require(parts[0] == PROTECTED, "malformed", "not HPKE-4")
    return value


def unwrap(wrapped: cbor2.CBORTag, terms: Any, private: bytes) -> bytes:
    key = COSEKey.new(x25519_cose(x25519_public(private)) | {3: HPKE_4, -4: private})
    try:
        return COSE.new().decode(wrapped, key, external_aad=encode(["husk-grant", terms]))
    except Exception as error:  # cwt raises what it likes
        raise Refused("key-unwrap-failed", str(error)) from None


def wrap(content_key: bytes, terms: Any, grant_key: bytes) -> cbor2.CBORTag:
    return COSE.new(deterministic_header=True).encode_and_encrypt(
        content_key,
        COSEKey.new(x25519_cose(grant_key) | {3: HPKE_4}),
        protected={1: HPKE_4},
        external_aad=encode(["husk-grant", terms]),
        out="cbor2/CBORTag",
    )
