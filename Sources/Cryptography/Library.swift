import CLibCrypto
import CLinux

/// Readies libcrypto. Every operation of this module does so by itself; a program that must fail early calls it first.
///
/// libcrypto is told not to read `openssl.cnf` before anything else is asked of it: the file can name code to load.
public func initializeCryptography() throws(CryptographyError) {
  _ = try Library.shared()
}

/// Where libcrypto keeps its objects, among them its copies of keys and what it derives from them.
public struct LibraryHeap: Sendable {
  /// They lie on a heap of Husk's, whose pages are left out of core dumps and wiped when they are freed.
  public let isProtected: Bool
  /// The kernel agreed to keep all of it in RAM, in this process or in the one that it was forked from.
  public let isLocked: Bool

  /// Readies libcrypto, if it isn't yet, and looks.
  public static func current() throws(CryptographyError) -> LibraryHeap {
    let library = try Library.shared()
    let usage = secret_heap_get_usage()
    return LibraryHeap(
      isProtected: library.hasProtectedHeap, isLocked: library.hasProtectedHeap && usage.locked == usage.mapped)
  }
}

/// What libcrypto provides, looked up once: a lookup takes locks and costs more than hashing a short message.
///
/// Getting hold of it is the only way to the algorithms, so nothing happens in libcrypto before its initialisation.
struct Library {
  let hasProtectedHeap: Bool
  let sha256: OpaquePointer
  let sha512: OpaquePointer
  /// An `EVP_MAC_CTX` to duplicate, HMAC with its digest set but no key.
  let hmacSHA256: OpaquePointer
  let hmacSHA512: OpaquePointer
  let aes256GCM: OpaquePointer
  let chaCha20Poly1305: OpaquePointer

  static func shared() throws(CryptographyError) -> Library {
    guard let library = loaded else { throw .libraryFailure(.initialization) }
    return library
  }

  // Never freed, never changed: libcrypto lets any number of threads use it.
  nonisolated(unsafe) private static let loaded = Library()

  private init?() {
    // Refused once libcrypto has allocated anything: somebody else uses it in this process, before Husk does.
    hasProtectedHeap =
      CRYPTO_set_mem_functions(
        { size, _, _ in secret_heap_allocate(size) },
        { bytes, size, _, _ in secret_heap_reallocate(bytes, size) },
        { bytes, _, _ in secret_heap_free(bytes) }) == 1
    // No clean-up at exit either: other threads may still be at work then.
    let options = UInt64(OPENSSL_INIT_NO_LOAD_CONFIG) | UInt64(OPENSSL_INIT_NO_ATEXIT)
    guard OPENSSL_init_crypto(options, nil) == 1,
      let sha256 = EVP_MD_fetch(nil, cString("SHA256"), nil),
      let sha512 = EVP_MD_fetch(nil, cString("SHA512"), nil),
      let hmacSHA256 = Self.hmac(digest: "SHA256"),
      let hmacSHA512 = Self.hmac(digest: "SHA512"),
      let aes256GCM = EVP_CIPHER_fetch(nil, cString("AES-256-GCM"), nil),
      let chaCha20Poly1305 = EVP_CIPHER_fetch(nil, cString("ChaCha20-Poly1305"), nil)
    else {
      ERR_clear_error()
      return nil
    }
    self.sha256 = sha256
    self.sha512 = sha512
    self.hmacSHA256 = hmacSHA256
    self.hmacSHA512 = hmacSHA512
    self.aes256GCM = aes256GCM
    self.chaCha20Poly1305 = chaCha20Poly1305
  }

  private static func hmac(digest: StaticString) -> OpaquePointer? {
    guard let mac = EVP_MAC_fetch(nil, cString("HMAC"), nil) else { return nil }
    defer { EVP_MAC_free(mac) }
    guard let context = EVP_MAC_CTX_new(mac) else { return nil }
    let parameters = [
      OSSL_PARAM_construct_utf8_string(cString("digest"), UnsafeMutablePointer(mutating: cString(digest)), 0),
      OSSL_PARAM_construct_end(),
    ]
    guard EVP_MAC_CTX_set_params(context, parameters) == 1 else {
      EVP_MAC_CTX_free(context)
      return nil
    }
    return context
  }
}

/// Throws, with libcrypto's error queue emptied, unless a call returned 1, its one word for success.
func check(_ status: Int32, _ operation: CryptographyError.Operation) throws(CryptographyError) {
  guard status == 1 else { throw failure(.libraryFailure(operation)) }
}

/// Empties libcrypto's error queue before an error is thrown: a later, unrelated call would find it there.
func failure(_ error: CryptographyError) -> CryptographyError {
  ERR_clear_error()
  return error
}
