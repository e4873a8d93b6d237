import CBOR
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat

@testable import FormatVectors

/// An object that promises or holds more than there may be.
struct Bomb {
  let name: String
  /// Nil for one that isn't a bomb at all.
  let refused: ErrorClass?
  let bytes: [UInt8]
  /// The size of the file, if it is larger than its bytes: the rest is a hole.
  var size: UInt64?
  /// What is behind the hole.
  var tail: [UInt8] = []
  /// Whether one has to verify it to see it: then it can be shown.
  var needsVerifying = false

  func expected(by verb: String) -> ErrorClass? {
    verb == "inspect" && needsVerifying ? nil : refused
  }

  func write(to file: URL) throws {
    try Data(bytes).write(to: file)
    guard let size else { return }
    let handle = try FileHandle(forWritingTo: file)
    try handle.truncate(atOffset: size - UInt64(tail.count))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(tail))
    try handle.close()
  }
}

extension Bomb {
  static var harmless: Bomb {
    get throws { Bomb(name: "a valid package", refused: nil, bytes: try LoadFixture().file()) }
  }

  static var all: [Bomb] {
    get throws { try packages + grants + others }
  }

  static var grants: [Bomb] {
    get throws {
      [Bomb(name: "a grant of 8 GiB", refused: .limitExceeded, bytes: try GrantFixture.vector.file(), size: 1 << 33)]
    }
  }

  /// For a device: what is refused before its grant is looked at.
  static var packages: [Bomb] {
    get throws {
      [
        try largestManifest,
        Bomb(name: "a thousand certificates", refused: .limitExceeded, bytes: try package(chain: thousandCertificates)),
        Bomb(
          name: "a manifest of 512 KiB in one member", refused: .malformed,
          bytes: try package { map in
            map.set(13, to: .item([UInt8](repeating: 0, count: 520_000)))
          }),
        Bomb(
          name: "a manifest of 512 KiB of members", refused: .malformed,
          bytes: try package { map in
            for label in 20..<80_000 { map.entries.append((.label(Int64(label)), [0xf6])) }
          }),
        Bomb(
          name: "a manifest of 512 KiB of nesting", refused: .malformed,
          bytes: try package { map in
            map.set(13, to: [UInt8](repeating: 0x81, count: 520_000))
          }),
        Bomb(
          name: "a manifest of four billion digests", refused: .malformed,
          bytes: try package { map in
            map.set(11, to: [0x5b, 0, 0, 0, 32, 0, 0, 0, 0])
          }),
        Bomb(
          name: "a manifest of 2^63 - 1 members", refused: .malformed,
          bytes: try package(edit: { manifest in
            [0xbb, 0x7f] + [UInt8](repeating: 0xff, count: 7) + manifest.dropFirst()
          })),
        Bomb(
          name: "a payload of 2 GiB and a byte", refused: .limitExceeded,
          bytes: try package { map in
            map.set(8, to: .item(1 << 31 + 1))
          }, needsVerifying: true),
        Bomb(
          name: "a size bound of 2^63 - 1", refused: .limitExceeded,
          bytes: try package { map in
            map.set(9, to: .item(1 << 63 - 1))
          }, needsVerifying: true),
        Bomb(
          name: "a manifest that is longer than there may be", refused: .limitExceeded,
          bytes: Array(try LoadFixture().file()[..<12]) + [0x5a, 0, 8, 0, 1], size: 1 << 33),
      ]
    }
  }

  private static var others: [Bomb] {
    get throws {
      let chain = RawMap.item { FileLabel.chain.encode(to: &$0) } + (try thousandCertificates)
      let list = try StatusListFixture().file()
      return [
        Bomb(name: "a chain of a thousand certificates", refused: .limitExceeded, bytes: chain),
        Bomb(name: "a status list of 8 GiB", refused: .limitExceeded, bytes: list, size: 1 << 33),
        Bomb(
          name: "an identity of 8 GiB", refused: .limitExceeded, bytes: try IdentityFixture().file(), size: 1 << 33),
        Bomb(
          name: "a bundle whose directory is longer than there may be", refused: .limitExceeded,
          bytes: BundleFixture.label, size: 1 << 29,
          tail: .item([0, 0, 0, 0, 0, 0, 0, 13] + [UInt8](repeating: 0, count: 32))),
      ]
    }
  }

  /// 8192 digests, the first of them wrong. The payload has as many segments, and is a hole.
  private static var largestManifest: Bomb {
    get throws {
      var package = PackageFixture.module(payload: [])
      package.manifest.segmentSize = 16_400
      package.manifest.payloadSize = 56 + 8192 * 16_400 - 100
      package.manifest.sizeBound = 1 << 30
      package.manifest.digests = [UInt8](repeating: 7, count: 8192 * 32)
      let front = try package.front()
      return Bomb(
        name: "8192 segments of nothing", refused: .digestMismatch, bytes: front,
        size: UInt64(front.count) + package.manifest.payloadSize, needsVerifying: true)
    }
  }

  private static var thousandCertificates: [UInt8] {
    get throws {
      let certificate = try ChainFixture.module.certificates()[0]
      return CertificateChain.encode(
        root: TestKey.bootRoot.publicKey, certificates: [[UInt8]](repeating: certificate, count: 1000))
    }
  }

  private static func package(_ change: @escaping @Sendable (inout RawMap) -> Void) throws -> [UInt8] {
    try package(edit: editMap(change))
  }

  private static func package(chain: [UInt8]? = nil, edit: @escaping Edit = { $0 }) throws -> [UInt8] {
    var package = PackageFixture.module(payload: testBytes(156))
    package.setSegmentSize(16_400)
    let manifest = edit(package.manifest.encoded())
    return PackageFront.encode(
      chain: try chain ?? package.chain.encoded(),
      signedManifest: try package.chain.last.sign(manifest, type: Manifest.type), payloadSize: 156) + package.payload
  }
}
