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
    let payload = try Grant.encodePayload(
      terms: terms, contentKey: secret(contentKey), grantKey: recipientKey ?? recipient.publicKey)
    var reader = CBORReader(payload)
    _ = try reader.readArrayHeader()
    let terms = Array(try reader.skipItem())
    let wrappedKey = Array(try reader.skipItem())
    var encoder = CBOREncoder()
    encoder.beginArray(2)
    encoder.encode(encoded: editTerms(terms))
    encoder.encode(encoded: editWrappedKey(wrappedKey))
    return editPayload(encoder.bytes)
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
