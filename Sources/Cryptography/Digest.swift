import CLibCrypto

/// SHA-256 (FIPS 180-4).
public struct SHA256: ~Copyable {
  /// The size of a digest.
  public static let byteCount = 32

  private var context: DigestContext

  /// The digest of a whole message.
  public static func hash(_ message: RawSpan) throws(CryptographyError) -> [UInt8] {
    try digest(message, Library.shared().sha256, byteCount: byteCount)
  }

  /// Starts a message that comes in pieces.
  public init() throws(CryptographyError) {
    context = try DigestContext(Library.shared().sha256)
  }

  /// Appends a piece of the message.
  public mutating func update(_ piece: RawSpan) throws(CryptographyError) {
    try context.update(piece)
  }

  /// The digest of the pieces so far; ends the message.
  public consuming func finalize() throws(CryptographyError) -> [UInt8] {
    try context.finalize(byteCount: Self.byteCount)
  }
}

/// SHA-512 (FIPS 180-4).
public struct SHA512: ~Copyable {
  /// The size of a digest.
  public static let byteCount = 64

  private var context: DigestContext

  /// The digest of a whole message.
  public static func hash(_ message: RawSpan) throws(CryptographyError) -> [UInt8] {
    try digest(message, Library.shared().sha512, byteCount: byteCount)
  }

  /// Starts a message that comes in pieces.
  public init() throws(CryptographyError) {
    context = try DigestContext(Library.shared().sha512)
  }

  /// Appends a piece of the message.
  public mutating func update(_ piece: RawSpan) throws(CryptographyError) {
    try context.update(piece)
  }

  /// The digest of the pieces so far; ends the message.
  public consuming func finalize() throws(CryptographyError) -> [UInt8] {
    try context.finalize(byteCount: Self.byteCount)
  }
}

private func digest(
  _ message: RawSpan, _ algorithm: OpaquePointer, byteCount: Int
) throws(CryptographyError) -> [UInt8] {
  var digest = [UInt8](repeating: 0, count: byteCount)
  let status = message.withPointer { EVP_Digest($0, message.byteCount, &digest, nil, algorithm, nil) }
  try check(status, .digest)
  return digest
}

private struct DigestContext: ~Copyable {
  private let context: LibraryObject

  init(_ algorithm: OpaquePointer) throws(CryptographyError) {
    let context = try LibraryObject(EVP_MD_CTX_new(), freedBy: EVP_MD_CTX_free, .digest)
    try check(EVP_DigestInit_ex2(context.pointer, algorithm, nil), .digest)
    self.context = context
  }

  mutating func update(_ piece: RawSpan) throws(CryptographyError) {
    try check(piece.withPointer { EVP_DigestUpdate(context.pointer, $0, piece.byteCount) }, .digest)
  }

  mutating func finalize(byteCount: Int) throws(CryptographyError) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: byteCount)
    try check(EVP_DigestFinal_ex(context.pointer, &digest, nil), .digest)
    return digest
  }
}
