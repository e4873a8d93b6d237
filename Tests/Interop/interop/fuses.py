"""A simulated device's secrets from its fuses and its stages alone (SPEC 6.2, 6.3, 7.1)."""

from __future__ import annotations

import hashlib

from . import dice
from .chain import Trust, chain
from .encoding import decode, unlabelled
from .package import Package, verify_package
from .refusal import require
from .shape import array, boolean, bytes32, fields, integer, lifecycle, list_of, time, uint64

_fuses = fields(
    {
        1: list_of(bytes32, 4),
        2: integer(0, 255),
        3: lifecycle,
        4: array(uint64, uint64, uint64),
        5: integer(),
        6: time,
        7: boolean,
        8: chain,
    }
)


def decryptor_cdis(fuses_file: bytes, bootloader: bytes, decryptor: bytes) -> dice.Cdis:
    """What ROM and bootloader derive for the decryptor, given the packages of both stages."""
    content, uds = fuses_file[:-32], fuses_file[-32:]
    fuses = _fuses(decode(unlabelled("fuses", content)))
    revoked = frozenset(root for slot, root in enumerate(fuses[1]) if fuses[2] >> slot & 1)
    trust = Trust(frozenset(fuses[1]), fuses[6], revoked, enforces_not_before=False)
    cdis = dice.Cdis(uds, uds)
    for file, role in ((bootloader, "boot.loader"), (decryptor, "boot.decryptor")):
        cdis = cdis.next(*inputs(verify_package(file, trust, role), fuses[3], fuses[5]))
    return cdis


def inputs(stage: Package, state: int, key_epoch: int) -> tuple[bytes, bytes, bytes, int, bytes]:
    manifest = stage.manifest
    require(not manifest.is_module, "role-mismatch")
    return (
        hashlib.sha512(stage.payload).digest(),
        dice.configuration(manifest.security_version, manifest.version),
        dice.authority(stage.chain.root.thumbprint, manifest.role),
        dice.mode(state),
        dice.hidden(state, key_epoch),
    )
