import CLinux
import Compression
import Cryptography
public import FormatFixtures
public import Foundation
public import HuskFormat

/// A module's package to be made, with a payload that really decrypts. What isn't changed is as it should be: it loads
/// with the grant of ``GrantFixture/init(for:)``.
public struct ModuleFixture: Sendable {
  /// Chain, manifest and signature. The payload is made from ``object`` and what the manifest says.
  public var package: PackageFixture
  /// The shared object.
  public var object: [UInt8]
  public var contentKey = GrantFixture().contentKey
  /// What the payload is encrypted for, if that isn't what the manifest says.
  public var context: [UInt8]?
  /// Changes what is encrypted: the compressed and padded module.
  public var editPlaintext: Edit = { $0 }
  public var segmentSize = SegmentLayout.usualSegmentSize

  /// `com.acme.codec` 1.2.3, epoch 7, for this processor.
  public init(_ object: URL) throws {
    self.object = Array(try Data(contentsOf: object))
    package = PackageFixture.module()
    package.manifest.machine = linux_machine()
    package.manifest.sizeBound = max(4096, padme(UInt64(self.object.count)))
  }

  public var name: Name {
    get { package.manifest.name }
    set { package.manifest.name = newValue }
  }

  /// The package with its payload.
  public func sealed() throws -> PackageFixture {
    var package = package
    let plaintext = editPlaintext(Self.pad(try compressLZ4Frame(object.span.bytes)))
    package.payload = try encrypt(plaintext, context: package.manifest.payloadContext)
    package.setSegmentSize(segmentSize)
    return package
  }

  public func file() throws -> [UInt8] {
    try sealed().file()
  }

  /// Adds the skippable frame (SPEC 4.2).
  private static func pad(_ frame: [UInt8]) -> [UInt8] {
    let count = Int(padme(UInt64(frame.count + 8))) - frame.count - 8
    let head = [0x184D_2A50, UInt32(count)].flatMap { word in
      (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    return frame + head + [UInt8](repeating: 0, count: count)
  }

  private func encrypt(_ plaintext: [UInt8], context: [UInt8]) throws -> [UInt8] {
    let context = self.context ?? context
    var sealer = try ChunkSealer(key: secret(contentKey), context: context.span.bytes)
    var ciphertext = sealer.header
    var position = 0
    var chunk = [UInt8](repeating: 0, count: ChunkedEncryption.sealedChunkByteCount)
    while !sealer.isComplete {
      let end = min(position + ChunkedEncryption.chunkByteCount, plaintext.count)
      let part = Array(plaintext[position..<end])
      let count = try chunk.withUnsafeMutableBytes { try sealer.seal(chunk: part.span.bytes, into: $0) }
      ciphertext += chunk[..<count]
      position = end
    }
    return ciphertext
  }
}

extension GrantFixture {
  /// Lets ``ModuleFixture`` load on a device.
  public init(for device: DeviceIdentity) {
    self.init()
    terms.deviceID = device.deviceID
    terms.grantKeyThumbprint = device.grantKeyThumbprint
    terms.lifecycle = device.lifecycle
    recipientKey = device.grantKey
  }
}
