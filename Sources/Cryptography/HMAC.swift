import CLibCrypto
import SecretBytes

/// A message authentication code under way (RFC 2104).
struct HMAC: ~Copyable {
  enum Hash {
    case sha256
    case sha512
  }

  private let context: LibraryObject

  init(_ hash: Hash, key: RawSpan) throws(CryptographyError) {
    let library = try Library.shared()
    let template = hash == .sha256 ? library.hmacSHA256 : library.hmacSHA512
    let context = try LibraryObject(EVP_MAC_CTX_dup(template), freedBy: EVP_MAC_CTX_free, .hmac)
    let pointer = context.pointer
    try check(key.withPointer { EVP_MAC_init(pointer, $0, key.byteCount, nil) }, .hmac)
    self.context = context
  }

  mutating func update(_ piece: RawSpan) throws(CryptographyError) {
    try check(piece.withPointer { EVP_MAC_update(context.pointer, $0, piece.byteCount) }, .hmac)
  }

  /// Writes the code to a secret of exactly its size.
  mutating func finalize(into code: inout SecretBytes) throws(CryptographyError) {
    var written = 0
    let size = code.count
    try check(code.withMutablePointer { EVP_MAC_final(context.pointer, $0, &written, size) }, .hmac)
  }

  /// Starts another message with another key: the context stays, which costs more to make than to use.
  mutating func restart(key: RawSpan) throws(CryptographyError) {
    try check(key.withPointer { EVP_MAC_init(context.pointer, $0, key.byteCount, nil) }, .hmac)
  }

  /// Starts another message with the same key.
  mutating func restart() throws(CryptographyError) {
    try check(EVP_MAC_init(context.pointer, nil, 0, nil), .hmac)
  }
}
