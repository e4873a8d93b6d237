import Cryptography
import TestSupport
import Testing

@Suite struct DigestTests {
  @Test("SHA-256 and SHA-512 of FIPS 180-4's example, and of nothing")
  func knownAnswers() throws {
    let abc = [UInt8]("abc".utf8)
    #expect(
      hex(try SHA256.hash(abc.span.bytes)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      hex(try SHA512.hash(abc.span.bytes))
        == "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f")
    #expect(hex(try SHA256.hash(RawSpan())) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  }

  @Test("a message in pieces has the digest of the whole")
  func incremental() throws {
    let message = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
    var sha256 = try SHA256()
    var sha512 = try SHA512()
    for start in stride(from: 0, to: 1000, by: 77) {
      let piece = message[start..<min(1000, start + 77)]
      try sha256.update(piece.span.bytes)
      try sha512.update(piece.span.bytes)
    }
    try sha256.update(RawSpan())
    let digest256 = try sha256.finalize()
    let digest512 = try sha512.finalize()
    #expect(digest256 == (try SHA256.hash(message.span.bytes)))
    #expect(digest512 == (try SHA512.hash(message.span.bytes)))
    #expect(digest256.count == SHA256.byteCount && digest512.count == SHA512.byteCount)
  }
}
