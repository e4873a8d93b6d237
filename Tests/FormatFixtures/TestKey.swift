import COSE
public import Cryptography
public import SecretBytes

/// A key that tests sign with. Keys of the same name are the same key.
public final class TestKey: Sendable {
  public let publicKey: PublicKey
  public let thumbprint: [UInt8]
  private let key: SigningKey
  /// Signs instead of the key: the same key, without chance.
  private let fixedNonceSigner: FixedNonceSigner?

  /// The Ed25519 key of a name.
  public convenience init(_ name: String) {
    self.init(succeed { () throws in try SigningKey(ed25519Seed: secret(named: name)) })
  }

  /// A new key.
  public convenience init(_ algorithm: SignatureAlgorithm) {
    self.init(succeed { () throws in try SigningKey.generate(algorithm) })
  }

  /// The P-256 key of a name; what it signs is the same in every run.
  public convenience init(p256 name: String) {
    let signer = succeed { () throws in try FixedNonceSigner(name) }
    self.init(succeed { () throws in try FixedNonceSigner.signingKey(bytes(named: name)) }, signer)
  }

  public convenience init(_ key: consuming SigningKey) {
    self.init(key, nil)
  }

  private init(_ key: consuming SigningKey, _ fixedNonceSigner: FixedNonceSigner?) {
    do {
      publicKey = try key.publicKey()
      thumbprint = try COSEKey.thumbprint(publicKey)
    } catch {
      preconditionFailure("\(error)")
    }
    self.key = key
    self.fixedNonceSigner = fixedNonceSigner
  }

  /// An encoded COSE_Sign1.
  public func sign(_ payload: [UInt8], type: StaticString?) throws -> [UInt8] {
    if let fixedNonceSigner { return try Sign1.sign(payload: payload, type: type, with: fixedNonceSigner) }
    return try Sign1.sign(payload: payload, type: type, with: key)
  }

  /// The key itself, for what signs.
  public var signer: SigningKey { _read { yield key } }

  /// A signature alone.
  public func sign(_ message: [UInt8]) throws -> [UInt8] {
    try key.sign(message.span.bytes)
  }

  public static let bootRoot = TestKey("boot root")
  public static let deviceRoot = TestKey("device root")
  public static let stranger = TestKey("stranger")
}

/// A key that grants are wrapped to.
public final class TestGrantKey: Sendable {
  public let key: X25519PrivateKey
  public let thumbprint: [UInt8]
  public var publicKey: [UInt8] { key.publicKey }

  public init(_ name: String) {
    do {
      key = try X25519PrivateKey(secret(named: name))
    } catch {
      preconditionFailure("\(error)")
    }
    thumbprint = Self.thumbprint(of: key.publicKey)
  }

  /// The thumbprint of an X25519 public key.
  public static func thumbprint(of publicKey: [UInt8]) -> [UInt8] {
    succeed { () throws in try COSEKey.thumbprint(x25519: publicKey) }
  }

  public static let device = TestGrantKey("device")
}

/// 32 bytes that belong to a name, in the memory that secrets are kept in.
public func secret(named name: String) throws -> SecretBytes {
  try secret(bytes(named: name))
}

public func secret(_ bytes: [UInt8]) throws -> SecretBytes {
  try SecretBytes(copying: bytes.span.bytes)
}

/// 32 bytes that belong to a name.
public func bytes(named name: String) -> [UInt8] {
  succeed { () throws in try SHA256.hash(Array(name.utf8).span.bytes) }
}

/// What can't fail unless libcrypto is broken.
func succeed<Value: ~Copyable>(_ body: () throws -> Value) -> Value {
  do {
    return try body()
  } catch {
    preconditionFailure("\(error)")
  }
}
