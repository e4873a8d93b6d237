"""Files that must be refused, each made from good ones by one change, with the class that SPEC names for it.

What is signed is signed again where the change isn't about signatures: only the change itself may be what is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cbor2

from . import writer
from .encoding import FILES, SEQUENCES, decode, encode, head, unlabelled
from .keys import PrivateKey, public_of
from .sign1 import GRANT, MANIFEST, STATUS, sign
from .writer import Signer, certify

FAR = 4_000_000_000  # a time to come
OLD = 1_000_000_000  # a time long past


@dataclass(frozen=True)
class Originals:
    """Good files of one vendor, and the keys to make others."""

    package: bytes
    grant: bytes
    status: bytes
    root: PrivateKey
    vendor: Signer  # for modules, grants and status lists in com.example.; may certify further
    other: PrivateKey  # a key that nobody certified
    now: int

    def chain(self, roles: list[str] | None = None, scope: str = "com.example.", **times: int) -> Signer:
        """Another chain that ends in the vendor's key."""
        roles = roles or ["module", "grant", "status"]
        key = public_of(self.vendor.key)
        return Signer(
            self.vendor.key, certify(writer.root(self.root), key, "vendor", roles, scope, self.now, 1, **times)
        )

    def prolonged(self, roles: list[str], scope: str, depth: int = 0) -> Signer:
        """A chain that the vendor prolonged to the other key."""
        made = certify(self.vendor, public_of(self.other), "other", roles, scope, self.now, depth)
        return Signer(self.other, made)


@dataclass(frozen=True)
class Parts:
    """A package taken apart."""

    links: Any
    signed: Any
    manifest: dict[int, Any]
    payload: bytes

    @staticmethod
    def of(package: bytes) -> Parts:
        sequence = unlabelled("package", package)
        _, size, length = head(sequence, 0)
        links, signed = decode(sequence[length : length + size])
        rest = sequence[length + size :]
        return Parts(links, signed, decode(signed.value[2]), rest[head(rest, 0)[2] :])


Case = tuple[str, str, str, Callable[[], bytes]]  # kind of file, name, class, how it is made


def cases(o: Originals) -> list[Case]:
    return [*_packages(o), *_grants(o), *_statuses(o)]


