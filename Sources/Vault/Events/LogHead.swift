import CBOR
import COSE
public import Cryptography
public import HuskFormat

/// How far a vault's log had come at some time (SPEC 14.5). Signed and kept elsewhere, it shows if anything of the log
/// before it is missing or altered later.
public struct LogHead: Equatable, Sendable {
  /// Of the vault, 16 bytes.
  public let vaultID: [UInt8]
  /// How many events there were.
  public let count: UInt64
  /// Of the last event, 32 bytes.
  public let hash: [UInt8]
  /// Seconds since 1970.
  public let at: UInt64

  public static let type: StaticString = "application/husk-log-head+cbor"
  /// No file of a head is longer, in bytes.
  public static let longest = 1024

  init(vaultID: [UInt8], count: UInt64, hash: [UInt8], at: UInt64) {
    self.vaultID = vaultID
    self.count = count
    self.hash = hash
    self.at = at
  }

  /// Signs it; returns the file.
  public func signed(with key: borrowing SigningKey) throws(SignerError) -> [UInt8] {
    let object = try Sign1.sign(payload: payload, type: Self.type, with: key)
    var encoder = CBOREncoder()
    FileLabel.logHead.encode(to: &encoder)
    encoder.encode(encoded: object)
    return encoder.bytes
  }

  /// Reads a file and verifies it.
  public init(_ file: [UInt8], signedBy key: PublicKey) throws(FormatError) {
    let object = try Self.object(in: file)
    do throws(COSEError) {
      try object.verify(with: key, type: Self.type)
    } catch {
      throw FormatError(error, in: .logHead)
    }
    try self.init(parsing: object)
  }

  /// What a file claims, unverified: for showing to people.
  public init(unverified file: [UInt8]) throws(FormatError) {
    try self.init(parsing: Self.object(in: file))
  }
}

extension LogHead {
  private enum Label {
    static let vaultID: Int64 = 1
    static let count: Int64 = 2
    static let hash: Int64 = 3
    static let at: Int64 = 4
  }

  private var payload: [UInt8] {
    var encoder = CBOREncoder()
    encoder.encodeMap { map in
      map.set(Label.vaultID) { $0.encode(bytes: vaultID) }
      map.set(Label.count) { $0.encode(unsigned: count) }
      map.set(Label.hash) { $0.encode(bytes: hash) }
      map.set(Label.at) { $0.encode(unsigned: at) }
    }
    return encoder.bytes
  }

  private static func object(in file: [UInt8]) throws(FormatError) -> Sign1 {
    var reader = CBORReader(file)
    try FileLabel.logHead.read(&reader)
    do throws(CBORError) {
      let object = try Sign1(&reader)
      try reader.finish()
      return object
    } catch {
      throw FormatError(error, in: .logHead)
    }
  }

  private init(parsing object: Sign1) throws(FormatError) {
    do throws(CBORError) {
      var reader = CBORReader(object.payload)
      let start = reader.position
      var map = try reader.readMap()
      // Every member is required, so the order of labels is known.
      guard map.remaining == 4, try reader.nextIntegerKey(&map) == Label.vaultID else {
        throw CBORError(.unexpectedType, at: start)
      }
      vaultID = Array(try reader.readBytes(count: 16))
      guard try reader.nextIntegerKey(&map) == Label.count else { throw CBORError(.unexpectedType, at: start) }
      count = try reader.readCount()
      guard try reader.nextIntegerKey(&map) == Label.hash else { throw CBORError(.unexpectedType, at: start) }
      hash = Array(try reader.readBytes(count: SHA256.byteCount))
      guard try reader.nextIntegerKey(&map) == Label.at else { throw CBORError(.unexpectedType, at: start) }
      at = try reader.readCount()
      try reader.finish()
    } catch {
      throw FormatError(error, in: .logHead)
    }
  }
}

extension Vault {
  /// The log's head as it is now.
  ///
  /// - Parameter now: seconds since 1970.
  public func logHead(now: UInt64) throws(VaultError) -> LogHead {
    let (count, hash) = try read { try $0.logHead() }
    return LogHead(vaultID: id, count: count, hash: hash, at: now)
  }
}
