import CBOR
import ErrorClass
import FormatFixtures
import HuskFormat
import TestSupport
import Testing

/// SPEC 1.2.
@Suite("Files and their labels")
struct FileTests {
  @Test(
    "begin as SPEC 1.2 says",
    arguments: [
      (FileLabel.package, "d9d9f8da4875735043424f52"), (.grant, "d9d9f7da48757347"), (.chain, "d9d9f7da48757343"),
      (.identity, "d9d9f7da48757349"), (.fuses, "d9d9f7da48757346"),
    ])
  func labels(_ label: FileLabel, _ expected: String) throws {
    let encoded = RawMap.item { label.encode(to: &$0) }
    #expect(hex(encoded) == expected)
    #expect(FileLabel.detect(encoded) == label)
    for other in FileLabel.allCases {
      var reader = CBORReader(encoded)
      let refused = refusal { () throws(FormatError) in try other.read(&reader) }
      #expect(refused == (other == label ? nil : .malformed))
    }
    for bit in 0..<encoded.count * 8 {
      var changed = encoded
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      // One bit apart from another label is possible, but not from this one.
      #expect(FileLabel.detect(changed) != label)
    }
    for length in encoded.indices { #expect(FileLabel.detect(Array(encoded[..<length])) == nil) }
  }

  @Test("aren't of another kind than the label says")
  func exchanged() throws {
    let grant = try GrantFixture().file()
    var asIdentity = grant
    asIdentity[7] = 0x49
    #expect(refusal { () throws(FormatError) in _ = try GrantFile(grant) } == nil)
    for file in [asIdentity, try PackageFixture.module().file(), Array(grant.dropFirst(8)), []] {
      #expect(refusal { () throws(FormatError) in _ = try GrantFile(file) } == .malformed)
    }
  }

  private func chainFile() throws -> [UInt8] {
    var encoder = CBOREncoder()
    FileLabel.chain.encode(to: &encoder)
    encoder.encode(encoded: try ChainFixture.module.encoded())
    return encoder.bytes
  }

  @Test("of chains hold one chain and nothing else")
  func chains() throws {
    let file = try chainFile()
    #expect(try CertificateChain(file: file).root == TestKey.bootRoot.publicKey)
    #expect(refusal { () throws(FormatError) in _ = try CertificateChain(file: file + [0]) } == .malformed)
    let bare = Array(file.dropFirst(8))
    #expect(refusal { () throws(FormatError) in _ = try CertificateChain(file: bare) } == .malformed)
    #expect(try CertificateChain(encoded: bare).certificates.count == 2)
    #expect(refusal { () throws(FormatError) in _ = try CertificateChain(encoded: bare + [0]) } == .malformed)
  }

  @Test("have limits, and reach up to them")
  func limits() throws {
    func outcome(_ count: Int, _ parse: ([UInt8]) throws(FormatError) -> Void) -> ErrorClass? {
      refusal { () throws(FormatError) in try parse([UInt8](repeating: 0, count: count)) }
    }
    let grant = { (bytes: [UInt8]) throws(FormatError) in _ = try GrantFile(bytes) }
    let identity = { (bytes: [UInt8]) throws(FormatError) in _ = try IdentityFile(bytes) }
    let chain = { (bytes: [UInt8]) throws(FormatError) in _ = try CertificateChain(file: bytes) }
    for parse in [grant, identity, chain] {
      #expect(outcome(65_536, parse) == .malformed)
      #expect(outcome(65_537, parse) == .limitExceeded)
    }
  }
}
