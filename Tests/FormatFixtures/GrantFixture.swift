import CBOR
public import HuskFormat

/// A grant to be made. What isn't changed is as it should be: it lets ``PackageFixture/module(payload:)`` load on
/// ``DeviceState/fixture``.
public struct GrantFixture: Sendable {
  public var chain = ChainFixture.grant
  public var terms: GrantTerms
  public var contentKey = bytes(named: "content key")
  public var recipient = TestGrantKey.device
  /// The public key to wrap to instead of the recipient's: that of a real device.
  public var recipientKey: [UInt8]?
  public var type: StaticString = Grant.type
  /// Signs instead of the chain's last key.
  public var signer: TestKey?
  /// Wraps the content key under encoded terms instead of the production code, which does it differently each time.
  public var wrap: (@Sendable (_ terms: [UInt8], _ contentKey: [UInt8], _ recipient: [UInt8]) throws -> [UInt8])?
  /// Changes the terms before they are signed.
  public var editTerms: Edit = { $0 }
  /// Changes the wrapped key before it is signed.
  public var editWrappedKey: Edit = { $0 }
  /// Changes the whole payload before it is signed.
  public var editPayload: Edit = { $0 }

  public init() {
    terms = GrantTerms(
      CommonGrantTerms(
        module: testName("com.acme.codec"), epoch: 7, issuedAt: Moment.issued, lifecycle: .secured),
      deviceID: DeviceState.fixture.deviceID, grantKeyThumbprint: DeviceState.fixture.grantKeyThumbprint,
      issuer: chain.last.thumbprint, sequence: 5)
  }

  public func payload() throws -> [UInt8] {
    let terms = self.terms.encoded()
    let wrappedKey = try wrappedKey(under: terms)
    var encoder = CBOREncoder()
    encoder.beginArray(2)
    encoder.encode(encoded: editTerms(terms))
    encoder.encode(encoded: editWrappedKey(wrappedKey))
    return editPayload(encoder.bytes)
  }

  private func wrappedKey(under terms: [UInt8]) throws -> [UInt8] {
    let recipient = recipientKey ?? recipient.publicKey
    if let wrap { return try wrap(terms, contentKey, recipient) }
    let payload = try Grant.encodePayload(terms: self.terms, contentKey: secret(contentKey), grantKey: recipient)
    var reader = CBORReader(payload)
    _ = try reader.readArrayHeader()
    try reader.skipItem()
    return Array(try reader.skipItem())
  }

  public func file() throws -> [UInt8] {
    GrantFile.encode(
      chain: try chain.encoded(), signedGrant: try (signer ?? chain.last).sign(try payload(), type: type))
  }
}

extension DeviceState {
  /// The device that grants are made for.
  public static let fixture = DeviceState(
    deviceID: bytes(named: "device id"), grantKeyThumbprint: TestGrantKey.device.thumbprint, lifecycle: .secured)
}
