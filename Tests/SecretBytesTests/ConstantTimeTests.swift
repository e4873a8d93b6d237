import SecretBytes
import Testing

@Suite struct ConstantTimeTests {
  @Test("equal bytes are equal", arguments: [0, 1, 32, 1000])
  func equal(count: Int) throws {
    let bytes = [UInt8](repeating: 7, count: count)
    let copy = bytes
    #expect(areEqual(bytes, copy))
    let left = TestSecret(try SecretBytes(copying: bytes.span.bytes))
    let right = TestSecret(try SecretBytes(copying: bytes.span.bytes))
    #expect(left.equals(right))
  }

  @Test("one different bit anywhere is a difference")
  func oneBit() throws {
    let bytes = [UInt8](0..<32)
    let secret = TestSecret(try SecretBytes(copying: bytes.span.bytes))
    for position in 0..<(32 * 8) {
      var other = bytes
      other[position / 8] ^= 1 << UInt8(position % 8)
      #expect(!areEqual(bytes, other))
      let otherSecret = TestSecret(try SecretBytes(copying: other.span.bytes))
      #expect(!secret.equals(otherSecret))
    }
  }

  @Test("a prefix is not equal to the whole")
  func lengths() throws {
    let whole: [UInt8] = [0, 0, 0]
    let prefix: [UInt8] = [0, 0]
    #expect(!areEqual(whole, prefix))
    #expect(!areEqual(prefix, whole))
    let wholeSecret = TestSecret(try SecretBytes(copying: whole.span.bytes))
    let prefixSecret = TestSecret(try SecretBytes(copying: prefix.span.bytes))
    #expect(!wholeSecret.equals(prefixSecret))
  }
}

private func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
  constantTimeEquals(a.span.bytes, b.span.bytes)
}
