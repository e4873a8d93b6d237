"""The command line: `python -m interop help`. Facts go to standard output as JSON; a refusal is its class on standard
error, with exit status 1. Secrets come from files."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from . import grant as grants
from . import status as statuses
from . import writer
from .bundle import Bundle, make_bundle
from .chain import Trust, read_chain, verify_chain
from .encoding import FILES, SEQUENCES, decode, unlabelled
from .fuses import decryptor_cdis
from .grammar import Grammar, matches
from .identity import Identity, verify_identity
from .keys import read_private, read_public
from .load import open_module
from .loads import Bench, loads
from .log_head import verify_head
from .package import verify_package
from .refusal import Refused
from .tamper import Originals, cases


def main() -> int:
    arguments = _parser().parse_args()
    try:
        facts = arguments.run(arguments)
    except Refused as refused:
        print(f"{refused.error_class}\n{refused}", file=sys.stderr)
        return 1
    print(json.dumps(facts or {}, default=_plain, indent=1))
    return 0


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else str(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="interop", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(run: Any, name: str, *options: str) -> None:
        command = verbs.add_parser(name, help=run.__doc__)
        command.set_defaults(run=run)
        for option in options:
            _OPTIONS[option](command)

    verb(_verify, "verify", "file", "root", "device-root", "signer", "role", "now")
    verb(_open, "open", "package", "grant", "status", "root", "identity", "device-root", "grant-key", "now", "output")
    verb(_extract, "extract", "bundle", "device", "output")
    verb(_grant_key, "grant-key", "fuses", "bootloader", "decryptor", "generation", "output")
    verb(_certify, "certify", "key", "chain?", "subject-key", "role*", "scope", "depth", "now", "output")
    verb(
        _pack, "pack", "module", "name", "version", "epoch", "security-version", "content-key", "key", "chain", "now",
        "output",
    )  # fmt: skip
    verb(
        _grant, "grant", "name", "epoch", "content-key", "identity", "root", "device-root", "sequence", "key", "chain",
        "now", "output",
    )  # fmt: skip
    verb(_classes, "classes", "files", "root", "device-root", "now")
    verb(_grammar, "grammar", "files")
    verb(_tamper, "tamper", "package", "grant", "status-list", "root-key", "key", "chain", "other", "now", "output")
    verb(
        _loads, "loads", "module", "name", "version", "epoch", "content-key", "identity", "root", "device-root",
        "grant-key", "sequence", "key", "chain", "now", "output",
    )  # fmt: skip
    verb(_bundle, "bundle", "grants", "output")
    verb(_status, "status", "scope", "number", "refuse-version", "key", "chain", "now", "output")
    return parser


def _option(*names: str, **settings: Any) -> Any:
    return lambda command: command.add_argument(*names, **settings)


_OPTIONS = {
    "file": _option("file", type=Path),
    "package": _option("package", type=Path),
    "grant": _option("grant", type=Path),
    "bundle": _option("bundle", type=Path),
    "module": _option("module", type=Path),
    "files": _option("files", type=Path, nargs="+"),
    "status-list": _option("status_list", type=Path),
    "root-key": _option("--root-key", type=Path, required=True, help="private key of the boot root"),
    "other": _option("--other", type=Path, required=True, help="a private key that nobody certified"),
    "grants": _option("grants", type=Path, nargs="+"),
    "root": _option("--root", type=Path, action="append", default=[], help="public key of a boot root"),
    "device-root": _option("--device-root", type=Path, action="append", default=[]),
    "signer": _option("--signer", type=Path, help="public key of who signs log heads"),
    "status": _option("--status", type=Path, action="append", default=[]),
    "role": _option("--role"),
    "role*": _option("--role", action="append", required=True),
    "now": _option("--now", type=int, default=int(time.time())),
    "identity": _option("--identity", type=Path, required=True),
    "grant-key": _option("--grant-key", type=Path, required=True),
    "output": _option("-o", "--output", type=Path, required=True),
    "device": _option("--device", type=bytes.fromhex),
    "fuses": _option("--fuses", type=Path, required=True),
    "bootloader": _option("--bootloader", type=Path, required=True),
    "decryptor": _option("--decryptor", type=Path, required=True),
    "generation": _option("--generation", type=int, default=0),
    "key": _option("--key", type=Path, required=True, help="private key that signs"),
    "chain": _option("--chain", type=Path, required=True),
    "chain?": _option("--chain", type=Path),
    "subject-key": _option("--subject-key", type=Path, required=True),
    "scope": _option("--scope", default=""),
    "depth": _option("--depth", type=int, default=0),
    "name": _option("--name", required=True),
    "version": _option("--version", type=lambda text: [int(part) for part in text.split(".")], required=True),
    "epoch": _option("--epoch", type=int, default=1),
    "security-version": _option("--security-version", type=int, default=0),
    "content-key": _option("--content-key", type=Path, required=True),
    "sequence": _option("--sequence", type=int, default=1),
    "number": _option("--number", type=int, required=True),
    "refuse-version": _option("--refuse-version", nargs=2, action="append", default=[], metavar=("NAME", "VERSION")),
}


def _trust(roots: list[Path], now: int) -> Trust:
    return Trust(frozenset(read_public(path.read_bytes()).thumbprint for path in roots), now)


def _verify(a: argparse.Namespace) -> Any:
    """verifies a file of any kind"""
    file = a.file.read_bytes()
    trust, device_roots = _trust(a.root, a.now), _trust(a.device_root, a.now)
    kind = next((kind for kind, label in (FILES | SEQUENCES).items() if file.startswith(label)), None)
    if kind == "package":
        package = verify_package(file, trust, a.role)
        return vars(package.manifest) | {"vendor_scope": package.chain.vendor_scope}
    if kind == "grant":
        return {"terms": grants.verify_grant(file, trust).terms}
    if kind == "chain":
        chain = read_chain(file)
        last = verify_chain(chain, trust, a.role or "module").last
        return {"subject": last.subject, "roles": last.roles, "scope": last.scope, "key": last.key.thumbprint}
    if kind == "status":
        return vars(statuses.verify_status(file, trust))
    if kind == "identity":
        return vars(verify_identity(file, device_roots, trust.roots))
    if kind == "head":
        return vars(verify_head(file, read_public(a.signer.read_bytes())))
    if kind == "bundle":
        return {"parts": [{"count": part.count, "terms": part.terms} for part in Bundle(file).parts]}
    raise Refused("malformed", "not a file of a known kind")


def _classes(a: argparse.Namespace) -> Any:
    """verifies files, and tells the class of each: `ok` if it isn't refused"""
    found = {}
    for file in a.files:
        try:
            _verify(argparse.Namespace(**vars(a) | {"file": file, "role": None, "signer": None}))
            found[file.name] = "ok"
        except Refused as refused:
            found[file.name] = refused.error_class
    return found


