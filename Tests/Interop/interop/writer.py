"""Writes what the readers read: certificates and chains, packages, grants, status lists."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from typing import Any

from . import hpke, payload
from .encoding import FILES, SEQUENCES, encode
from .identity import Identity
from .keys import PrivateKey, SigningKey, public_of
from .package import segments
from .sign1 import CERTIFICATE, GRANT, MANIFEST, STATUS, sign

SEGMENT = 16 * payload.CHUNK


@dataclass(frozen=True)
class Signer:
    """A private key, and the chain (decoded) that ends in it."""

    key: PrivateKey
    chain: list[Any]

    def signed(self, typ: str, content: Any) -> list[Any]:
        return [self.chain, sign(self.key, typ, content)]


def root(key: PrivateKey) -> Signer:
    return Signer(key, [public_of(key).cose, []])


def certify(
    issuer: Signer, subject_key: SigningKey, subject: str, roles: list[str], scope: str, issued: int, depth: int = 0,
    **times: int,
) -> list[Any]:  # fmt: skip
    """The issuer's chain, prolonged by a certificate. `times`: not_before, not_after."""
    claims = {
        2: subject,
        6: issued,
        8: {1: subject_key.cose},
        -70001: sorted(roles, key=str.encode),
        -70002: scope,
        -70003: depth,
    }
    claims |= {label: times[name] for name, label in (("not_after", 4), ("not_before", 5)) if name in times}
    return [issuer.chain[0], [*issuer.chain[1], sign(issuer.key, CERTIFICATE, claims)]]


def chain_file(chain: list[Any]) -> bytes:
    return FILES["chain"] + encode(chain)


@dataclass(frozen=True)
class Module:
    """A module that is to be packed."""

    content: bytes
    name: str
    version: list[int]
    epoch: int
    security_version: int = 0
    extra: dict[int, Any] = field(default_factory=dict)  # optional members of the manifest

    @property
    def machine(self) -> int:
        """e_machine of the ELF header."""
        return struct.unpack_from("<H", self.content, 18)[0]


def pack(module: Module, content_key: bytes, signer: Signer, issued: int) -> bytes:
    context = payload.context(module.name, module.epoch, module.version, module.machine)
    encrypted = payload.encrypt(payload.compress(module.content), content_key, context)
    digests = [hashlib.sha256(segment).digest() for segment in segments(encrypted, SEGMENT, True)]
    manifest = {
        1: 1,
        2: "module",
        3: module.name,
        4: module.version,
        5: module.security_version,
        6: module.machine,
        7: issued,
        8: len(encrypted),
        9: payload.declared_bound(len(module.content)),
        10: SEGMENT,
        11: b"".join(digests),
        12: module.epoch,
    } | module.extra
    return package_file(signer.signed(MANIFEST, manifest), encrypted)


def package_file(signed_manifest: Any, content: bytes) -> bytes:
    return SEQUENCES["package"] + encode(encode(signed_manifest)) + encode(content)


def grant(
    name: str, epoch: int, content_key: bytes, device: Identity, sequence: int, signer: Signer, issued: int,
    extra: dict[int, Any] | None = None,
) -> bytes:  # fmt: skip
    """A grant; `extra` are optional terms by label."""
    terms = {
        1: 1,
        2: name,
        3: epoch,
        4: device.device_id,
        5: device.grant_key_thumbprint,
        6: public_of(signer.key).thumbprint,
        7: sequence,
        8: issued,
        12: device.lifecycle,
    } | (extra or {})
    return grant_file(signer.signed(GRANT, [terms, hpke.wrap(content_key, terms, device.grant_key)]))


def grant_file(signed_grant: Any) -> bytes:
    return FILES["grant"] + encode(signed_grant)


def status_list(scope: str, number: int, signer: Signer, issued: int, entries: dict[int, Any]) -> bytes:
    """`entries`: 5 packages, 6 keys, 7 versions, 8 security versions; put in order here."""
    ordered = {label: sorted(listed, key=encode) for label, listed in entries.items()}
    status = {1: 1, 2: scope, 3: number, 4: issued} | ordered
    return FILES["status"] + encode(signer.signed(STATUS, status))
