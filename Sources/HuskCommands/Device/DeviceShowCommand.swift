import ArgumentParser
import COSE
import HostSupport
import HuskFormat
import Vault

struct DeviceShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Tell everything about one device.",
    discussion: """
      With -o the device's identity is written to a file, as it was presented.

      Example: husk device show acme.vault 3f08a1
      """)

  @OptionGroup var vault: VaultArgument

  @Argument(help: ArgumentHelp("The device's id, or how it begins.", valueName: "digits"))
  var device: String

  @Option(name: .shortAndLong, help: ArgumentHelp("Write the current identity here.", valueName: "file"))
  var output: String?

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let store = try about(vault.path) { try Vault(vault.path, isReadOnly: true) }
    let record = try about(vault.path) { try store.device(device) }
    if let output {
      try writeFile(output, [about(vault.path) { try store.identityFile(of: record) }])
    } else {
      try about(vault.path) { try Report(record, of: store) }.print(asJSON: json)
    }
  }
}

extension Report {
  /// What `device show` tells.
  init(_ device: DeviceRecord, of vault: Vault) throws {
    let changes = try vault.statusChanges(of: device).map { change in
      Value.group([
        Field("from", .text(change.from.name)), Field("to", .text(change.to.name)), Field("at", .time(change.at)),
        Field("who", .text(change.who)), Field("why", .text(change.why)),
      ])
    }
    let former = try vault.formerIdentities(of: device)
    let grants = try vault.grants(of: device).map { grant in
      Value.group([
        Field("module", .text(grant.module.text)), Field("keyEpoch", .number(grant.epoch)),
        Field("sequence", .number(grant.sequence)), Field("issued", .time(grant.issuedAt)),
        Field("forCurrentKey", .flag(grant.isForCurrentKey)),
      ])
    }
    self.init([
      Field("device", .hexadecimal(device.deviceID)),
      Field("status", .text(device.status.name)),
      device.batch.map { Field("batch", .text($0)) },
      Field("tags", .list(try vault.tags(of: device).map { .text($0) })),
      Field("added", .time(device.addedAt)),
      Field("identity", .group(try Self.fields(of: device.identity))),
      former.isEmpty ? nil : Field("formerIdentity", .list(try former.map { .group(try Self.fields(of: $0)) })),
      changes.isEmpty ? nil : Field("statusChange", .list(changes)),
      grants.isEmpty ? nil : Field("grant", .list(grants)),
    ])
  }

  private static func fields(of identity: StoredIdentity) throws -> [Field] {
    [
      Field("added", .time(identity.addedAt)),
      Field("lifecycle", .text("\(identity.lifecycle.name)")),
      Field("keyEpoch", .number(identity.keyEpoch)),
      Field("generation", .number(identity.generation)),
      Field("grantKey", .hexadecimal(try COSEKey.thumbprint(x25519: identity.grantKey))),
      Field("deviceRoot", .hexadecimal(identity.platform.deviceRoot)),
      Field("bootRoot", .hexadecimal(identity.platform.decryptorRoot)),
      Field("loader", .hexadecimal(identity.platform.loader)),
      Field("decryptor", .hexadecimal(identity.platform.decryptor)),
    ]
  }
}