def _grammar(a: argparse.Namespace) -> Any:
    """tells whether files are what the CDDL in SPEC.md says"""
    grammar = Grammar((Path(__file__).parents[3] / "SPEC.md").read_text())
    if undefined := grammar.undefined():
        raise SystemExit(f"SPEC.md defines no {', '.join(sorted(undefined))}")
    return {str(file): matches(grammar, file.read_bytes()) for file in a.files}


def _tamper(a: argparse.Namespace) -> Any:
    """makes files that must be refused, and tells the class of each"""
    vendor = writer.Signer(read_private(a.key.read_bytes()), decode(unlabelled("chain", a.chain.read_bytes())))
    root, other = read_private(a.root_key.read_bytes()), read_private(a.other.read_bytes())
    package, grant, status = (path.read_bytes() for path in (a.package, a.grant, a.status_list))
    made = {}
    a.output.mkdir(exist_ok=True)
    for kind, name, error_class, make in cases(Originals(package, grant, status, root, vendor, other, a.now)):
        (a.output / f"{name}.{kind}").write_bytes(make())
        made[f"{name}.{kind}"] = error_class
    return made


def _open(a: argparse.Namespace) -> Any:
    """opens a package with a grant and a device's grant key, as the device does"""
    trust, identity = _device(a)
    device = grants.Device(identity.device_id, identity.lifecycle, a.grant_key.read_bytes())
    lists = [statuses.verify_status(path.read_bytes(), trust) for path in a.status]
    module = open_module(a.package.read_bytes(), a.grant.read_bytes(), device, trust, lists)
    a.output.write_bytes(module)
    return {"size": len(module)}


