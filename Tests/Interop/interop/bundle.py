"""Grant bundles (SPEC 5.1): one device's grants are found, and rebuilt byte by byte."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import cbor2

from .chain import chain, last_key
from .encoding import ENCRYPT0, FILES, SEQUENCES, SIGN1, decode, encode, head, unlabelled
from .grant import TERMS
from .hpke import PROTECTED
from .refusal import Refused, require
from .shape import anything, array, ascends, fields, integer, list_of, octets
from .sign1 import GRANT, sign1

MAX_DIRECTORY = 268_435_456
RECORD, RECORDS, ENTRY, TRAILER = 216, 64, 64, 42
COMMON_TERMS = ({label: parser for label, parser in TERMS[0].items() if label not in (1, 4, 5, 6, 7)}, TERMS[1])


@dataclass(frozen=True)
class Part:
    count: int
    terms: dict[int, Any]
    chain: Any
    issuer: bytes
    algorithm: int
    entries: list[tuple[bytes, bytes]]  # first device id and digest of each bucket
    offset: int

    def size_of(self, bucket: int) -> int:
        return min(RECORDS, self.count - RECORDS * bucket) * RECORD


def bucket_length(size: int) -> int:
    return len(cbor2.dumps(bytes(size)))


class Bundle:
    def __init__(self, file: bytes) -> None:
        self.file = file
        self.parts = self._directory()

    def _directory(self) -> list[Part]:
        unlabelled("bundle", self.file)
        start, end = len(SEQUENCES["bundle"]), len(self.file) - TRAILER
        trailer = self.file[max(end, 0) :]
        require(end > start and trailer[:2] == b"\x58\x28", "size-mismatch", "no trailer")
        place = trailer[2:10]
        offset = int.from_bytes(place, "big")
        require(start < offset < end, "size-mismatch", "no room for the directory")
        encoded = self.file[offset:end]
        require(len(encoded) <= MAX_DIRECTORY, "limit-exceeded", "the directory")
        require(hashlib.sha256(encoded + place).digest() == trailer[10:], "digest-mismatch", "the directory")
        return self._parts(decode(encoded), start, offset)

    def _parts(self, value: Any, start: int, directory: int) -> list[Part]:
        require(isinstance(value, list) and len(value) > 0 and type(value[0]) is int, "malformed", "not a directory")
        require(value[0] == 1, "unsupported-version")
        form = array(integer(), list_of(array(integer(1), fields(*COMMON_TERMS), anything), 1024), octets())
        _, listed, entries = form(value)
        require(len(entries) % ENTRY == 0, "malformed", "a directory's entries")
        parts, offset, at = [], start, 0
        for count, terms, links in listed:
            buckets = -(-count // RECORDS)
            own = [entries[ENTRY * i : ENTRY * i + ENTRY] for i in range(at, at + buckets)]
            require(len(own[-1]) == ENTRY, "malformed", "too few entries")
            ascends(entry[:32] for entry in own)
            key = last_key(chain(links))
            split = [(entry[:32], entry[32:]) for entry in own]
            part = Part(count, terms, links, key.thumbprint, key.algorithm, split, offset)
            parts.append(part)
            offset += sum(bucket_length(part.size_of(bucket)) for bucket in range(buckets))
            at += buckets
        require(at * ENTRY == len(entries), "malformed", "too many entries")
        require(offset == directory, "size-mismatch", "the buckets end elsewhere")
        return parts

    def grants(self, device_id: bytes) -> list[bytes]:
        """The grant files of a device. Like any others, they are to be verified."""
        return [grant for part in self.parts if (grant := self._grant(part, device_id))]

    def all_grants(self) -> list[bytes]:
        """The grant files of all devices, in the order of the file."""
        buckets = ((part, bucket) for part in self.parts for bucket in range(len(part.entries)))
        return [rebuild(part, record) for part, bucket in buckets for record in self._records(part, bucket)]

    def _grant(self, part: Part, device_id: bytes) -> bytes | None:
        bucket = sum(first <= device_id for first, _ in part.entries) - 1
        records = self._records(part, bucket) if bucket >= 0 else []
        return next((rebuild(part, record) for record in records if record[:32] == device_id), None)

    def _records(self, part: Part, bucket: int) -> list[bytes]:
        offset = part.offset + bucket * bucket_length(RECORDS * RECORD)
        try:
            major, size, length = head(self.file, offset)
        except Refused:
            raise Refused("size-mismatch", "no bucket") from None
        require(major == 2 and size == part.size_of(bucket), "size-mismatch", "a bucket's size")
        records = self.file[offset + length : offset + length + size]
        first, digest = part.entries[bucket]
        require(hashlib.sha256(records).digest() == digest, "digest-mismatch", "a bucket")
        by_id = [records[at : at + RECORD] for at in range(0, size, RECORD)]
        require(by_id[0][:32] == first, "malformed", "a bucket of another device")
        ascends(record[:32] for record in by_id)
        after = part.entries[bucket + 1][0] if bucket + 1 < len(part.entries) else b"\xff" * 33
        require(by_id[-1][:32] < after, "malformed", "a bucket that reaches into the next")
        return by_id


def rebuild(part: Part, record: bytes) -> bytes:
    grant_key, sequence = record[32:64], int.from_bytes(record[64:72], "big")
    ek, ciphertext, signature = record[72:104], record[104:152], record[152:]
    terms = part.terms | {1: 1, 4: record[:32], 5: grant_key, 6: part.issuer, 7: sequence}
    wrapped = cbor2.CBORTag(ENCRYPT0, [PROTECTED, {-4: ek}, ciphertext])
    signed = cbor2.CBORTag(SIGN1, [encode({1: part.algorithm, 16: GRANT}), {}, encode([terms, wrapped]), signature])
    return FILES["grant"] + encode([part.chain, signed])


def make_bundle(grants: list[bytes]) -> bytes:
    """A bundle of grant files with terms and chain in common: one part."""
    opened = []
    for grant in grants:
        links, signed = decode(unlabelled("grant", grant))
        payload = sign1(signed).payload
        terms, wrapped = decode(payload)
        record = terms[4] + terms[5] + terms[7].to_bytes(8, "big")
        record += wrapped.value[1][-4] + wrapped.value[2] + signed.value[3]
        opened.append((record, {label: terms[label] for label in terms if label not in (1, 4, 5, 6, 7)}, links))
    opened.sort(key=lambda one: one[0])
    _, terms, links = opened[0]
    require(all((a, b) == (terms, links) for _, a, b in opened), "malformed", "grants of one part differ")
    records = [record for record, _, _ in opened]
    buckets = [b"".join(records[at : at + RECORDS]) for at in range(0, len(records), RECORDS)]
    entries = b"".join(bucket[:32] + hashlib.sha256(bucket).digest() for bucket in buckets)
    body = SEQUENCES["bundle"] + b"".join(encode(bucket) for bucket in buckets)
    directory = encode([1, [[len(records), terms, links]], entries])
    place = len(body).to_bytes(8, "big")
    return body + directory + encode(place + hashlib.sha256(directory + place).digest())
