"""The Open Profile for DICE as SPEC 6 uses it: SHA-512, HKDF-SHA-512, Ed25519."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .encoding import encode
from .keys import SigningKey, public_of

KEY_PAIR_SALT = bytes.fromhex(
    "63b6a04d2c077fc10f639f21da793844356cc2b0b441b3a77124035c03f8e1be"
    "6035d31f282821a7450a02222ab1b3cff1679b05ab1ca5d1affb789ccd2b0b3b"
)
ID_SALT = bytes.fromhex(
    "dbdbaebc8020da9ff0dd5a24c83aa5a54286dfc263031e329b4da148430659fe"
    "62cdb5b7e1e00fc680306711eb444af77209359496fcff1db9520ba51c7b29ea"
)


def kdf(secret: bytes, salt: bytes, info: bytes, size: int = 32) -> bytes:
    return HKDF(SHA512(), size, salt, info).derive(secret)


def key_pair(cdi: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(kdf(cdi, KEY_PAIR_SALT, b"Key Pair"))


def key_id(key: SigningKey) -> str:
    """The id of a public key, as certificates name it."""
    value = bytearray(kdf(key.cose[-2], ID_SALT, b"ID", 20))
    value[0] &= 0x7F
    return value.hex()


@dataclass(frozen=True)
class Cdis:
    attest: bytes
    seal: bytes

    def next(self, code: bytes, configuration: bytes, authority: bytes, mode: int, hidden: bytes) -> Cdis:
        rest = authority + bytes([mode]) + hidden
        attest = hashlib.sha512(code + configuration + rest).digest()
        return Cdis(kdf(self.attest, attest, b"CDI_Attest"), kdf(self.seal, hashlib.sha512(rest).digest(), b"CDI_Seal"))

    @property
    def attestation_key(self) -> SigningKey:
        return public_of(key_pair(self.attest))

    def grant_key(self, generation: int) -> bytes:
        """The X25519 private key of SPEC 6.3."""
        return kdf(self.seal, b"", encode(["husk-grant-key", generation]))


def configuration(security_version: int, version: list[int]) -> bytes:
    value = security_version.to_bytes(8, "big") + b"".join(part.to_bytes(4, "big") for part in version)
    return value.ljust(64, b"\0")


def authority(boot_root: bytes, role: str) -> bytes:
    return hashlib.sha512(encode([boot_root, role])).digest()


def hidden(lifecycle: int, key_epoch: int) -> bytes:
    return hashlib.sha512(encode(["husk-hidden", lifecycle, key_epoch])).digest()


def mode(lifecycle: int) -> int:
    return {0x3000: 1, 0x4000: 2, 0x5000: 2}.get(lifecycle, 0)
