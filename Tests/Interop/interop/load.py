"""A load from end to end (SPEC 9.1): package, grant, decision, content key, module."""

from __future__ import annotations

from . import payload
from .chain import Trust
from .grant import Device, content_key, decide, verify_grant
from .package import verify_package
from .status import Status, check


def open_module(package_file: bytes, grant_file: bytes, device: Device, trust: Trust, lists: list[Status]) -> bytes:
    """The module, exactly as it was packed."""
    package = verify_package(package_file, trust, "module")
    grant = verify_grant(grant_file, trust)
    decide(grant, package, device, trust)
    for status in lists:
        check(status, package, grant)
    m = package.manifest
    context = payload.context(m.name, m.epoch or 0, m.version, m.machine)
    return payload.open_payload(package.payload, content_key(grant, device), context, m.bound)
