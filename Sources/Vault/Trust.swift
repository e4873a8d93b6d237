import FoundationEssentials
import GRDB
import HuskFormat

/// Something that the vendor trusts in devices (SPEC 6.5, 14.3).
public struct Trust: Equatable, Sendable {
  public let kind: Kind
  /// The thumbprint of a root, 32 bytes; or the measurement of an image, 64.
  public let value: [UInt8]
  /// For people.
  public let label: String
  /// Seconds since 1970.
  public let addedAt: UInt64

  public enum Kind: Int64, CaseIterable, Sendable {
    /// Certifies silicon.
    case deviceRoot = 1
    /// Starts secure worlds.
    case bootRoot = 2
    /// A bootloader's image.
    case loader = 3
    /// A decryptor's image.
    case decryptor = 4

    /// The word in the log.
    var name: String {
      switch self {
      case .deviceRoot: "device-root"
      case .bootRoot: "boot-root"
      case .loader: "loader"
      case .decryptor: "decryptor"
      }
    }

    var valueSize: Int {
      switch self {
      case .deviceRoot, .bootRoot: 32
      case .loader, .decryptor: 64
      }
    }
  }
}

/// What devices of one silicon maker that run the same bootloader and decryptor have in common: what a vendor trusts
/// them for.
public struct Platform: Hashable, Sendable {
  /// Thumbprint of the root that certified the silicon.
  public var deviceRoot: [UInt8]
  /// Thumbprint of the boot root that the bootloader verified under.
  public var loaderRoot: [UInt8]
  /// SHA-512 of the bootloader's image.
  public var loader: [UInt8]
  public var decryptorRoot: [UInt8]
  public var decryptor: [UInt8]

  init(_ identity: Verified<DeviceIdentity>) {
    deviceRoot = identity.authority.root
    loaderRoot = identity.value.bootRoots[0]
    loader = identity.value.measurements[0]
    decryptorRoot = identity.value.bootRoots[1]
    decryptor = identity.value.measurements[1]
  }
}

/// All that a vault trusts, at one time.
public struct TrustSet: Equatable, Sendable {
  public let entries: [Trust]

  public func values(of kind: Trust.Kind) -> [[UInt8]] {
    entries.filter { $0.kind == kind }.map(\.value)
  }

  /// The first thing about a platform that isn't trusted; nil if all is.
  func missing(for platform: Platform) -> (kind: Trust.Kind, value: [UInt8])? {
    let needed: [(Trust.Kind, [UInt8])] = [
      (.deviceRoot, platform.deviceRoot), (.bootRoot, platform.loaderRoot), (.bootRoot, platform.decryptorRoot),
      (.loader, platform.loader), (.decryptor, platform.decryptor),
    ]
    return needed.first { kind, value in !entries.contains { $0.kind == kind && $0.value == value } }
  }
}

extension Vault {
  /// What the vault trusts; throws `foreignRecord` if an entry was not made with the vault key.
  public func trust(with key: VaultKey) throws(VaultError) -> TrustSet {
    let sealed = try read { try $0.sealedTrust() }
    return try TrustSet(sealed, with: key)
  }

  /// What the vault says it trusts, for showing to people: whoever can write the file can have written it.
  public func unverifiedTrust() throws(VaultError) -> [Trust] {
    try read { try $0.sealedTrust().map(\.trust) }
  }

  /// Trusts something. What is trusted already stays as it is.
  ///
  /// - Returns: how many entries are new.
  public func addTrust(
    _ entries: [(kind: Trust.Kind, value: [UInt8], label: String)], with key: VaultKey, on occasion: Occasion
  ) throws(VaultError) -> Int {
    var sealed: [Database.SealedTrust] = []
    for entry in entries {
      let trust = Trust(kind: entry.kind, value: entry.value, label: entry.label, addedAt: occasion.now)
      sealed.append(Database.SealedTrust(trust: trust, seal: try key.seal(trust.sealedContent)))
    }
    return try write(with: key) { database in
      var count = 0
      for entry in sealed where try database.insert(entry) {
        count += 1
        try database.append(
          .trusted,
          [
            Event.Detail("kind", .text(entry.trust.kind.name)),
            Event.Detail("value", .bytes(entry.trust.value)), Event.Detail("label", .text(entry.trust.label)),
          ], on: occasion)
      }
      return count
    }
  }

  /// Stops trusting what a beginning of hexadecimal digits names: devices that rest on it get no further grants.
  /// Returns what it was.
  public func removeTrust(named prefix: String, on occasion: Occasion) throws(VaultError) -> Trust {
    try write { database in
      let found = try database.sealedTrust().map(\.trust).filter { hexadecimal($0.value).hasPrefix(prefix) }
      guard let trust = found.first, !prefix.isEmpty else { throw VaultError.noSuchTrust(prefix) }
      guard found.count == 1 else { throw VaultError.ambiguousTrust(prefix) }
      try database.execute(
        sql: "DELETE FROM trust WHERE kind = ? AND value = ?", arguments: [trust.kind.rawValue, Data(trust.value)])
      try database.append(
        .distrusted,
        [
          Event.Detail("kind", .text(trust.kind.name)), Event.Detail("value", .bytes(trust.value)),
          Event.Detail("label", .text(trust.label)),
        ], on: occasion)
      return trust
    }
  }
}

extension Trust {
  /// What the seal covers (SPEC 14.3). The label is for people only.
  var sealedContent: [UInt8] { SealedRecord.trust(kind, value) }
}

extension TrustSet {
  /// Throws `foreignRecord` if an entry was not made with the vault key.
  init(_ sealed: [Database.SealedTrust], with key: VaultKey) throws(VaultError) {
    for entry in sealed {
      guard try key.isSealed(entry.trust.sealedContent, by: entry.seal) else { throw .foreignRecord(.trust) }
    }
    entries = sealed.map(\.trust)
  }
}

extension Database {
  struct SealedTrust {
    let trust: Trust
    let seal: [UInt8]
  }

  func sealedTrust() throws -> [SealedTrust] {
    try Row.fetchAll(self, sql: "SELECT * FROM trust ORDER BY kind, added_at, value").map { row in
      guard let kind = Trust.Kind(rawValue: try row.rowID("kind", in: .trust)) else { throw VaultError.damaged(.trust) }
      let trust = Trust(
        kind: kind, value: try row.bytes("value", in: .trust, count: kind.valueSize),
        label: try row.text("label", in: .trust), addedAt: try row.number("added_at", in: .trust))
      return SealedTrust(trust: trust, seal: try row.bytes("seal", in: .trust, count: VaultKey.sealSize))
    }
  }

  /// False if it is there already.
  func insert(_ entry: SealedTrust) throws -> Bool {
    try execute(
      sql: "INSERT OR IGNORE INTO trust (kind, value, label, added_at, seal) VALUES (?, ?, ?, ?, ?)",
      arguments: [
        entry.trust.kind.rawValue, Data(entry.trust.value), entry.trust.label, Int64(clamping: entry.trust.addedAt),
        Data(entry.seal),
      ])
    return changesCount == 1
  }
}

/// Lower-case digits.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
