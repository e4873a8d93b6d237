"""Certificate chains, and verifying what they sign (SPEC 3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .encoding import decode, unlabelled
from .keys import SigningKey, signing_key
from .names import covers, role, scope
from .refusal import require
from .shape import array, ascends, fields, integer, list_of, text, time
from .sign1 import CERTIFICATE, Sign1, sign1

MAX_FILE = 65536


@dataclass(frozen=True)
class Trust:
    """What a verifier brings: root thumbprints, those revoked, and a clock (SPEC 1.4) that tells the present."""

    roots: frozenset[bytes]
    now: int
    revoked: frozenset[bytes] = frozenset()
    enforces_not_before: bool = True

    def check_times(self, not_before: int | None, not_after: int | None) -> None:
        require(not_after is None or self.now <= not_after, "expired")
        require(not self.enforces_not_before or not_before is None or self.now >= not_before, "not-yet-valid")


@dataclass(frozen=True)
class Certificate:
    subject: str
    not_after: int | None
    not_before: int | None
    issued: int
    key: SigningKey
    roles: list[str]
    scope: str
    depth: int


@dataclass(frozen=True)
class Chain:
    """A chain before it is verified."""

    root: SigningKey
    certificates: list[Sign1]


@dataclass(frozen=True)
class Verified:
    """What a verified chain says: its certificates, from the root down."""

    root: SigningKey
    certificates: list[Certificate] = field(default_factory=list)

    @property
    def last(self) -> Certificate:
        return self.certificates[-1]

    @property
    def vendor_scope(self) -> str:
        return next((one.scope for one in self.certificates if one.scope), "")


def chain(value: Any) -> Chain:
    root, certificates = array(signing_key, list_of(sign1, 6))(value)
    return Chain(root, certificates)


def read_chain(file: bytes) -> Chain:
    require(len(file) <= MAX_FILE, "limit-exceeded", "a chain file's size")
    return chain(decode(unlabelled("chain", file)))


def _certificate(payload: bytes) -> Certificate:
    claims = _claims(decode(payload))
    return Certificate(
        claims[2], claims.get(4), claims.get(5), claims[6], claims[8][1], claims[-70001], claims[-70002], claims[-70003]
    )


def _roles(value: Any) -> list[str]:
    roles = list_of(role, 16)(value)
    ascends(one.encode() for one in roles)
    return roles


_claims = fields(
    {
        2: text(1, 64),
        6: time,
        8: fields({1: signing_key}),
        -70001: _roles,
        -70002: scope,
        -70003: integer(0, 5),
    },
    {4: time, 5: time},
)


def last_key(given: Chain) -> SigningKey:
    """The key that a chain, not verified, claims to end in."""
    return _certificate(given.certificates[-1].payload).key


def verify_chain(given: Chain, trust: Trust, required_role: str) -> Verified:
    """SPEC 3.4, steps 1 to 4."""
    require(given.root.thumbprint in trust.roots, "untrusted-root")
    require(given.root.thumbprint not in trust.revoked, "revoked-root")
    key, roles, outer, depth = given.root, None, "", 6
    verified = Verified(given.root)
    for signed in given.certificates:
        certificate = _certificate(signed.payload)
        require(depth >= 1 and certificate.depth <= depth - 1, "chain-invalid", "certifies too deep")
        signed.verify(key, CERTIFICATE)
        require(roles is None or set(certificate.roles) <= set(roles), "chain-invalid", "more roles than the issuer's")
        require(covers(outer, certificate.scope), "chain-invalid", "a wider scope than the issuer's")
        trust.check_times(certificate.not_before, certificate.not_after)
        key, roles, outer, depth = certificate.key, certificate.roles, certificate.scope, certificate.depth
        verified.certificates.append(certificate)
    require(required_role in verified.last.roles, "role-mismatch", f"the signer's roles lack {required_role}")
    return verified


def verify_object(given: Chain, signed: Sign1, typ: str, name: str, trust: Trust, required_role: str) -> Verified:
    """SPEC 3.4, all steps, for an object that was parsed and has this name."""
    verified = verify_chain(given, trust, required_role)
    signed.verify(verified.last.key, typ)
    require(covers(verified.last.scope, name), "scope-violation")
    return verified
