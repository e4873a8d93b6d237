public import CBOR
import COSE
public import Cryptography
import ErrorClass

/// What a certificate says (SPEC 3.1): a key, and what it may sign.
public struct CertificateClaims: Equatable, Sendable {
  /// Whom it names, for people: UTF-8 text of 1 to 64 bytes.
  public var subject: [UInt8]
  /// Seconds since 1970.
  public var notAfter: UInt64?
  /// Seconds since 1970.
  public var notBefore: UInt64?
  /// Seconds since 1970.
  public var issuedAt: UInt64
  public var key: PublicKey
  /// In ascending order of their bytes, without duplicates.
  public var roles: [Role]
  public var scope: Scope
  /// How many further certificates may follow in a chain.
  public var depth: Int

  public static let type: StaticString = "application/husk-certificate+cwt"
  /// The greatest depth that a certificate can have: the root's is one more.
  static let maximumDepth = Limits.certificates - 1

  public init(
    subject: [UInt8], notAfter: UInt64?, notBefore: UInt64?, issuedAt: UInt64, key: PublicKey, roles: [Role],
    scope: Scope, depth: Int
  ) {
    self.subject = subject
    self.notAfter = notAfter
    self.notBefore = notBefore
    self.issuedAt = issuedAt
    self.key = key
    self.roles = roles
    self.scope = scope
    self.depth = depth
  }

  /// Parses a certificate's payload; `part` names it in errors.
  init(parsing payload: ArraySlice<UInt8>, part: FormatError.Part) throws(FormatError) {
    var reader = CBORReader(payload)
    var subject: [UInt8]?
    var issuedAt: UInt64?
    var key: PublicKey?
    var roles: [Role]?
    var scope: Scope?
    var depth: Int?
    var map = try parsing(part) { () throws(CBORError) in try reader.readMap() }
    while let label = try parsing(part, { () throws(CBORError) in try reader.nextIntegerKey(&map) }) {
      switch label {
      case Label.subject: subject = try parsing(part) { () throws(CBORError) in try Self.readSubject(&reader) }
      case Label.notAfter: notAfter = try parsing(part) { () throws(CBORError) in try reader.readCount() }
      case Label.notBefore: notBefore = try parsing(part) { () throws(CBORError) in try reader.readCount() }
      case Label.issuedAt: issuedAt = try parsing(part) { () throws(CBORError) in try reader.readCount() }
      case Label.confirmation: key = try Self.readConfirmation(&reader, part)
      case Label.roles: roles = try parsing(part) { () throws(CBORError) in try Self.readRoles(&reader) }
      case Label.scope: scope = try parsing(part) { () throws(CBORError) in try Self.readScope(&reader) }
      case Label.depth: depth = try parsing(part) { () throws(CBORError) in try Self.readDepth(&reader) }
      default: throw FormatError(CBORError(.unknownKey, at: reader.position), in: part)
      }
    }
    try parsing(part) { () throws(CBORError) in try reader.finish() }
    let start = payload.startIndex
    self.subject = try require(subject, in: part, at: start)
    self.issuedAt = try require(issuedAt, in: part, at: start)
    self.key = try require(key, in: part, at: start)
    self.roles = try require(roles, in: part, at: start)
    self.scope = try require(scope, in: part, at: start)
    self.depth = try require(depth, in: part, at: start)
  }

  /// Encodes the payload of a certificate.
  public func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.encodeMap { map in
      // Readers refuse a subject that isn't UTF-8, so one that isn't is left out here and the certificate is useless.
      map.set(Label.subject) { item in
        do throws(CBORError) { try item.encode(textUTF8: subject) } catch { item.encodeNull() }
      }
      if let notAfter { map.set(Label.notAfter) { $0.encode(unsigned: notAfter) } }
      if let notBefore { map.set(Label.notBefore) { $0.encode(unsigned: notBefore) } }
      map.set(Label.issuedAt) { $0.encode(unsigned: issuedAt) }
      map.set(Label.confirmation) { item in
        item.encodeMap { map in map.set(Label.confirmationKey) { $0.encode(encoded: COSEKey.encode(key)) } }
      }
      map.set(Label.roles) { item in
        item.beginArray(roles.count)
        for role in roles { role.encode(to: &item) }
      }
      map.set(Label.scope) { $0.encode(ascii: scope.bytes) }
      map.set(Label.depth) { $0.encode(unsigned: UInt64(depth)) }
    }
    return encoder.bytes
  }
}

extension CBOREncoder {
  /// Text that is known to be ASCII: names, scopes, roles.
  public mutating func encode(ascii text: [UInt8]) {
    do throws(CBORError) { try encode(textUTF8: text) } catch { encodeNull() }
  }
}

extension Name {
  public func encode(to encoder: inout CBOREncoder) {
    encoder.encode(ascii: bytes)
  }
}

extension Role {
  public func encode(to encoder: inout CBOREncoder) {
    encoder.encode(ascii: bytes)
  }
}

extension CertificateClaims {
  private enum Label {
    static let subject: Int64 = 2
    static let notAfter: Int64 = 4
    static let notBefore: Int64 = 5
    static let issuedAt: Int64 = 6
    static let confirmation: Int64 = 8
    static let confirmationKey: Int64 = 1
    static let roles: Int64 = -70001
    static let scope: Int64 = -70002
    static let depth: Int64 = -70003
  }

  private static func readSubject(_ reader: inout CBORReader) throws(CBORError) -> [UInt8] {
    let start = reader.position
    let text = try reader.readText()
    guard (1...Limits.subjectSize).contains(text.count) else { throw CBORError(.outOfRange, at: start) }
    return Array(text)
  }

  private static func readConfirmation(
    _ reader: inout CBORReader, _ part: FormatError.Part
  ) throws(FormatError) -> PublicKey {
    let start = reader.position
    var map = try parsing(part) { () throws(CBORError) in try reader.readMap() }
    guard map.remaining == 1,
      try parsing(part, { () throws(CBORError) in try reader.nextIntegerKey(&map) }) == Label.confirmationKey
    else {
      throw FormatError(.malformed, in: part, at: start)
    }
    let keyStart = reader.position
    do throws(COSEError) {
      return try COSEKey.readSigningKey(&reader)
    } catch {
      throw FormatError(error, in: part, startingAt: keyStart)
    }
  }

  private static func readRoles(_ reader: inout CBORReader) throws(CBORError) -> [Role] {
    let start = reader.position
    let count = try reader.readArrayHeader(atMost: Limits.roles)
    guard count >= 1 else { throw CBORError(.outOfRange, at: start) }
    var roles: [Role] = []
    for _ in 0..<count {
      let start = reader.position
      guard let role = Role(try reader.readText()) else {
        throw CBORError(.outOfRange, at: start)
      }
      if let last = roles.last, !last.bytes.lexicographicallyPrecedes(role.bytes) {
        throw CBORError(.nonCanonical, at: start)
      }
      roles.append(role)
    }
    return roles
  }

  private static func readScope(_ reader: inout CBORReader) throws(CBORError) -> Scope {
    let start = reader.position
    guard let scope = Scope(try reader.readText()) else {
      throw CBORError(.outOfRange, at: start)
    }
    return scope
  }

  private static func readDepth(_ reader: inout CBORReader) throws(CBORError) -> Int {
    let start = reader.position
    guard let depth = Int(exactly: try reader.readUnsigned()), depth <= maximumDepth else {
      throw CBORError(.outOfRange, at: start)
    }
    return depth
  }
}
