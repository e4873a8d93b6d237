import Cryptography
import SecretBytes
import Testing

@Suite struct HKDFTests {
  @Test("expanding gives any size up to 255 hashes, each a prefix of the longer ones")
  func sizes() throws {
    for hkdf in [HKDF.sha256, .sha512] {
      let key = try secret([UInt8](repeating: 3, count: hkdf.hashByteCount))
      let longest = try reveal(hkdf.expand(key, info: RawSpan(), byteCount: 255 * hkdf.hashByteCount))
      for count in [0, 1, hkdf.hashByteCount - 1, hkdf.hashByteCount, hkdf.hashByteCount + 1, 1000] {
        #expect(try reveal(hkdf.expand(key, info: RawSpan(), byteCount: count)) == [UInt8](longest.prefix(count)))
      }
      for count in [-1, 255 * hkdf.hashByteCount + 1, Int.max] {
        #expect(throws: CryptographyError.invalidLength) {
          _ = try hkdf.expand(secret([1]), info: RawSpan(), byteCount: count)
        }
      }
    }
  }

  @Test("info and salt matter, and empty ones are allowed")
  func inputs() throws {
    let hkdf = HKDF.sha256
    func derive(_ salt: [UInt8], _ material: [UInt8], _ info: [UInt8]) throws -> [UInt8] {
      reveal(
        try hkdf.derive(
          salt: salt.span.bytes, inputKeyMaterial: material.span.bytes, info: info.span.bytes, byteCount: 32))
    }
    let outputs = try [derive([], [], []), derive([1], [], []), derive([], [1], []), derive([], [], [1])]
    #expect(Set(outputs).count == outputs.count)
    // RFC 5869 section 2.2: no salt is as many zeros as the hash has bytes.
    #expect(try derive([UInt8](repeating: 0, count: 32), [], []) == outputs[0])
  }
}
