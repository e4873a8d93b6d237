import CZlib
import Foundation
import SecretBytes
import TestSupport
import Testing

@testable import Cryptography

@Suite(.enabled(if: vectorsAvailable, "the public test vectors are not on this machine"))
struct ChunkedEncryptionVectorTests {
  private struct Group: Decodable {
    let tests: [Vector]
  }

  private struct Vector: Decodable {
    let tcId: Int
    let comment: String
    let key: HexBytes
    let ctx: HexBytes
    /// Compressed with zlib.
    let ct: HexBytes
    let aeadKey: HexBytes?
    let baseNonce: HexBytes?
    /// Of the plaintext, or of its longest valid prefix.
    let msgLength: Int?
    let msgSha512: HexBytes?
    let result: WycheproofResult
    let flags: [String]
  }

  @Test("Wycheproof: C2SP chunked encryption with AES-256-GCM")
  func cobblestone256() throws {
    let file = try WycheproofFile<Group>.load("c2sp_chunked_encryption_aes_256_gcm")
    var ran = 0
    for vector in file.testGroups.flatMap(\.tests) {
      ran += 1
      try check(vector)
    }
    recordVectorCount(set: "wycheproof/c2sp_chunked_encryption_aes_256_gcm", ran: ran, of: file.numberOfTests)
    #expect(ran == file.numberOfTests)
  }

  private func check(_ vector: Vector) throws {
    let name: Comment = "test \(vector.tcId): \(vector.comment)"
    let ciphertext = try inflate(vector.ct.bytes)
    let opened = try openStream(vector, ciphertext)
    #expect((opened.error == nil) == (vector.result == .valid), name)
    #expect((opened.error != nil && opened.headerFailed) == vector.flags.contains("HeaderFailure"), name)
    if vector.flags.contains("WrongKey") || vector.flags.contains("WrongContext") {
      #expect(opened.error == .commitmentMismatch, name)
    }
    if let count = vector.msgLength, let digest = vector.msgSha512 {
      #expect(opened.plaintext.count == count, name)
      #expect(try SHA512.hash(opened.plaintext.span.bytes) == digest.bytes, name)
    } else {
      #expect(opened.plaintext.isEmpty, name)
    }

    let layout = ChunkLayout(ciphertextByteCount: UInt64(ciphertext.count))
    if vector.result == .valid {
      #expect(layout?.plaintextByteCount == UInt64(opened.plaintext.count), name)
      #expect(try seal(vector, opened.plaintext, salt: [UInt8](ciphertext.prefix(24))) == ciphertext, name)
    }
    if let layout, !vector.flags.contains("HeaderFailure") {
      #expect(
        try opensFinalChunk(vector, ciphertext, layout)
          == (vector.result == .valid || vector.flags.contains("ValidFinalChunk")), name)
    }
    if let aeadKey = vector.aeadKey, let baseNonce = vector.baseNonce {
      #expect(try opensFirstChunkDirectly(vector, ciphertext, aeadKey.bytes, baseNonce.bytes) ?? true, name)
    }
  }

  /// What a streaming reader, which does not know the size, gets out of a ciphertext before its error, if any.
  private func openStream(
    _ vector: Vector, _ ciphertext: [UInt8]
  ) throws -> (plaintext: [UInt8], error: CryptographyError?, headerFailed: Bool) {
    let header = ciphertext.prefix(ChunkedEncryption.headerByteCount)
    let key = try secret(vector.key.bytes)
    var plaintext: [UInt8] = []
    var opener: ChunkOpener
    do throws(CryptographyError) {
      opener = try ChunkOpener(key: key, context: vector.ctx.bytes.span.bytes, header: header.span.bytes)
    } catch {
      return (plaintext, error, true)
    }
    var rest = ciphertext.dropFirst(ChunkedEncryption.headerByteCount)
    var index: UInt64 = 0
    var buffer = [UInt8](repeating: 0, count: ChunkedEncryption.chunkByteCount)
    while true {
      let chunk = rest.prefix(ChunkedEncryption.sealedChunkByteCount)
      do throws(CryptographyError) {
        let count = try buffer.withUnsafeMutableBufferPointer { (output) throws(CryptographyError) in
          try opener.open(chunk: chunk.span.bytes, index: index, into: UnsafeMutableRawBufferPointer(output))
        }
        plaintext += buffer.prefix(count)
      } catch {
        return (plaintext, error, false)
      }
      if chunk.count < ChunkedEncryption.sealedChunkByteCount { return (plaintext, nil, false) }
      rest = rest.dropFirst(chunk.count)
      index += 1
    }
  }

  private func seal(_ vector: Vector, _ plaintext: [UInt8], salt: [UInt8]) throws -> [UInt8] {
    var sealer = try ChunkSealer(key: secret(vector.key.bytes), context: vector.ctx.bytes.span.bytes, salt: salt)
    return try sealer.sealAll(plaintext)
  }

  /// As a reader does that seeks from the end.
  private func opensFinalChunk(_ vector: Vector, _ ciphertext: [UInt8], _ layout: ChunkLayout) throws -> Bool {
    let header = ciphertext.prefix(ChunkedEncryption.headerByteCount)
    var opener = try ChunkOpener(
      key: secret(vector.key.bytes), context: vector.ctx.bytes.span.bytes, header: header.span.bytes)
    let index = layout.chunkCount - 1
    let range = try #require(layout.ciphertextRange(ofChunk: index))
    #expect(range.upperBound == UInt64(ciphertext.count))
    let chunk = ciphertext[Int(range.lowerBound)..<Int(range.upperBound)]
    var buffer = [UInt8](repeating: 0, count: ChunkedEncryption.chunkByteCount)
    do throws(CryptographyError) {
      _ = try buffer.withUnsafeMutableBufferPointer { (output) throws(CryptographyError) in
        try opener.open(chunk: chunk.span.bytes, index: index, into: UnsafeMutableRawBufferPointer(output))
      }
      return true
    } catch {
      return false
    }
  }

  /// Whether the vector's own key and nonce open what the derived ones open: nil where chunk 0 is no valid one.
  private func opensFirstChunkDirectly(
    _ vector: Vector, _ ciphertext: [UInt8], _ aeadKey: [UInt8], _ baseNonce: [UInt8]
  ) throws -> Bool? {
    guard let count = vector.msgLength else { return nil }
    let chunk = ciphertext.dropFirst(ChunkedEncryption.headerByteCount)
      .prefix(ChunkedEncryption.sealedChunkByteCount)
    let plaintext = try AEAD.aes256GCM.open(
      key: secret(aeadKey), nonce: baseNonce, aad: [], ciphertext: [UInt8](chunk))
    return plaintext.count == min(count, ChunkedEncryption.chunkByteCount)
  }
}

/// Undoes zlib compression (RFC 1950).
private func inflate(_ compressed: [UInt8]) throws -> [UInt8] {
  var output = [UInt8](repeating: 0, count: 8 << 20)
  var count = uLongf(output.count)
  let status = uncompress(&output, &count, compressed, uLong(compressed.count))
  try #require(status == Z_OK)
  return [UInt8](output.prefix(Int(count)))
}
