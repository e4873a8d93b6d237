import HostSupport
import HuskFormat
import Vault

extension ErrorReport {
  init(vault error: VaultError) {
    switch error {
    case .file(let error): self.init(file: error)
    case .notAVault:
      self.init("not a vault, or a damaged one", hint: "a vault that is damaged is restored from a husk vault backup")
    case .damaged(let part):
      self.init("the vault is damaged: a record of \(part.words)", hint: "husk vault check tells what is damaged")
    case .altered(let object, let alteration):
      self.init(
        "the vault was altered: its \(object) \(alteration == .missing ? "is missing" : "isn't as Husk makes it")",
        hint: "somebody who can write the file did that: use a husk vault backup of before")
    case .newerSchema(let found, let supported):
      self.init(
        "made by a newer husk (schema \(found), this one knows \(supported))", hint: "use the newer husk for this vault"
      )
    case .olderSchema(let found, let supported):
      self.init(
        "made by an older husk (schema \(found), this one knows \(supported)), and can only be read here",
        hint: "a copy that can be written is brought up to date by any husk that changes it")
    case .unfinished:
      self.init(
        "can only be read here, and what was written last is still in the file beside it (-wal)",
        hint: "copy both files to where they can be written")
    case .busy: self.init("another process is using the vault")
    case .diskFull: self.init("no space left on the device")
    case .readOnly: self.init("the vault or its directory can't be written")
    case .database(let words): self.init("the database failed: \(words)")
    case .cryptography(let error): self.init(cryptography: error)
    case .wrongVaultKey(.passphrase): self.init("the passphrase is wrong")
    case .wrongVaultKey(.key): self.init("not the key that unlocks this vault")
    case .wrongUnlocking(.passphrase): self.init("a passphrase unlocks this vault, not a key")
    case .wrongUnlocking(.key): self.init("a key unlocks this vault", hint: "name its file with --vault-key")
    case .vaultKeyRotated: self.init("the vault's key was rotated meanwhile", hint: "run the command again")
    case .foreignRecord(let part):
      self.init(
        "a record of \(part.words) was not made with the vault's key: somebody altered the file",
        hint: "husk vault check tells which")
    case .clockSetBack(let now, let latest):
      self.init(
        "the clock says \(Timestamp(seconds: now).text), but the vault was changed at \(Timestamp(seconds: latest).text)",
        hint: "set the clock; if it is right now, husk vault clock --accept goes on from here")
    case .notAnExport: self.init("not a vault's export, or not all of one")
    case .exportNotSigned:
      self.init(
        "not signed by --signer's key (signature-invalid)",
        hint: "husk vault export --key signs; without --signer, identities alone are taken")
    case .unusableLabel: self.init(labelRule)
    case .unknownModule(let name):
      self.init("no module \(name.text)", hint: "husk module list tells the modules; pack begins new ones")
    case .unknownEpoch(let name, let epoch): self.init("no epoch \(epoch) of \(name.text)")
    case .lastEpoch(let name): self.init("\(name.text) is at its last epoch: there is none after it")
    case .lastSequence(let name):
      self.init("there is no sequence number left for \(name.text) and this device")
    case .damagedContentKey(let name, let epoch):
      self.init("the content key of \(name.text), epoch \(epoch), doesn't open (key-unwrap-failed)")
    case .noSuchDevice(let prefix):
      self.init("no device \(prefix)", hint: "a device is named by its id, or by how it begins")
    case .ambiguousDevice(let prefix): self.init("several devices begin with \(prefix)", hint: "give more digits")
    case .noSuchTag(let name): self.init("no tag \(name)")
    case .noSuchBatch(let name): self.init("no batch \(name)")
    case .noSuchTrust(let prefix): self.init("nothing that begins with \(prefix) is trusted")
    case .ambiguousTrust(let prefix): self.init("several entries begin with \(prefix)", hint: "give more digits")
    case .statusForbidsGrants(let status): self.init("a device that is \(status.name) gets no grants")
    case .untrusted(let kind, let value): self.init(untrusted: kind, value)
    case .deviceChanged: self.init("the device was updated meanwhile", hint: "run the command again")
    case .decommissioned: self.init("a decommissioned device stays so")
    }
  }

  init(identity refusal: IdentityRefusal) {
    switch refusal {
    case .format(let error): self.init(format: error)
    case .untrusted(let kind, let value): self.init(untrusted: kind, value)
    case .wrongLifecycle(let found, let wanted):
      self.init(
        "the device is in state \(found.name), not \(wanted.name) (wrong-lifecycle)",
        hint: "--lifecycle \(found.name) takes devices in this state")
    case .rollback(let known, let found):
      self.init("the device's key epoch is \(found), but was \(known) before (rollback)")
    case .staleGeneration(let known, let found):
      self.init("the device has lost its storage since: its generation was \(known), and is \(found) here (rollback)")
    }
  }

  private init(untrusted kind: Trust.Kind, _ value: [UInt8]) {
    self.init("the \(kind.word) \(hex(value.prefix(8)))… isn't trusted", hint: "husk vault trust says what is")
  }
}

extension VaultError.Part {
  var words: String {
    switch self {
    case .meta: "the vault itself"
    case .module: "a module"
    case .contentKey: "a content key"
    case .trust: "what is trusted"
    case .platform: "a platform"
    case .device: "a device"
    case .tag: "a tag"
    case .identity: "an identity"
    case .statusChange: "a status"
    case .grant: "a grant"
    case .event: "the log"
    case .package: "a package"
    case .job: "a job"
    }
  }
}
