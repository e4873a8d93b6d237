import Cryptography
import ErrorClass
import FormatFixtures
import HuskFormat
import TestSupport

/// SPEC 4.2 and 9.1 step 4: payloads, up to the frame.
extension Catalogue {
  /// Two chunks, in a segment each.
  private static func twoChunks(_ load: inout LoadFixture) {
    load.module = Fixed.noise(16_500)
    load.package.manifest.sizeBound = 32_768
  }

  mutating func addPayloads() throws {
    try addLoad("two-segments", nil, "4.1: a payload of two segments", Self.twoChunks)
    try addLoad("two-chunks-in-a-segment", nil, "4.1: a payload of two chunks in one segment") { load in
      Self.twoChunks(&load)
      load.segmentSize = 32_800
    }
    try addLoad("module-of-one-byte", nil, "4.2: the smallest module") { $0.module = [7] }

    try addLoad("digest-of-first", .digestMismatch, "9.1 step 4: a byte of the first segment was changed", released: 0)
    { load in
      Self.twoChunks(&load)
      load.editSigned = { Self.flipping($0, at: 1000) }
    }
    try addLoad(
      "digest-of-second", .digestMismatch, "9.1 step 4: a byte of the second segment was changed", released: 16_384
    ) { load in
      Self.twoChunks(&load)
      load.editSigned = { Self.flipping($0, at: 56 + 16_400) }
    }
    try addLoad("segments-exchanged", .digestMismatch, "9.1 step 4: the chunks changed places", released: 0) { load in
      Self.twoChunks(&load)
      load.editSigned = { Array($0[..<56] + $0[16_456...] + $0[56..<16_456]) }
    }
    try addLoad("other-salt-unsigned", .digestMismatch, "9.1 step 4: the salt was changed", released: 0) {
      $0.editSigned = { Self.flipping($0, at: 0) }
    }

    // What follows was signed by somebody who has the vendor's key, and yet opens for nobody.
    try addLoad("other-content-key", .decryptionFailed, "9.1 step 4: encrypted with another key", released: 0) {
      $0.contentKey = bytes(named: "another content key")
    }
    for (name, change) in [
      ("name", { $0.name = testName("com.acme.other") }), ("epoch", { $0.epoch = 8 }),
      ("version", { $0.version = Version(1, 2, 4) }), ("machine", { $0.machine = 183 }),
    ] as [(String, (inout Manifest) -> Void)] {
      try addLoad(
        "context-of-another-\(name)", .decryptionFailed, "4.2 step 3: encrypted for another \(name)", released: 0
      ) { load in
        var manifest = load.package.manifest
        change(&manifest)
        load.context = manifest.payloadContext
      }
    }
    try addLoad("other-salt", .decryptionFailed, "4.2 step 3: the salt is another", released: 0) {
      $0.editPayload = { Self.flipping($0, at: 0) }
    }
    try addLoad("other-commitment", .decryptionFailed, "4.2 step 3: the commitment is another", released: 0) {
      $0.editPayload = { Self.flipping($0, at: 55) }
    }
    try addLoad("other-first-chunk", .decryptionFailed, "4.2 step 3: a byte of the first chunk is another", released: 0)
    {
      $0.editPayload = { Self.flipping($0, at: 56) }
    }
    try addLoad("other-tag", .decryptionFailed, "4.2 step 3: the last tag is another", released: 16_384) { load in
      Self.twoChunks(&load)
      load.editPayload = { Self.flipping($0, at: $0.count - 1) }
    }
    try addLoad("chunks-exchanged", .decryptionFailed, "4.2 step 3: a chunk proves its place", released: 0) { load in
      load.module = Fixed.noise(32_768)
      load.package.manifest.sizeBound = 65_536
      load.editPayload = { payload in
        let (first, second) = (payload[56..<16_456], payload[16_456..<32_856])
        return payload[..<56] + second + first + Array(payload[32_856...])
      }
    }
    try addLoad("first-chunk-missing", .decryptionFailed, "4.2 step 3: without the first chunk", released: 0) { load in
      Self.twoChunks(&load)
      load.editPayload = { Array($0[..<56] + $0[16_456...]) }
    }
    try addLoad(
      "last-chunk-short", .decryptionFailed, "4.2 step 3: the last chunk's last byte is missing", released: 16_384
    ) { load in
      Self.twoChunks(&load)
      load.editPayload = { $0.dropLast() }
    }
    try addLoad("last-chunk-missing", .sizeMismatch, "9.1 step 4: no sequence of chunks has this size", released: 0) {
      load in
      Self.twoChunks(&load)
      load.editPayload = { Array($0[..<16_456]) }
    }
    try addLoad("less-than-a-tag", .sizeMismatch, "9.1 step 4: no sequence of chunks has this size", released: 0) {
      $0.editPayload = { Array($0[..<71]) }
    }
    try addLoad("empty-last-chunk", .decompressionFailed, "4.2: one empty chunk holds no frame", released: 0) {
      $0.plaintext = []
    }
  }

  private static func flipping(_ bytes: [UInt8], at index: Int) -> [UInt8] {
    var bytes = bytes
    bytes[index] ^= 0x10
    return bytes
  }
}
