import Cryptography
import SecretBytes
import TestSupport
import Testing

/// Key files, and that `openssl` means the same by them.
@Suite struct PEMTests {
  private static let algorithms = [SignatureAlgorithm.edDSA, .es256]

  @Test("openssl reads our signing keys", arguments: algorithms)
  func opensslReadsSigningKeys(algorithm: SignatureAlgorithm) throws {
    let key = try SigningKey.generate(algorithm)
    let publicPEM = try key.publicKey().pem()
    #expect(try openssl("pkey", "-pubout", input: reveal(key.pem())) == publicPEM)
    #expect(try openssl("pkey", "-check", "-pubout", input: reveal(key.pem())) != nil)
    let encrypted = try reveal(key.pem(encryptedWith: secret("correct horse")))
    #expect(try openssl("pkey", "-passin", "pass:correct horse", "-pubout", input: encrypted) == publicPEM)
    #expect(try openssl("pkey", "-passin", "pass:wrong horse", "-pubout", input: encrypted) == nil)
    #expect(try openssl("pkey", "-pubin", "-pubout", input: publicPEM) == publicPEM)
  }

  @Test("openssl reads our X25519 keys")
  func opensslReadsX25519Keys() throws {
    let key = try X25519PrivateKey.generate()
    let publicPEM = try X25519PrivateKey.pem(publicKey: key.publicKey.span.bytes)
    #expect(try openssl("pkey", "-pubout", input: reveal(key.pem())) == publicPEM)
    let encrypted = try reveal(key.pem(encryptedWith: secret("correct horse")))
    #expect(try openssl("pkey", "-passin", "pass:correct horse", "-pubout", input: encrypted) == publicPEM)
    #expect(try openssl("pkey", "-pubin", "-pubout", input: publicPEM) == publicPEM)
  }

