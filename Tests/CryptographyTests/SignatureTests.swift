import Cryptography
import SecretBytes
import TestSupport
import Testing

@Suite struct SignatureTests {
  private let message = [UInt8]("to whom it may concern".utf8)

  @Test("a signature verifies with its own key and message only", arguments: [SignatureAlgorithm.edDSA, .es256])
  func signsAndVerifies(algorithm: SignatureAlgorithm) throws {
    let key = try SigningKey.generate(algorithm)
    let publicKey = try key.publicKey()
    #expect(publicKey.algorithm == algorithm)
    #expect(publicKey.bytes.count == algorithm.publicKeyByteCount)
    for message in [message, [], [UInt8](repeating: 1, count: 100_000)] {
      let signature = try key.signature(of: message)
      #expect(signature.count == SignatureAlgorithm.signatureByteCount)
      try publicKey.verify(signature, message)
      expectRefusal(publicKey, signature, message + [0])
      for bit in 0..<512 { expectRefusal(publicKey, signature.flipping(bit: bit), message) }
      expectRefusal(publicKey, [UInt8](signature.dropLast()), message)
      expectRefusal(publicKey, signature + [0], message)
      expectRefusal(publicKey, [], message)
    }
    let other = try SigningKey.generate(algorithm).publicKey()
    #expect(other != publicKey)
    expectRefusal(other, try key.signature(of: message), message)
  }

  @Test("a seed gives the Ed25519 key and signature of RFC 8032, test 2")
  func knownSeed() throws {
    let seed = try secret(bytes(fromHex: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    let key = try SigningKey(ed25519Seed: seed)
    #expect(
      hex(try key.publicKey().bytes) == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    #expect(
      hex(try key.signature(of: [0x72]))
        == "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
  }

  @Test("seeds and public keys of the wrong size are refused", arguments: [0, 31, 33, 63, 65])
  func checksSizes(count: Int) throws {
    let bytes = [UInt8](repeating: 1, count: count)
    #expect(throws: CryptographyError.invalidLength) { _ = try SigningKey(ed25519Seed: secret(bytes)) }
    #expect(throws: CryptographyError.invalidLength) { try PublicKey(.edDSA, bytes) }
    #expect(throws: CryptographyError.invalidLength) { try PublicKey(.es256, bytes) }
  }

  @Test("a point that is not on P-256 is no key")
  func refusesPointsOffTheCurve() throws {
    let point = try SigningKey.generate(.es256).publicKey().bytes
    #expect(throws: CryptographyError.invalidKey) { try PublicKey(.es256, point.flipping(bit: 511)) }
    #expect(throws: CryptographyError.invalidKey) { try PublicKey(.es256, [UInt8](repeating: 0, count: 64)) }
    #expect(throws: CryptographyError.invalidKey) { try PublicKey(.es256, [UInt8](repeating: 0xff, count: 64)) }
  }

  private func expectRefusal(
    _ key: PublicKey, _ signature: [UInt8], _ message: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(throws: CryptographyError.invalidSignature, sourceLocation: sourceLocation) {
      try key.verify(signature, message)
    }
  }
}
