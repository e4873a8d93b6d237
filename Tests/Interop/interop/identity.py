"""Device identities (SPEC 6), verified as vendors do (SPEC 6.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import dice
from .chain import Trust, chain, verify_chain
from .encoding import decode, unlabelled
from .keys import EDDSA, SigningKey, signing_key, thumbprint, x25519_cose, x25519_key
from .refusal import require
from .shape import array, fields, integer, lifecycle, octets, text
from .sign1 import DEVICE_KEY, Sign1, sign1

MAX_FILE = 65536
LAYERS = ("boot.loader", "boot.decryptor")


@dataclass(frozen=True)
class Layer:
    issuer: str
    subject: str
    code: bytes
    authority: bytes
    mode: int
    key: SigningKey
    usage: bytes


@dataclass(frozen=True)
class Identity:
    device_id: bytes
    grant_key: bytes
    lifecycle: int
    key_epoch: int
    generation: int
    measurements: list[bytes]

    @property
    def grant_key_thumbprint(self) -> bytes:
        return thumbprint(x25519_cose(self.grant_key))


def _subject_key(value: Any) -> SigningKey:
    """The profile's COSE_Key also says what it is for: algorithm (3) and operations (4)."""
    key = decode(octets()(value))
    require(isinstance(key, dict) and set(key) == {1, 3, 4, -1, -2}, "malformed", "not a key of the profile")
    require(key[3] == EDDSA and list(key[4]) == [2], "malformed", "not a key that verifies EdDSA")
    return signing_key({label: key[label] for label in (1, -1, -2)})


def _mode(value: Any) -> bytes:
    require(value in (b"\0", b"\1", b"\2"), "malformed", "an unknown mode")
    return value


_claims = fields(
    {
        1: text(40, 40),
        2: text(40, 40),
        -4670545: octets(64, 64),
        -4670548: octets(64, 64),
        -4670549: octets(64, 64),
        -4670551: _mode,
        -4670552: _subject_key,
        -4670553: octets(),
    }
)
_device_key = fields({8: fields({1: x25519_key}), -70011: lifecycle, -70012: integer(), -70013: integer()})


def _layer(signed: Sign1) -> Layer:
    c = _claims(decode(signed.payload))
    return Layer(c[1], c[2], c[-4670545], c[-4670549], c[-4670551][0], c[-4670552], c[-4670553])


def verify_identity(file: bytes, device_roots: Trust, boot_roots: frozenset[bytes]) -> Identity:
    require(len(file) <= MAX_FILE, "limit-exceeded", "an identity file's size")
    form = array(chain, array(sign1, sign1), sign1)
    silicon, certificates, device_key = form(decode(unlabelled("identity", file)))
    layers = [_layer(signed) for signed in certificates]
    claims = _device_key(decode(device_key.payload))

    key = verify_chain(silicon, device_roots, "silicon").last.key
    device_id = key.thumbprint
    for signed, layer in zip(certificates, layers):
        signed.verify(key, None)
        ids = (dice.key_id(key), dice.key_id(layer.key))
        require((layer.issuer, layer.subject) == ids, "chain-invalid", "iss or sub")
        require(layer.usage == b"\x20", "chain-invalid", "key usage")
        key = layer.key
    device_key.verify(key, DEVICE_KEY)
    require({layer.mode for layer in layers} == {dice.mode(claims[-70011])}, "chain-invalid", "mode")
    for layer, role in zip(layers, LAYERS):
        authorities = {dice.authority(root, role) for root in boot_roots}
        require(layer.authority in authorities, "untrusted-root", f"the {role} was started under an unknown root")
    return Identity(
        device_id, claims[8][1], claims[-70011], claims[-70012], claims[-70013], [layer.code for layer in layers]
    )