  @Test("we write the same bytes as openssl")
  func writesTheSame() throws {
    for options in [["ed25519"], ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]] {
      let pem = try #require(try generate(options))
      let key = try SigningKey(pem: secret(pem), passphrase: { nil })
      #expect(try reveal(key.pem()) == pem)
    }
    let pem = try #require(try generate(["x25519"]))
    let key = try X25519PrivateKey(pem: secret(pem), passphrase: { nil })
    #expect(try reveal(key.pem()) == pem)
  }

  @Test(
    "we read openssl's encrypted keys, however PBES2 encrypts them",
    arguments: [
      ["-v2", "aes-256-cbc"], ["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512"], ["-v2", "aes-256-cbc", "-scrypt"],
      ["-v2", "des3", "-v2prf", "hmacWithSHA1"],
    ])
  func readsEncryptedKeys(scheme: [String]) throws {
    let pem = try #require(try generate(["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]))
    let encrypted = try #require(
      try openssl(arguments: ["pkcs8", "-topk8", "-passout", "pass:correct horse"] + scheme, input: pem))
    #expect(try readSigningKey(encrypted, "correct horse") == pem)
    #expect(throws: CryptographyError.wrongPassphrase) { try readSigningKey(encrypted, "wrong horse") }
    #expect(throws: CryptographyError.wrongPassphrase) { try readSigningKey(encrypted, "") }
    #expect(throws: CryptographyError.passphraseRequired) { try readSigningKey(encrypted, nil) }
  }

  @Test("a key comes back from its own file, encrypted or not", arguments: algorithms)
  func roundTrip(algorithm: SignatureAlgorithm) throws {
    let key = try SigningKey.generate(algorithm)
    let publicKey = try key.publicKey()
    let message: [UInt8] = [1, 2, 3]
    let plainPEM = try key.pem()
    let plain = try SigningKey(pem: plainPEM, passphrase: { nil })
    try publicKey.verify(plain.signature(of: message), message)
    let noPassphrase = try SecretBytes(count: 0)
    let encryptedPEM = try key.pem(encryptedWith: noPassphrase)
    let decrypted = try SigningKey(pem: encryptedPEM, passphrase: { try? SecretBytes(count: 0) })
    try publicKey.verify(decrypted.signature(of: message), message)
    let publicPEM = try publicKey.pem()
    #expect(try PublicKey(pem: publicPEM.span.bytes) == publicKey)
  }

  @Test("an unencrypted key needs no passphrase, and none is asked for")
  func asksOnlyWhenNeeded() throws {
    let key = try SigningKey.generate(.edDSA)
    var asked = false
    _ = try SigningKey(
      pem: key.pem(),
      passphrase: {
        asked = true
        return nil
      })
    #expect(!asked)
  }

  @Test("keys of other kinds are told apart from broken files")
  func refusesOtherKinds() throws {
    let x25519 = try X25519PrivateKey.generate()
    let x25519PEM = try reveal(x25519.pem())
    #expect(throws: CryptographyError.unsupportedKey) { try readSigningKey(x25519PEM, nil) }
    let ed25519PEM = try reveal(SigningKey.generate(.edDSA).pem())
    #expect(throws: CryptographyError.unsupportedKey) {
      _ = try X25519PrivateKey(pem: secret(ed25519PEM), passphrase: { nil })
    }
    for options in [["ed448"], ["RSA"], ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"]] {
      let pem = try #require(try generate(options))
      #expect(throws: CryptographyError.unsupportedKey) { try readSigningKey(pem, nil) }
      let publicPEM = try #require(try openssl("pkey", "-pubout", input: pem))
      #expect(throws: CryptographyError.unsupportedKey) { try PublicKey(pem: publicPEM.span.bytes) }
      #expect(throws: CryptographyError.unsupportedKey) {
        try X25519PrivateKey.publicKey(pem: publicPEM.span.bytes)
      }
      // A private key where a public one belongs, and the reverse.
      #expect(throws: CryptographyError.unsupportedKey) { try PublicKey(pem: pem.span.bytes) }
      #expect(throws: CryptographyError.unsupportedKey) { try readSigningKey(publicPEM, nil) }
    }
    let publicPEM = try X25519PrivateKey.pem(publicKey: x25519.publicKey.span.bytes)
    #expect(throws: CryptographyError.unsupportedKey) { try PublicKey(pem: publicPEM.span.bytes) }
    #expect(try X25519PrivateKey.publicKey(pem: publicPEM.span.bytes) == x25519.publicKey)
  }

  @Test("text around the block, other blocks before it and CRLF line ends do no harm")
  func toleratesSurroundings() throws {
    let key = try SigningKey.generate(.es256)
    let pem = String(decoding: try reveal(key.pem()), as: UTF8.self)
    let publicPEM = String(decoding: try key.publicKey().pem(), as: UTF8.self)
    let crlf = pem.replacing("\n", with: "\r\n")
    for text in [
      "my key\n\n" + pem, publicPEM + pem, crlf, String(pem.dropLast()), pem + "trailing text\n",
      pem.replacing("\n", with: " \n"),
    ] {
      #expect(throws: Never.self) { try readSigningKey([UInt8](text.utf8), nil) }
    }
  }

  @Test("a file cut off or changed anywhere is refused, or is another key, but never the same one")
  func refusesDamage() throws {
    for algorithm in Self.algorithms {
      let pem = try reveal(SigningKey.generate(algorithm).pem())
      for count in 0..<(pem.count - 1) {
        #expect(throws: CryptographyError.self) { try readSigningKey([UInt8](pem.prefix(count)), nil) }
      }
      for position in pem.indices {
        var changed = pem
        changed[position] ^= 1
        if let read = try? readSigningKey(changed, nil), read == pem {
          // Only line breaks are not part of the content, and the public key that P-256 carries is recalculated.
          #expect(algorithm == .es256 || pem[position] == UInt8(ascii: "\n"), "position \(position)")
        }
      }
    }
  }

  @Test(
    "what is not PEM is refused",
    arguments: [
      "", "\n", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
      "-----BEGIN PRIVATE KEY-----\nMC4=\n", "-----BEGIN PRIVATE KEY-----\n====\n-----END PRIVATE KEY-----\n",
      "-----BEGIN PRIVATE KEY-----\nM===\n-----END PRIVATE KEY-----\n",
      "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n",
      "-----BEGIN PRIVATE KEY-----\nMC4=AAAA\n-----END PRIVATE KEY-----\n",
      "-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMC4C\n-----END PRIVATE KEY-----\n",
      "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PUBLIC KEY-----\n",
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMC4C\n-----END ENCRYPTED PRIVATE KEY-----\n",
    ])
  func refusesNonsense(text: String) {
    #expect(throws: CryptographyError.malformedPEM) { try readSigningKey([UInt8](text.utf8), "passphrase") }
  }

  @Test("a P-256 scalar out of range is no key")
  func refusesScalarsOutOfRange() throws {
    let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
    for scalar in [String(repeating: "0", count: 64), order, String(repeating: "f", count: 64)] {
      let der = bytes(
        fromHex: "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420" + scalar)
      let pem = try #require(try pemFile(der))
      #expect(throws: CryptographyError.invalidKey) { try readSigningKey(pem, nil) }
    }
  }

  @Test("a P-256 key without its public part is read")
  func readsBareScalars() throws {
    let scalar = String(repeating: "0", count: 63) + "1"
    let der = bytes(fromHex: "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420" + scalar)
    let key = try SigningKey(pem: secret(try #require(try pemFile(der))), passphrase: { nil })
    #expect(
      hex(try key.publicKey().bytes)
        == "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        + "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
  }

  private func generate(_ options: [String]) throws -> [UInt8]? {
    try openssl(arguments: ["genpkey", "-algorithm"] + options)
  }

  /// Reads a signing key and gives it back as an unencrypted file.
  private func readSigningKey(_ pem: [UInt8], _ passphrase: String?) throws -> [UInt8] {
    let key = try SigningKey(pem: secret(pem), passphrase: { passphrase.flatMap { try? secret($0) } })
    return try reveal(key.pem())
  }

  private func pemFile(_ der: [UInt8]) throws -> [UInt8]? {
    guard let base64 = try openssl("base64", input: der) else { return nil }
    return [UInt8]("-----BEGIN PRIVATE KEY-----\n".utf8) + base64 + [UInt8]("-----END PRIVATE KEY-----\n".utf8)
  }
}
