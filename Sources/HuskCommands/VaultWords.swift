import HuskFormat
import Vault

extension ErrorReport {
  init(vault error: VaultError) {
    switch error {
    case .file(let error): self.init(file: error)
    case .notAVault: self.init("not a vault, or a damaged one")
    case .newerSchema(let found, let supported):
      self.init(
        "made by a newer husk (schema \(found), this one knows \(supported))", hint: "use the newer husk for this vault"
      )
    case .wrongVaultKey: self.init("not the key that the vault was made with")
    case .unknownModule(let name):
      self.init("no module \(name.text)", hint: "husk vault info lists the modules; pack begins new ones")
    case .unknownEpoch(let name, let epoch): self.init("no epoch \(epoch) of \(name.text)")
    case .lastEpoch(let name): self.init("\(name.text) is at its last epoch: there is none after it")
    case .lastSequence(let name):
      self.init("there is no sequence number left for \(name.text) and this device")
    case .foreignContentKey(let name, let epoch):
      self.init("the record of \(name.text) epoch \(epoch) was not made with this vault key")
    case .damagedContentKey(let name, let epoch):
      self.init("the content key of \(name.text), epoch \(epoch), doesn't open (key-unwrap-failed)")
    case .busy: self.init("another process is using the vault")
    case .diskFull: self.init("no space left on the device")
    case .readOnly: self.init("the vault or its directory can't be written")
    case .database(let words): self.init("the database failed: \(words)")
    case .cryptography(let error): self.init(cryptography: error)
    }
  }
}
