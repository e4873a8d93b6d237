import COSE
import HostSupport
import Vault

/// What `vault info` tells.
struct VaultReport: Encodable {
  /// Thumbprint, hexadecimal.
  let vaultKey: String
  let modules: [Module]

  struct Module: Encodable {
    let name: String
    let epochs: [Epoch]
  }

  struct Epoch: Encodable {
    let epoch: UInt64
    let created: String
    let grants: Int
  }

  init(_ vault: Vault) throws {
    vaultKey = hex(try COSEKey.thumbprint(x25519: vault.vaultKey))
    modules = try vault.contents().map { module in
      Module(
        name: module.name,
        epochs: module.epochs.map {
          Epoch(epoch: $0.number, created: Timestamp(seconds: $0.createdAt).text, grants: $0.grantCount)
        })
    }
  }

  var lines: [String] {
    ["vault key: \(vaultKey)"]
      + modules.flatMap { module in
        module.epochs.map { "\(module.name): epoch \($0.epoch), since \($0.created), grants issued: \($0.grants)" }
      }
  }
}
