import CBOR
import COSE
import Cryptography
import Foundation
import TestSupport
import Testing

/// The examples of the COSE working group that are COSE_Sign1 with EdDSA on Ed25519, or ES256 on P-256.
@Suite("COSE working group examples", .enabled(if: vectorsAvailable, "the public test vectors are not on this machine"))
struct Sign1VectorTests {
  private struct Example: Decodable {
    let title: String
    let fail: Bool?
    let input: Input
    let output: Output

    struct Input: Decodable {
      let plaintext: String
      let sign0: Sign0?
    }

    struct Sign0: Decodable {
      let key: Key
      let alg: String
      let external: String?
      let protected: Headers?
    }

    struct Headers: Decodable {
      let alg: String?
    }

    struct Key: Decodable {
      let crv: String
      let x: String?
      let y: String?
      let x_hex: String?
    }

    struct Output: Decodable {
      let cbor: String
    }
  }

  @Test("each verifies or fails as it says", arguments: ["sign1-tests", "eddsa-examples", "ecdsa-examples"])
  func examples(_ folder: String) throws {
    let path = vectorFolder.appending(path: "cose/\(folder)").path
    let names = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".json") }
    var ran = 0
    for name in names.sorted() {
      let example = try vectors("cose/\(folder)/\(name)", as: Example.self)
      guard let sign0 = example.input.sign0, let key = try publicKey(sign0) else { continue }
      try check(example, sign0, key)
      ran += 1
    }
    #expect(ran > 0)
    recordVectorCount(set: "COSE \(folder)", ran: ran, of: names.count)
  }

  private func check(_ example: Example, _ sign0: Example.Sign0, _ key: PublicKey) throws {
    let encoded = bytes(fromHex: example.output.cbor)
    let externalAAD = bytes(fromHex: sign0.external ?? "")
    let title = Comment(rawValue: example.title)
    // An example without a tag is a COSE_Sign1 too, but Husk wants the tag.
    let isTagged = encoded[0] == 0xd2
    guard isTagged || example.fail != true else {
      #expect(throws: CBORError.self, title) { try parse(encoded) }
      return
    }
    if !isTagged { #expect(throws: CBORError.self, title) { try parse(encoded) } }

    let object = try parse(isTagged ? encoded : [0xd2] + encoded)
    if example.fail == true {
      #expect(throws: COSEError.signatureInvalid, title) {
        try object.verifySignature(with: key, externalAAD: externalAAD)
      }
    } else {
      #expect(Array(object.payload) == Array(example.input.plaintext.utf8), title)
      #expect(throws: Never.self, title) { try object.verifySignature(with: key, externalAAD: externalAAD) }
    }
    // All of them have an unprotected key identifier.
    #expect(throws: COSEError.unexpectedHeader, title) { try object.verify(with: key, type: nil) }
  }

  private func parse(_ encoded: [UInt8]) throws -> Sign1 {
    var reader = CBORReader(encoded)
    let object = try Sign1(&reader)
    try reader.finish()
    return object
  }

  /// Nil if Husk doesn't use its kind, or if the algorithm isn't in the protected header.
  private func publicKey(_ sign0: Example.Sign0) throws -> PublicKey? {
    guard sign0.protected?.alg != nil else { return nil }
    switch (sign0.key.crv, sign0.alg) {
    case ("Ed25519", "EdDSA"):
      let x = bytes(fromHex: try #require(sign0.key.x_hex))
      return try PublicKey(algorithm: .edDSA, bytes: x.span.bytes)
    case ("P-256", "ES256"):
      let point = try base64URL(try #require(sign0.key.x)) + base64URL(try #require(sign0.key.y))
      return try PublicKey(algorithm: .es256, bytes: point.span.bytes)
    default: return nil
    }
  }

  private func base64URL(_ text: String) throws -> [UInt8] {
    let padded = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
      .padding(toLength: (text.count + 3) / 4 * 4, withPad: "=", startingAt: 0)
    return Array(try #require(Data(base64Encoded: padded)))
  }
}
