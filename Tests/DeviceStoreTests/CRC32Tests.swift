import CZlib
import DeviceStore
import TestSupport
import Testing

@Suite("The checksum of control files")
struct CRC32Tests {
  @Test("is gzip's: the check value of RFC 1952's polynomial, and nothing for nothing")
  func knownAnswers() {
    #expect(CRC32.checksum(Array("123456789".utf8)) == 0xcbf4_3926)
    #expect(CRC32.checksum([]) == 0)
    #expect(CRC32.checksum([0]) == 0xd202_ef8d)
  }

  @Test("is zlib's, for a thousand inputs")
  func zlib() {
    var generator = SeededGenerator(seed: 1952)
    for count in 0..<1000 {
      let bytes = (0..<count % 300).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let expected = crc32(0, bytes, UInt32(bytes.count))
      #expect(UInt(CRC32.checksum(bytes)) == expected)
    }
  }
}