def _packages(o: Originals) -> list[Case]:
    p = Parts.of(o.package)
    label = SEQUENCES["package"]

    def resigned(manifest: Any, signer: Signer = o.vendor, typ: str = MANIFEST) -> bytes:
        return writer.package_file(signer.signed(typ, manifest), p.payload)

    def changed(**members: Any) -> bytes:
        return resigned(p.manifest | {int(label[1:]): value for label, value in members.items()})

    def raw(before: bytes, after: bytes) -> bytes:
        """A manifest whose encoding was changed, signed."""
        encoded = encode(p.manifest)
        assert encoded.count(before) == 1
        return resigned(encoded.replace(before, after))

    def envelope(index: int, value: Any) -> bytes:
        parts = list(p.signed.value)
        parts[index] = value
        return writer.package_file([p.links, cbor2.CBORTag(18, parts)], p.payload)

    def with_links(links: Any) -> bytes:
        return writer.package_file([links, p.signed], p.payload)

    def flipped_certificate() -> bytes:
        root, certificates = p.links
        parts = certificates[0].value
        forged = cbor2.CBORTag(18, [*parts[:3], flip(parts[3], 10)])
        return with_links([root, [forged, *certificates[1:]]])

    def as_silicon() -> bytes:
        members = {k: v for k, v in p.manifest.items() if k != 12} | {2: "silicon", 9: p.manifest[8]}
        return resigned(members, o.chain(["silicon"]))

    def rooted(key: dict[int, Any]) -> bytes:
        return with_links([key, p.links[1]])

    def seven() -> Any:
        return [p.links[0], [p.links[1][0]] * 7]

    body = len(label) + head(o.package, len(label))[2]
    signed_manifest = encode([p.links, p.signed])
    indefinite = b"\x9f" + signed_manifest[1:] + b"\xff"
    deep = {**p.manifest, 15: _nested(17)}
    name = p.manifest[3].encode()
    inside = "com.example."
    listed: list[tuple[str, str, Callable[[], bytes]]] = [
        ("another-label", "malformed", lambda: label[:7] + b"Q" + o.package[8:]),
        ("nothing-but-the-label", "malformed", lambda: label),
        ("one-byte-more", "size-mismatch", lambda: o.package + b"\0"),
        ("one-byte-less", "size-mismatch", lambda: o.package[:-1]),
        ("one-byte-inserted", "size-mismatch", lambda: o.package[:-100] + b"\0" + o.package[-100:]),
        ("no-payload", "malformed", lambda: o.package[: body + len(signed_manifest)]),
        ("cut-in-the-manifest", "malformed", lambda: o.package[: body + 100]),
        ("payload-flipped", "digest-mismatch", lambda: flip(o.package, len(o.package) - 5)),
        ("huge-manifest-declared", "limit-exceeded", lambda: label + bytes.fromhex("5b0000010000000000") + bytes(64)),
        ("manifest-signature-flipped", "signature-invalid", lambda: envelope(3, flip(p.signed.value[3], 40))),
        ("manifest-flipped", "signature-invalid", lambda: envelope(2, encode(p.manifest | {5: 9}))),
        ("certificate-signature-flipped", "signature-invalid", flipped_certificate),
        ("unprotected-header", "malformed", lambda: envelope(1, {4: b"kid"})),
        ("another-algorithm", "malformed", lambda: envelope(0, encode({1: -7, 16: MANIFEST}))),
        ("a-label-in-the-header", "malformed", lambda: envelope(0, encode({1: -8, 4: b"kid", 16: MANIFEST}))),
        ("no-typ", "role-mismatch", lambda: envelope(0, encode({1: -8}))),
        ("short-signature", "malformed", lambda: envelope(3, p.signed.value[3][:63])),
        ("a-grants-typ", "role-mismatch", lambda: resigned(p.manifest, typ=GRANT)),
        ("a-grant-in-its-place", "malformed", lambda: _as_package(o.grant, p.payload)),
        ("untagged", "malformed", lambda: writer.package_file([p.links, p.signed.value], p.payload)),
        ("indefinite-length", "malformed", lambda: label + encode(indefinite) + encode(p.payload)),
        ("integer-not-shortest", "malformed", lambda: raw(b"\x06\x18", b"\x06\x19\x00")),
        ("keys-out-of-order", "malformed", lambda: resigned(_unsorted(p.manifest))),
        ("key-twice", "malformed", lambda: resigned(_doubled(p.manifest))),
        ("unknown-label", "malformed", lambda: changed(m15=1)),
        ("missing-label", "malformed", lambda: resigned({k: v for k, v in p.manifest.items() if k != 7})),
        ("floating-point", "malformed", lambda: changed(m7=1.5)),
        ("not-utf-8", "malformed", lambda: raw(name, b"\xff" + name[1:])),
        ("nested-too-deeply", "malformed", lambda: resigned(deep)),
        ("a-tagged-time", "malformed", lambda: changed(m7=cbor2.CBORTag(1, p.manifest[7]))),
        ("bytes-behind-the-manifest", "malformed", lambda: resigned(encode(p.manifest) + b"\0")),
        ("version-2", "unsupported-version", lambda: changed(m1=2)),
        ("version-2-with-more", "unsupported-version", lambda: changed(m1=2, m99=[])),
        ("a-stages-name", "malformed", lambda: changed(m3="com..example")),
        ("name-of-one-label", "malformed", lambda: changed(m3="example")),
        ("another-vendors-name", "scope-violation", lambda: changed(m3="com.elsewhere.codec")),
        ("no-epoch", "malformed", lambda: resigned({k: v for k, v in p.manifest.items() if k != 12})),
        ("execute-only-false", "malformed", lambda: changed(m14=False)),
        ("payload-declared-too-large", "limit-exceeded", lambda: changed(m8=2**31 + 1)),
        ("bound-too-large", "limit-exceeded", lambda: changed(m9=2**30 + 1)),
        ("time-beyond-2-63", "limit-exceeded", lambda: changed(m7=2**63)),
        ("another-size", "size-mismatch", lambda: changed(m8=p.manifest[8] + 1)),
        ("segments-of-broken-chunks", "malformed", lambda: changed(m10=262_401)),
        ("segments-too-small", "malformed", lambda: changed(m10=0)),
        ("one-digest-more", "malformed", lambda: changed(m11=p.manifest[11] + bytes(32))),
        ("half-a-digest", "malformed", lambda: changed(m11=p.manifest[11] + bytes(16))),
        ("a-firmwares-role", "role-mismatch", lambda: changed(m2="boot.firmware")),
        ("a-role-nobody-packs", "role-mismatch", lambda: changed(m2="grant")),
        ("a-package-of-silicon", "role-mismatch", as_silicon),
        ("unknown-root", "untrusted-root", lambda: resigned(p.manifest, _rogue(o))),
        ("signed-for-grants-only", "role-mismatch", lambda: resigned(p.manifest, o.chain(["grant"]))),
        ("signer-of-another-scope", "scope-violation", lambda: resigned(p.manifest, o.chain(scope="com.ex."))),
        ("expired", "expired", lambda: resigned(p.manifest, o.chain(not_after=OLD))),
        ("not-yet-valid", "not-yet-valid", lambda: resigned(p.manifest, o.chain(not_before=FAR))),
        ("wider-scope", "chain-invalid", lambda: resigned(p.manifest, o.prolonged(["module"], "com."))),
        ("wider-roles", "chain-invalid", lambda: resigned(p.manifest, o.prolonged(["module", "silicon"], inside))),
        ("too-deep", "chain-invalid", lambda: resigned(p.manifest, o.prolonged(["module"], inside, 1))),
        ("seven-certificates", "limit-exceeded", lambda: with_links(seven())),
        ("no-certificate", "malformed", lambda: with_links([p.links[0], []])),
        ("a-key-of-small-order", "malformed", lambda: rooted({1: 1, -1: 6, -2: b"\1" + bytes(31)})),
        ("a-key-beyond-the-field", "malformed", lambda: rooted({1: 1, -1: 6, -2: b"\xff" * 31 + b"\x7f"})),
        ("a-point-off-the-curve", "malformed", lambda: rooted({1: 2, -1: 1, -2: bytes(32), -3: bytes(32)})),
    ]  # fmt: skip
    return [("package", *case) for case in listed]


