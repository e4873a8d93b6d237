import CBOR
import COSE
import Cryptography
import DICE
import FormatFixtures
import HuskFormat
import Testing

@Suite("DICE certificates")
struct DICECertificateTests {
  private static let issuer = try? TestKey(DICE.signingKey(from: secret(named: "issuer")))
  private static let inputs = LayerFixture.inputs("stage", .bootLoader)

  private func issuer() throws -> TestKey { try #require(Self.issuer) }

  private func issue() throws -> [UInt8] {
    try DICECertificate.issue(
      inputs: Self.inputs, subject: DICE.signingKey(from: secret(named: "subject")),
      issuer: DICE.signingKey(from: secret(named: "issuer")))
  }

  /// A certificate with changed claims, signed anew.
  private func issue(
    type: StaticString? = nil, signer: TestKey? = nil, _ edit: Edit
  ) throws -> [UInt8] {
    var reader = CBORReader(try issue())
    let claims = Array(try Sign1(&reader).payload)
    return try (signer ?? issuer()).sign(edit(claims), type: type)
  }

  private func verify(_ encoded: [UInt8]) throws {
    var reader = CBORReader(encoded)
    let certificate = try DICECertificate(&reader)
    try reader.finish()
    try certificate.verify(issuerKey: issuer().publicKey)
  }

  @Test("one that is signed anew with the same claims verifies")
  func control() throws {
    try verify(issue())
    try verify(issue { $0 })
    #expect(try issue { $0 } == issue())
  }

  @Test("identifiers are 40 hexadecimal digits of a positive number")
  func identifiers() throws {
    var reader = CBORReader(try issue())
    let certificate = try DICECertificate(&reader)
    for identifier in [certificate.issuer, certificate.subject] {
      #expect(identifier.count == 40)
      #expect(identifier.allSatisfy { "0123456789abcdef".utf8.contains($0) })
      #expect(identifier[0] < UInt8(ascii: "8"))
    }
    #expect(certificate.issuer != certificate.subject)
  }

  private static let labels: [Int64] = [1, 2, -4_670_545, -4_670_548, -4_670_549, -4_670_551, -4_670_552, -4_670_553]
  static let breakages = Breakage.all(required: labels) + Breakage.values(of: labels)

  @Test("claims of another shape are refused", arguments: breakages)
  func broken(_ breakage: Breakage) throws {
    let certificate = try issue(breakage.edit)
    var reader = CBORReader(certificate)
    let error = #expect(throws: COSEError.self) { try DICECertificate(&reader) }
    guard case .malformed(let error) = error else { return }
    #expect(error.kind != .tooLarge, "no limit of SPEC 11 is concerned")
  }

  @Test("claims of another size or value are refused")
  func values() throws {
    func bytes(_ count: Int) -> [UInt8] { RawMap.item { $0.encode(bytes: [UInt8](repeating: 0, count: count)) } }
    let changes: [(Int64, [UInt8])] = [
      (-4_670_545, bytes(63)), (-4_670_545, bytes(65)), (-4_670_545, bytes(32)), (-4_670_548, bytes(0)),
      (-4_670_549, bytes(63)), (-4_670_551, bytes(0)), (-4_670_551, bytes(2)), (-4_670_551, [0x41, 4]),
      (-4_670_552, bytes(0)), (-4_670_552, bytes(32)), (-4_670_552, bytes(45)), (-4_670_552, bytes(200)),
      (1, [0x60]), (2, [0x61, 0x61]), (1, [0x78, 41] + [UInt8](repeating: 0x61, count: 41)),
    ]
    for (label, value) in changes {
      let certificate = try issue(editMap { $0.set(label, to: value) })
      var reader = CBORReader(certificate)
      #expect(throws: COSEError.self, "\(label): \(value)") { try DICECertificate(&reader) }
    }
  }

  @Test("names that aren't those of the keys, and a key that isn't for certificates, don't fit")
  func mismatch() throws {
    let name = RawMap.item { try? $0.encode(textUTF8: [UInt8](repeating: UInt8(ascii: "1"), count: 40)) }
    let changes: [(Int64, [UInt8])] = [(1, name), (2, name), (-4_670_553, [0x41, 0x80]), (-4_670_553, [0x40])]
    for (label, value) in changes {
      let certificate = try issue(editMap { $0.set(label, to: value) })
      #expect(throws: DICEError.claimsMismatch, "\(label)") { try verify(certificate) }
    }
    // Issuer and subject exchanged.
    let exchanged = try issue(
      editMap { map in
        let (one, other) = (map.entries[0].value, map.entries[1].value)
        map.entries[0].value = other
        map.entries[1].value = one
      })
    #expect(throws: DICEError.claimsMismatch) { try verify(exchanged) }
  }

  @Test("one by another key, or with a type, isn't the issuer's")
  func signature() throws {
    let stranger = try issue(signer: .stranger) { $0 }
    #expect(throws: DICEError.cose(.signatureInvalid)) { try verify(stranger) }
    let typed = try issue(type: "application/husk-device-key+cwt") { $0 }
    #expect(throws: DICEError.cose(.unexpectedType)) { try verify(typed) }
    let es256 = try issue(signer: TestKey(.es256)) { $0 }
    #expect(throws: DICEError.cose(.algorithmMismatch)) { try verify(es256) }
  }

  @Test("no bit of it can be changed, and nothing can be left out")
  func flips() throws {
    let encoded = try issue()
    for bit in 0..<encoded.count * 8 {
      var changed = encoded
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: (any Error).self, "bit \(bit)") { try verify(changed) }
    }
    for length in encoded.indices {
      #expect(throws: (any Error).self) { try verify(Array(encoded[..<length])) }
    }
  }
}
