import Cryptography
public import HuskFormat

/// A package to be made. What isn't changed is as it should be; the payload is only ever bytes.
public struct PackageFixture: Sendable {
  public var chain: ChainFixture
  /// Sizes and digests are those of the payload that was given.
  public var manifest: Manifest
  public var payload: [UInt8]
  public var type: StaticString = Manifest.type
  /// Signs instead of the chain's last key.
  public var signer: TestKey?
  /// Changes the manifest before it is signed.
  public var editManifest: Edit = { $0 }
  /// Changes the signed manifest.
  public var editSigned: Edit = { $0 }
  /// What the payload's head says instead of the manifest's payload size.
  public var declaredPayloadSize: UInt64?

  private init(chain: ChainFixture, manifest: Manifest, payload: [UInt8]) {
    self.chain = chain
    self.manifest = manifest
    self.payload = payload
    updateSegments()
  }

  /// `com.acme.codec` 1.2.3, epoch 7, security version 4.
  public static func module(payload: [UInt8] = testBytes(56 + 2 * 16_400 + 100)) -> PackageFixture {
    PackageFixture(
      chain: .module,
      manifest: Manifest(
        role: .module, name: testName("com.acme.codec"), version: Version(1, 2, 3), securityVersion: 4, machine: 62,
        issuedAt: Moment.issued, payloadSize: 0, sizeBound: 65_536, segmentSize: 16_400, digests: [], epoch: 7),
      payload: payload)
  }

  /// `org.platform.stage` 2.0.1, security version 3.
  public static func stage(
    _ role: Role, machine: UInt16 = 62, payload: [UInt8] = testBytes(2 * 16_400 + 100)
  ) -> PackageFixture {
    PackageFixture(
      chain: .stage(role),
      manifest: Manifest(
        role: role, name: testName("org.platform.stage"), version: Version(2, 0, 1), securityVersion: 3,
        machine: machine, issuedAt: Moment.issued, payloadSize: 0, sizeBound: UInt64(payload.count),
        segmentSize: 16_400, digests: [], epoch: nil),
      payload: payload)
  }

  /// Cuts the payload into segments of another size.
  public mutating func setSegmentSize(_ size: UInt64) {
    manifest.segmentSize = size
    updateSegments()
  }

  private mutating func updateSegments() {
    manifest.payloadSize = UInt64(payload.count)
    let segments = manifest.segments
    manifest.digests = (0..<segments.count).flatMap { index in
      let range = segments.range(of: index)
      let segment = Array(payload[Int(range.lowerBound)..<Int(range.upperBound)])
      return succeed { () throws in try SHA256.hash(segment.span.bytes) }
    }
  }

  /// Everything before the payload's bytes.
  public func front() throws -> [UInt8] {
    let manifest = editManifest(self.manifest.encoded())
    return PackageFront.encode(
      chain: try chain.encoded(), signedManifest: editSigned(try (signer ?? chain.last).sign(manifest, type: type)),
      payloadSize: declaredPayloadSize ?? self.manifest.payloadSize)
  }

  public func file() throws -> [UInt8] {
    try front() + payload
  }
}

/// Bytes in which no two segments are alike.
public func testBytes(_ count: Int) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 167 ^ $0 >> 8 &* 13) }
}
