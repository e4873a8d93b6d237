"""Loads that a device must refuse: a package and a grant that both verify, one thing about them wrong (SPEC 5, 9.1)."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cbor2

from . import hpke, payload, writer
from .encoding import ENCRYPT0, decode, unlabelled
from .identity import Identity
from .package import segments
from .sign1 import GRANT, MANIFEST
from .tamper import OLD, Parts, flip
from .writer import Module, Signer

Load = tuple[str, str, bytes, bytes]  # name, class (`ok` for the one that loads), package, grant


@dataclass(frozen=True)
class Bench:
    """A module that loads on a device, and the keys to make others."""

    module: Module
    content_key: bytes
    device: Identity
    signer: Signer
    sequence: int
    now: int

    def grant(self, extra: dict[int, Any] | None = None, key: bytes | None = None) -> bytes:
        m = self.module
        wrapped = key or self.content_key
        return writer.grant(m.name, m.epoch, wrapped, self.device, self.sequence, self.signer, self.now, extra)

    def pack(self, **changes: Any) -> bytes:
        return writer.pack(replace(self.module, **changes), self.content_key, self.signer, self.now)


def loads(b: Bench) -> list[Load]:
    package, grant = b.pack(), b.grant()
    return [
        ("as-it-should-be", "ok", package, grant),
        *((name, error_class, package, make()) for name, error_class, make in _grants(b, grant)),
        *((name, error_class, make(), grant) for name, error_class, make in _packages(b, package)),
    ]


def _grants(b: Bench, good: bytes) -> list[tuple[str, str, Callable[[], bytes]]]:
    links, signed = decode(unlabelled("grant", good))
    terms, wrapped = decode(signed.value[2])
    major = b.module.version[0]

    def under_other_terms() -> bytes:
        """The wrapped key of a good grant, with terms that say more."""
        return writer.grant_file(b.signer.signed(GRANT, [terms | {13: b"more"}, wrapped]))

    def rewrapped(index: int, value: Any) -> bytes:
        parts = list(wrapped.value)
        parts[index] = value
        return writer.grant_file(b.signer.signed(GRANT, [terms, cbor2.CBORTag(ENCRYPT0, parts)]))

    return [
        ("another-modules-grant", "wrong-module", lambda: b.grant({2: b.module.name + ".other"})),
        ("another-epochs-grant", "wrong-epoch", lambda: b.grant({3: b.module.epoch + 1})),
        ("another-devices-grant", "wrong-device", lambda: b.grant({4: bytes(32)})),
        ("a-grant-for-development", "wrong-lifecycle", lambda: b.grant({12: 0x1000})),
        ("a-grant-for-a-former-key", "wrong-grant-key", lambda: b.grant({5: bytes(32)})),
        ("a-grant-of-another-issuer", "malformed", lambda: b.grant({6: bytes(32)})),
        ("a-grant-for-later-versions", "version-out-of-range", lambda: b.grant({11: [[major + 1, 0, 0], [99, 0, 0]]})),
        ("a-grant-for-earlier-versions", "version-out-of-range", lambda: b.grant({11: [[0, 0, 0], [major - 1, 9, 9]]})),
        ("an-expired-grant", "expired", lambda: b.grant({10: OLD})),
        ("under-other-terms", "key-unwrap-failed", under_other_terms),
        ("ciphertext-flipped", "key-unwrap-failed", lambda: rewrapped(2, flip(wrapped.value[2], 3))),
        ("encapsulated-key-flipped", "key-unwrap-failed", lambda: rewrapped(1, {-4: flip(wrapped.value[1][-4], 3)})),
        ("encapsulated-key-of-low-order", "key-unwrap-failed", lambda: rewrapped(1, {-4: bytes(32)})),
        ("wrapped-to-another-key", "key-unwrap-failed", lambda: _for_another_key(b, terms)),
        ("another-content-key", "decryption-failed", lambda: b.grant(key=bytes(32))),
    ]


def _for_another_key(b: Bench, terms: Any) -> bytes:
    other = hpke.wrap(b.content_key, terms, bytes([9]) + bytes(31))
    return writer.grant_file(b.signer.signed(GRANT, [terms, other]))


def _packages(b: Bench, good: bytes) -> list[tuple[str, str, Callable[[], bytes]]]:
    parts = Parts.of(good)
    module, key = b.module.content, b.content_key
    context = payload.context(b.module.name, b.module.epoch, b.module.version, b.module.machine)

    def repacked(encrypted: bytes, **members: Any) -> bytes:
        """Another payload, with a manifest that fits."""
        digests = [hashlib.sha256(one).digest() for one in segments(encrypted, writer.SEGMENT, True)]
        changed = {int(label[1:]): value for label, value in members.items()}
        manifest = parts.manifest | {8: len(encrypted), 11: b"".join(digests)} | changed
        return writer.package_file(b.signer.signed(MANIFEST, manifest), encrypted)

    def framed(padded: bytes, **members: Any) -> bytes:
        return repacked(payload.encrypt(padded, key, context), **members)

    right = payload.compress(module)
    frame = right[: payload.frame_end(right)[1]]
    tail = payload.padding(len(frame))
    noise = random.Random(1).randbytes(40000)
    longer = payload.encrypt(payload.compress(noise), key, context)
    two = payload.HEADER + 2 * payload.CHUNK
    return [
        ("commitment-flipped", "decryption-failed", lambda: repacked(flip(parts.payload, 30))),
        ("salt-flipped", "decryption-failed", lambda: repacked(flip(parts.payload, 3))),
        ("last-chunk-flipped", "decryption-failed", lambda: repacked(flip(parts.payload, len(parts.payload) - 1))),
        ("last-byte-missing", "decryption-failed", lambda: repacked(parts.payload[:-1])),
        ("another-context", "decryption-failed", lambda: repacked(parts.payload, m4=[9, 9, 9])),
        ("no-last-chunk", "size-mismatch", lambda: repacked(longer[:two])),
        ("another-last-chunk", "decryption-failed", lambda: repacked(longer[: two + 16], m9=2**20)),
        ("half-a-tag", "size-mismatch", lambda: repacked(parts.payload[: payload.HEADER + 9])),
        ("not-compressed", "decompression-failed", lambda: framed(module[:5000])),
        ("no-padding", "decompression-failed", lambda: framed(frame)),
        ("padding-twice", "decompression-failed", lambda: framed(right + _skippable(0x50, bytes(0)))),
        ("padding-cut-off", "decompression-failed", lambda: framed(right[:-1])),
        ("padding-not-zeros", "decompression-failed", lambda: framed(frame + _skippable(0x50, b"\0\0\1"))),
        ("padding-of-another-kind", "decompression-failed", lambda: framed(frame + _skippable(0x51, bytes(3)))),
        ("padding-first", "decompression-failed", lambda: framed(tail + frame)),
        ("two-frames", "decompression-failed", lambda: framed(frame + right)),
        ("large-blocks", "decompression-failed", lambda: framed(_headed(frame, block=0x60) + tail)),
        ("dependent-blocks", "decompression-failed", lambda: framed(_headed(frame, flags=0x48) + tail)),
        ("no-content-size", "decompression-failed", lambda: framed(_without_size(frame) + tail)),
        ("an-empty-module", "decompression-failed", lambda: framed(_headed(frame[:15], size=0) + bytes(4) + tail)),
        ("content-size-too-small", "decompression-failed", lambda: framed(_headed(frame, size=len(module) - 1) + tail)),
        ("content-size-too-large", "decompression-failed", lambda: framed(_headed(frame, size=len(module) + 1) + tail)),
        ("more-than-the-bound", "size-mismatch", lambda: framed(right, m9=len(module) - 1)),
    ]  # fmt: skip


def _skippable(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + b"\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content


def _without_size(frame: bytes) -> bytes:
    descriptor = bytes([frame[4] & ~0b1000, frame[5]])
    return frame[:4] + descriptor + bytes([xxh32(descriptor) >> 8 & 0xFF]) + frame[15:]


def _headed(frame: bytes, flags: int | None = None, block: int | None = None, size: int | None = None) -> bytes:
    """A frame with something else in its header, and the header's checksum that fits."""
    told = frame[6:14] if size is None else size.to_bytes(8, "little")
    descriptor = bytes([flags or frame[4], block or frame[5]]) + told
    return frame[:4] + descriptor + bytes([xxh32(descriptor) >> 8 & 0xFF]) + frame[15:]


def xxh32(data: bytes) -> int:
    """XXH32 of fewer than 16 bytes, seed 0: what guards a frame's header (LZ4 frame format 1.6)."""
    assert len(data) < 16
    mask, at = 0xFFFFFFFF, 0
    value = (374761393 + len(data)) & mask
    while at + 4 <= len(data):
        value = _rotate(value + int.from_bytes(data[at : at + 4], "little") * 3266489917 & mask, 17) * 668265263 & mask
        at += 4
    for byte in data[at:]:
        value = _rotate(value + byte * 374761393 & mask, 11) * 2654435761 & mask
    value = (value ^ value >> 15) * 2246822519 & mask
    value = (value ^ value >> 13) * 3266489917 & mask
    return value ^ value >> 16


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & 0xFFFFFFFF
