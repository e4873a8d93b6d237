"""Packages (SPEC 4)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from .chain import Trust, Verified, chain, verify_object
from .encoding import decode, head, unlabelled
from .names import name, role
from .payload import CHUNK, HEADER
from .refusal import require
from .shape import array, fields, integer, octets, time, uint64, version
from .sign1 import MANIFEST, sign1

MAX_MANIFEST = 524288
MAX_PAYLOAD = 2**31
MAX_BOUND = 2**30
MAX_SEGMENTS = 8192
ROLES = ("module", "boot.loader", "boot.decryptor", "boot.firmware")


@dataclass(frozen=True)
class Manifest:
    role: str
    name: str
    version: list[int]
    security_version: int
    machine: int
    issued: int
    payload_size: int
    bound: int
    segment: int
    digests: bytes
    epoch: int | None
    status_number: int | None
    execute_only: bool
    digest: bytes  # SHA-256 of its encoding, as status lists name it

    @property
    def is_module(self) -> bool:
        return self.role == "module"


@dataclass(frozen=True)
class Package:
    manifest: Manifest
    chain: Verified
    payload: bytes


def supported(value: Any) -> Any:
    """An unknown format version is found before anything else about a map is judged."""
    require(isinstance(value, dict) and type(value.get(1)) is int, "malformed", "no format version")
    require(value[1] >= 0, "malformed", "a format version below 0")
    require(value[1] == 1, "unsupported-version")
    return value


def _true(value: Any) -> bool:
    require(value is True, "malformed", "label 14 is true or absent")
    return value


_manifest = fields(
    {
        1: integer(1, 1),
        2: role,
        3: name,
        4: version,
        5: uint64,
        6: integer(0, 65535),
        7: time,
        8: integer(),
        9: integer(),
        10: integer(),
        11: octets(),
    },
    {12: integer(), 13: integer(), 14: _true},
)


def parse_manifest(encoded: bytes) -> Manifest:
    m = _manifest(supported(decode(encoded)))
    return Manifest(
        m[2], m[3], m[4], m[5], m[6], m[7], m[8], m[9], m[10], m[11], m.get(12), m.get(13), 14 in m,
        hashlib.sha256(encoded).digest(),
    )  # fmt: skip


def _check_consistency(m: Manifest) -> None:
    """SPEC 4.4 step 3."""
    require(m.payload_size <= MAX_PAYLOAD, "limit-exceeded", "payload size")
    require(not m.is_module or m.bound <= MAX_BOUND, "limit-exceeded", "size bound")
    require(len(m.digests) <= 32 * MAX_SEGMENTS, "limit-exceeded", "segments")
    require(m.is_module == (m.epoch is not None), "malformed", "an epoch is for modules")
    require(m.is_module or not m.execute_only, "malformed", "label 14 is for modules")
    require(m.is_module or m.bound == m.payload_size, "malformed", "a stage's size bound is its payload's size")
    require(16400 <= m.segment <= 1_049_600, "malformed", "segment size")
    require(not m.is_module or m.segment % CHUNK == 0, "malformed", "a segment holds whole chunks")
    content = m.payload_size - (HEADER if m.is_module else 0)
    require(content > 0, "malformed", "an empty payload")
    require(len(m.digests) == 32 * -(-content // m.segment), "malformed", "the number of digests")


def verify_package(file: bytes, trust: Trust, expected_role: str | None = None) -> Package:
    """SPEC 4.4. Without an expected role, the manifest's own is the one that the chain must end in."""
    sequence = unlabelled("package", file)
    major, size, length = head(sequence, 0)
    require(major == 2, "malformed", "no signed manifest")
    require(size <= MAX_MANIFEST, "limit-exceeded", "signed manifest")
    require(len(sequence) >= length + size, "malformed", "the signed manifest is cut off")
    given, signed = array(chain, sign1)(decode(sequence[length : length + size]))
    rest = sequence[length + size :]
    major, size, length = head(rest, 0)
    require(major == 2, "malformed", "no payload")

    manifest = parse_manifest(signed.payload)
    wanted = expected_role or manifest.role
    require(wanted in ROLES, "role-mismatch", "not a role of a package")
    verified = verify_object(given, signed, MANIFEST, manifest.name, trust, wanted)
    require(manifest.role == wanted, "role-mismatch", f"a package of role {manifest.role}")

    _check_consistency(manifest)
    require(size == manifest.payload_size, "size-mismatch", "not the declared payload")
    require(len(rest) == length + size, "size-mismatch", "the file ends elsewhere")
    payload = rest[length:]
    _check_digests(manifest, payload)
    return Package(manifest, verified, payload)


def segments(payload: bytes, size: int, is_module: bool) -> list[bytes]:
    """SPEC 4.1: the first segment of a module is longer by the header."""
    first = size + (HEADER if is_module else 0)
    return [payload[:first], *(payload[at : at + size] for at in range(first, len(payload), size))]


def _check_digests(m: Manifest, payload: bytes) -> None:
    for index, segment in enumerate(segments(payload, m.segment, m.is_module)):
        digest = m.digests[32 * index : 32 * index + 32]
        require(hashlib.sha256(segment).digest() == digest, "digest-mismatch", f"segment {index}")