def _loads(a: argparse.Namespace) -> Any:
    """makes loads that a device must refuse, NAME.husk and NAME.grant; tells the class of each, and what this says"""
    trust, identity = _device(a)
    device = grants.Device(identity.device_id, identity.lifecycle, a.grant_key.read_bytes())
    module = writer.Module(a.module.read_bytes(), a.name, a.version, a.epoch)
    bench = Bench(module, a.content_key.read_bytes(), identity, _signer(a), a.sequence, a.now)
    a.output.mkdir(exist_ok=True)
    told = {}
    for name, error_class, package, grant in loads(bench):
        (a.output / f"{name}.husk").write_bytes(package)
        (a.output / f"{name}.grant").write_bytes(grant)
        try:
            same = open_module(package, grant, device, trust, []) == module.content
            told[name] = {"expected": error_class, "found": "ok" if same else "another module"}
        except Refused as refused:
            told[name] = {"expected": error_class, "found": refused.error_class}
    return told


def _device(a: argparse.Namespace) -> tuple[Trust, Identity]:
    """What the device trusts (as if it had a trusted clock), and its identity."""
    trust = _trust(a.root, a.now)
    return trust, verify_identity(a.identity.read_bytes(), _trust(a.device_root, a.now), trust.roots)


def _extract(a: argparse.Namespace) -> Any:
    """rebuilds a device's grants from a bundle, or all: OUTPUT.0, OUTPUT.1 and so on"""
    bundle = Bundle(a.bundle.read_bytes())
    found = bundle.grants(a.device) if a.device else bundle.all_grants()
    for index, grant in enumerate(found):
        a.output.with_name(f"{a.output.name}.{index}").write_bytes(grant)
    return {"grants": len(found)}


def _grant_key(a: argparse.Namespace) -> Any:
    """derives a simulated device's grant key from its fuses and stages"""
    cdis = decryptor_cdis(a.fuses.read_bytes(), a.bootloader.read_bytes(), a.decryptor.read_bytes())
    a.output.touch(0o600)
    a.output.write_bytes(cdis.grant_key(a.generation))
    return {"attestation_key": cdis.attestation_key.thumbprint}


def _signer(a: argparse.Namespace) -> writer.Signer:
    key = read_private(a.key.read_bytes())
    return writer.Signer(key, decode(unlabelled("chain", a.chain.read_bytes()))) if a.chain else writer.root(key)


def _certify(a: argparse.Namespace) -> Any:
    """certifies a key; without a chain, the signer is a root"""
    subject = read_public(a.subject_key.read_bytes())
    made = writer.certify(_signer(a), subject, "interop", a.role, a.scope, a.now, a.depth)
    a.output.write_bytes(writer.chain_file(made))


def _pack(a: argparse.Namespace) -> Any:
    """packs a module"""
    module = writer.Module(a.module.read_bytes(), a.name, a.version, a.epoch, a.security_version)
    a.output.write_bytes(writer.pack(module, a.content_key.read_bytes(), _signer(a), a.now))


def _grant(a: argparse.Namespace) -> Any:
    """grants a module to the device of an identity"""
    _, device = _device(a)
    key = a.content_key.read_bytes()
    a.output.write_bytes(writer.grant(a.name, a.epoch, key, device, a.sequence, _signer(a), a.now))


def _bundle(a: argparse.Namespace) -> Any:
    """puts grants with the same terms and chain into a bundle"""
    a.output.write_bytes(make_bundle([path.read_bytes() for path in a.grants]))


def _status(a: argparse.Namespace) -> Any:
    """makes a status list"""
    versions = [(name, [int(part) for part in version.split(".")]) for name, version in a.refuse_version]
    entries = {7: [[name, [version, version]] for name, version in versions]} if versions else {}
    a.output.write_bytes(writer.status_list(a.scope, a.number, _signer(a), a.now, entries))


if __name__ == "__main__":
    sys.exit(main())