def _grants(o: Originals) -> list[Case]:
    links, signed = decode(unlabelled("grant", o.grant))
    terms, wrapped = decode(signed.value[2])

    def resigned(terms: Any, wrapped: Any = wrapped, typ: str = GRANT) -> bytes:
        return writer.grant_file([links, sign(o.vendor.key, typ, [terms, wrapped])])

    def flipped() -> bytes:
        parts = signed.value
        return writer.grant_file([links, cbor2.CBORTag(18, [*parts[:3], flip(parts[3], 0)])])

    def rewrapped(index: int, value: Any) -> bytes:
        parts = list(wrapped.value)
        parts[index] = value
        return resigned(terms, cbor2.CBORTag(16, parts))

    listed: list[tuple[str, str, Callable[[], bytes]]] = [
        ("grant-cut-off", "malformed", lambda: o.grant[:-1]),
        ("grant-and-a-byte", "malformed", lambda: o.grant + b"\0"),
        ("grant-too-long", "limit-exceeded", lambda: o.grant + bytes(65536)),
        ("grant-signature-flipped", "signature-invalid", flipped),
        ("grant-of-version-2", "unsupported-version", lambda: resigned(terms | {1: 2})),
        ("grant-with-unknown-label", "malformed", lambda: resigned(terms | {15: 0})),
        ("grant-with-short-device-id", "malformed", lambda: resigned(terms | {4: bytes(31)})),
        ("grant-for-no-lifecycle", "malformed", lambda: resigned(terms | {12: 0x3001})),
        ("grant-for-no-version", "malformed", lambda: resigned(terms | {11: [[2, 0, 0], [1, 0, 0]]})),
        ("grant-with-empty-features", "malformed", lambda: resigned(terms | {13: b""})),
        ("grant-with-long-features", "limit-exceeded", lambda: resigned(terms | {13: bytes(1025)})),
        ("grant-of-another-vendor", "scope-violation", lambda: resigned(terms | {2: "com.elsewhere.codec"})),
        ("grant-with-a-manifests-typ", "role-mismatch", lambda: resigned(terms, typ=MANIFEST)),
        ("grant-under-another-suite", "malformed", lambda: rewrapped(0, encode({1: 35}))),
        ("grant-with-a-short-key", "malformed", lambda: rewrapped(1, {-4: bytes(31)})),
        ("grant-with-a-long-ciphertext", "malformed", lambda: rewrapped(2, bytes(49))),
    ]
    return [("grant", *case) for case in listed]


def _statuses(o: Originals) -> list[Case]:
    links, signed = decode(unlabelled("status", o.status))
    status = decode(signed.value[2])
    plain = {label: status[label] for label in (1, 2, 3, 4)}

    def resigned(status: Any) -> bytes:
        return FILES["status"] + encode([links, sign(o.vendor.key, STATUS, status)])

    listed: list[tuple[str, str, Callable[[], bytes]]] = [
        ("status-of-version-2", "unsupported-version", lambda: resigned(status | {1: 2})),
        ("status-for-everything", "malformed", lambda: resigned(status | {2: ""})),
        ("status-for-another-vendor", "scope-violation", lambda: resigned(plain | {2: "com.elsewhere."})),
        ("status-number-0", "malformed", lambda: resigned(status | {3: 0})),
        ("status-out-of-order", "malformed", lambda: resigned(status | {5: [b"\2" * 32, b"\1" * 32]})),
        ("status-entry-twice", "malformed", lambda: resigned(status | {6: [b"\2" * 32, b"\2" * 32]})),
        ("status-entry-of-another", "malformed", lambda: resigned(status | {8: [["com.elsewhere.codec", 1]]})),
        ("status-without-entries", "malformed", lambda: resigned(status | {5: []})),
        ("status-too-long", "limit-exceeded", lambda: o.status + bytes(61440)),
    ]
    return [("status", *case) for case in listed]


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _as_package(grant: bytes, payload: bytes) -> bytes:
    return SEQUENCES["package"] + encode(unlabelled("grant", grant)) + encode(payload)


def _rogue(o: Originals) -> Signer:
    made = certify(writer.root(o.other), public_of(o.vendor.key), "vendor", ["module"], "com.example.", o.now)
    return Signer(o.vendor.key, made)


def _unsorted(members: dict[int, Any]) -> bytes:
    pairs = [encode(label) + encode(value) for label, value in members.items()]
    return bytes([0xA0 + len(pairs)]) + b"".join([pairs[1], pairs[0], *pairs[2:]])


def _doubled(members: dict[int, Any]) -> bytes:
    pairs = [encode(label) + encode(value) for label, value in members.items()]
    return bytes([0xA0 + len(pairs) + 1]) + b"".join([pairs[0], *pairs])


def _nested(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value
