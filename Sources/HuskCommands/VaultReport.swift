import COSE
import HostSupport
import Vault

extension Report {
  /// What `vault info` tells.
  init(_ vault: Vault) throws {
    let modules = try vault.contents().map { module in
      Value.group([
        Field("name", .text(module.name)),
        Field(
          "epoch",
          .list(
            module.epochs.map { epoch in
              .group([
                Field("number", .number(epoch.number)), Field("created", .time(epoch.createdAt)),
                Field("grants", .number(epoch.grantCount)),
              ])
            })),
      ])
    }
    self.init([
      Field("vaultKey", .hexadecimal(try COSEKey.thumbprint(x25519: vault.vaultKey))), Field("module", .list(modules)),
    ])
  }
}
