import CBOR
import COSE
import Cryptography
import HostSupport
import HuskFormat

/// One record of an export (SPEC 14.7).
enum ExportRecord {
  case vault(id: [UInt8], at: UInt64)
  case device(Device)
  case series(number: UInt64, terms: [UInt8], chain: [UInt8])
  case grant(Grant)
  case event(record: [UInt8], hash: [UInt8])
  /// A COSE_Sign1 of ``ExportedContentKey``.
  case contentKey([UInt8])
  /// A COSE_Sign1 of ``ExportSignature``.
  case signature([UInt8])
  /// SHA-256 of everything before this record.
  case end(digest: [UInt8])

  struct Device {
    /// Identity files, the current one last.
    var identities: [[UInt8]]
    var status: DeviceStatus
    var batch: String?
    var tags: [String]
  }

  struct Grant {
    var deviceID: [UInt8]
    /// That it was wrapped to.
    var grantKey: [UInt8]
    var series: UInt64
    var sequence: UInt64
    /// The grant itself, where the vault keeps it.
    var record: [UInt8]?

    /// Whether the record is of this grant, as far as it says.
    fileprivate func hasOwnRecord() -> Bool {
      guard let bytes = record, let record = GrantRecord(bytes[...]),
        let thumbprint = try? COSEKey.thumbprint(x25519: grantKey)
      else { return false }
      return record.deviceID.elementsEqual(deviceID) && record.sequence == sequence
        && record.grantKeyThumbprint.elementsEqual(thumbprint)
    }
  }

  /// How many identities of a device are exported at most: the latest.
  static let mostIdentities = 16
  /// No record is longer, in bytes.
  static let longest = (mostIdentities + 1) * Limits.identity
}

extension ExportRecord {
  private enum Kind {
    static let end: UInt64 = 0
    static let vault: UInt64 = 1
    static let device: UInt64 = 2
    static let series: UInt64 = 3
    static let grant: UInt64 = 4
    static let event: UInt64 = 5
    static let contentKey: UInt64 = 6
    static let signature: UInt64 = 7
  }

  /// Whether it tells whose export this is.
  var isVault: Bool {
    if case .vault = self { true } else { false }
  }

  var encoded: [UInt8] {
    var encoder = CBOREncoder()
    switch self {
    case .end(let digest):
      encoder.begin(Kind.end, 1)
      encoder.encode(bytes: digest)
    case .vault(let id, let at):
      encoder.begin(Kind.vault, 2)
      encoder.encode(bytes: id)
      encoder.encode(unsigned: at)
    case .device(let device):
      encoder.begin(Kind.device, 4)
      encoder.beginArray(device.identities.count)
      for identity in device.identities { encoder.encode(bytes: identity) }
      encoder.encode(unsigned: UInt64(device.status.rawValue))
      if let batch = device.batch { encoder.encode(string: batch) } else { encoder.encodeNull() }
      encoder.beginArray(device.tags.count)
      for tag in device.tags { encoder.encode(string: tag) }
    case .series(let number, let terms, let chain):
      encoder.begin(Kind.series, 3)
      encoder.encode(unsigned: number)
      encoder.encode(bytes: terms)
      encoder.encode(bytes: chain)
    case .grant(let grant):
      encoder.begin(Kind.grant, 5)
      encoder.encode(bytes: grant.deviceID)
      encoder.encode(bytes: grant.grantKey)
      encoder.encode(unsigned: grant.series)
      encoder.encode(unsigned: grant.sequence)
      if let record = grant.record { encoder.encode(bytes: record) } else { encoder.encodeNull() }
    case .event(let record, let hash):
      encoder.begin(Kind.event, 2)
      encoder.encode(bytes: record)
      encoder.encode(bytes: hash)
    case .contentKey(let object):
      encoder.begin(Kind.contentKey, 1)
      encoder.encode(encoded: object)
    case .signature(let object):
      encoder.begin(Kind.signature, 1)
      encoder.encode(encoded: object)
    }
    return encoder.bytes
  }

  /// Nil for what isn't a record.
  init?(_ item: [UInt8]) {
    do throws(CBORError) {
      var reader = CBORReader(item)
      let count = try reader.readArrayHeader()
      switch (try reader.readUnsigned(), count) {
      case (Kind.end, 2): self = .end(digest: Array(try reader.readBytes(count: SHA256.byteCount)))
      case (Kind.vault, 3): self = .vault(id: Array(try reader.readBytes(count: 16)), at: try reader.readCount())
      case (Kind.device, 5):
        var identities: [[UInt8]] = []
        for _ in 0..<(try reader.readArrayHeader(atMost: Self.mostIdentities)) {
          identities.append(Array(try reader.readBytes(atMost: Limits.identity)))
        }
        guard let number = Int64(exactly: try reader.readCount()), let status = DeviceStatus(rawValue: number) else {
          return nil
        }
        let batch = reader.nextIsNull ? nil : try reader.readLabel()
        if batch == nil { try reader.readNull() }
        var tags: [String] = []
        for _ in 0..<(try reader.readArrayHeader(atMost: 1000)) { tags.append(try reader.readLabel()) }
        guard !identities.isEmpty else { return nil }
        self = .device(Device(identities: identities, status: status, batch: batch, tags: tags))
      case (Kind.series, 4):
        self = .series(
          number: try reader.readCount(), terms: Array(try reader.readBytes()), chain: Array(try reader.readBytes()))
      case (Kind.grant, 6):
        var grant = Grant(
          deviceID: Array(try reader.readBytes(count: 32)), grantKey: Array(try reader.readBytes(count: 32)),
          series: try reader.readCount(), sequence: try reader.readCount())
        if reader.nextIsNull {
          try reader.readNull()
        } else {
          grant.record = Array(try reader.readBytes(count: GrantRecord.size))
          guard grant.hasOwnRecord() else { return nil }
        }
        self = .grant(grant)
      case (Kind.event, 3):
        self = .event(record: Array(try reader.readBytes()), hash: Array(try reader.readBytes(count: 32)))
      case (Kind.contentKey, 2): self = .contentKey(Array(try reader.skipItem()))
      case (Kind.signature, 2): self = .signature(Array(try reader.skipItem()))
      default: return nil
      }
      try reader.finish()
    } catch {
      return nil
    }
  }
}

extension CBOREncoder {
  /// A record of a kind, with so many members besides.
  fileprivate mutating func begin(_ kind: UInt64, _ members: Int) {
    beginArray(members + 1)
    encode(unsigned: kind)
  }
}

extension CBORReader {
  /// The name of a batch or tag.
  fileprivate mutating func readLabel() throws(CBORError) -> String {
    let start = position
    let name = String(decoding: try readText(atMost: DeviceLabel.longest), as: UTF8.self)
    guard DeviceLabel.isAllowed(name) else { throw CBORError(.outOfRange, at: start) }
    return name
  }
}
