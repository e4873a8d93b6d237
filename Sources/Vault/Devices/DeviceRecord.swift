import COSE
import Cryptography
import FoundationEssentials
import GRDB
public import HuskFormat

/// What the vault knows of a device.
public struct DeviceRecord: Equatable, Sendable {
  /// The vault's number for it: devices come in this order.
  public let row: Int64
  /// 32 bytes (SPEC 6.1).
  public let deviceID: [UInt8]
  public let status: DeviceStatus
  public let batch: String?
  /// Seconds since 1970.
  public let addedAt: UInt64
  /// The current identity.
  public let identity: StoredIdentity
  /// What only a holder of the vault key can have made.
  let seal: [UInt8]
}

/// What the vault keeps of an identity that was verified.
public struct StoredIdentity: Equatable, Sendable {
  let row: Int64
  /// X25519, 32 bytes.
  public let grantKey: [UInt8]
  public let keyEpoch: UInt64
  /// Of the device's secure storage: losing that re-keys it.
  public let generation: UInt64
  public let lifecycle: Lifecycle
  public let platform: Platform
  let platformRow: Int64
  /// Seconds since 1970.
  public let addedAt: UInt64
  let previous: Int64?
}

extension DeviceRecord {
  /// What the seal covers (SPEC 14.3) when the device is in a status.
  func sealedContent(as status: DeviceStatus) -> [UInt8] {
    SealedRecord.device(
      deviceID, status: status, batch: batch, grantKey: identity.grantKey, keyEpoch: identity.keyEpoch,
      generation: identity.generation, lifecycle: identity.lifecycle, platform: identity.platform)
  }

  /// Throws `foreignRecord` unless the record is as a holder of the vault key made it.
  func check(with key: VaultKey) throws(VaultError) {
    guard try key.isSealed(sealedContent(as: status), by: seal) else { throw .foreignRecord(.device) }
  }
}

extension DeviceRecord {
  /// All columns that a record takes; conditions and an order may follow.
  static let query = """
    SELECT devices.id, devices.device, devices.status, devices.added_at, devices.seal, batches.name AS batch,
      identities.id AS identity, identities.grant_key, identities.key_epoch, identities.generation, identities.lifecycle,
      identities.platform, identities.added_at AS identity_added_at, identities.previous,
      platforms.device_root, platforms.loader_root, platforms.loader, platforms.decryptor_root, platforms.decryptor
    FROM devices JOIN identities ON identities.id = devices.identity JOIN platforms ON platforms.id = platform
      LEFT JOIN batches ON batches.id = devices.batch
    """

  init(_ row: Row) throws {
    guard let status = DeviceStatus(rawValue: try row.rowID("status", in: .device)) else {
      throw VaultError.damaged(.device)
    }
    self.row = try row.rowID("id", in: .device)
    deviceID = try row.bytes("device", in: .device, count: COSEKey.thumbprintSize)
    self.status = status
    batch = try row.optionalText("batch", in: .device)
    addedAt = try row.number("added_at", in: .device)
    seal = try row.bytes("seal", in: .device, count: VaultKey.sealSize)
    identity = try StoredIdentity(row, id: "identity", addedAt: "identity_added_at")
  }
}

extension StoredIdentity {
  init(_ row: Row, id: String, addedAt: String) throws {
    guard let number = UInt16(exactly: try row.number("lifecycle", in: .identity)),
      let lifecycle = Lifecycle(rawValue: number)
    else { throw VaultError.damaged(.identity) }
    self.row = try row.rowID(id, in: .identity)
    grantKey = try row.bytes("grant_key", in: .identity, count: X25519PrivateKey.byteCount)
    keyEpoch = try row.number("key_epoch", in: .identity)
    generation = try row.number("generation", in: .identity)
    self.lifecycle = lifecycle
    platform = try Platform(row)
    platformRow = try row.rowID("platform", in: .identity)
    self.addedAt = try row.number(addedAt, in: .identity)
    previous = try row.optionalRowID("previous", in: .identity)
  }
}

extension Platform {
  init(_ row: Row) throws {
    deviceRoot = try row.bytes("device_root", in: .platform, count: 32)
    loaderRoot = try row.bytes("loader_root", in: .platform, count: 32)
    loader = try row.bytes("loader", in: .platform, count: 64)
    decryptorRoot = try row.bytes("decryptor_root", in: .platform, count: 32)
    decryptor = try row.bytes("decryptor", in: .platform, count: 64)
  }
}
