"""Status lists (SPEC 5.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .chain import Trust, chain, verify_chain
from .encoding import decode, encode, unlabelled
from .grant import Grant
from .names import covers, name, scope
from .package import Package, supported
from .refusal import require
from .shape import array, ascends, bytes32, fields, integer, list_of, time, uint64, version_range
from .sign1 import STATUS, sign1

MAX_FILE = 61440


@dataclass(frozen=True)
class Status:
    scope: str
    number: int
    issued: int
    packages: list[bytes]
    keys: list[bytes]
    versions: list[Any]
    security_versions: list[Any]


def _scope(value: Any) -> str:
    require(scope(value) != "", "malformed", "an empty scope")
    return value


_status = fields(
    {1: integer(1, 1), 2: _scope, 3: integer(1), 4: time},
    {
        5: list_of(bytes32, 256),
        6: list_of(bytes32, 256),
        7: list_of(array(name, version_range), 256),
        8: list_of(array(name, uint64), 256),
    },
)


def verify_status(file: bytes, trust: Trust) -> Status:
    require(len(file) <= MAX_FILE, "limit-exceeded", "a status list's size")
    given, signed = array(chain, sign1)(decode(unlabelled("status", file)))
    s = _status(supported(decode(signed.payload)))
    status = Status(s[2], s[3], s[4], s.get(5, []), s.get(6, []), s.get(7, []), s.get(8, []))
    ascends(status.packages)
    ascends(status.keys)
    for named in (status.versions, status.security_versions):
        ascends(encode(entry) for entry in named)
        require(all(covers(status.scope, entry[0]) for entry in named), "malformed", "a name outside the list's scope")
    verified = verify_chain(given, trust, "status")
    signed.verify(verified.last.key, STATUS)
    require(covers(verified.last.scope, status.scope), "scope-violation")
    return status


def check(status: Status, package: Package, grant: Grant) -> None:
    """What a list that a device holds refuses (SPEC 5, step 10)."""
    manifest = package.manifest
    if not covers(status.scope, manifest.name):
        return
    signers = {one.key.thumbprint for one in package.chain.certificates + grant.chain.certificates}
    require(manifest.digest not in status.packages, "revoked", "the package")
    require(not signers & set(status.keys), "revoked", "a signing key")
    for refused, (low, high) in status.versions:
        require(refused != manifest.name or not low <= manifest.version <= high, "revoked", "the version")
    for named, lowest in status.security_versions:
        require(named != manifest.name or manifest.security_version >= lowest, "rollback", "the security version")
