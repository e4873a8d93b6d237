import Foundation
import SecretBytes
import Testing

@testable import Cryptography

/// What working with private keys leaves behind in this process's memory.
@Suite struct ResidueTests {
  @Test(
    "writing, reading and using a key file leaves no copy of the key",
    arguments: [SignatureAlgorithm.edDSA, .es256], [false, true])
  func keyFilesLeaveNoCopy(algorithm: SignatureAlgorithm, encrypted: Bool) throws {
    let mask = try randomBytes(count: 32)
    let masked = try useKeyFile(algorithm, encrypted: encrypted, mask: mask)
    #expect(try occurrences(ofBytesMasked: masked, with: mask) == 0)
  }

  @Test("agreeing on a secret leaves no copy of the key")
  func agreementLeavesNoCopy() throws {
    let mask = try randomBytes(count: 32)
    let masked = try agree(mask: mask)
    #expect(try occurrences(ofBytesMasked: masked, with: mask) == 0)
  }

  @Test("a copy that is there is found")
  func findsCopies() throws {
    let mask = try randomBytes(count: 32)
    let copy = try randomBytes(count: 32)
    let masked = zip(copy, mask).map { $0 ^ $1 }
    let found = try occurrences(ofBytesMasked: masked, with: mask)
    withExtendedLifetime(copy) { #expect(found > 0) }
  }

  /// Makes a key, lets it go, and says what it was, behind a mask: the test itself must hold no copy.
  private func useKeyFile(_ algorithm: SignatureAlgorithm, encrypted: Bool, mask: [UInt8]) throws -> [UInt8] {
    let secret = try randomSecret(count: 32)
    let key =
      switch algorithm {
      case .edDSA: try SigningKey(ed25519Seed: secret)
      case .es256: SigningKey(.es256, try P256.makePrivateKey(scalar: secret))
      }
    if encrypted {
      let passphrase = try SecretBytes(count: 8)
      let pem = try key.pem(encryptedWith: passphrase)
      let read = try SigningKey(pem: pem, passphrase: { try? SecretBytes(count: 8) })
      _ = try read.signature(of: [1])
    } else {
      let pem = try key.pem()
      let read = try SigningKey(pem: pem, passphrase: { nil })
      _ = try read.signature(of: [1])
    }
    return masked(secret, mask)
  }

  private func agree(mask: [UInt8]) throws -> [UInt8] {
    let secret = try randomSecret(count: 32)
    let key = try X25519PrivateKey(secret)
    let peer = try X25519PrivateKey.generate()
    _ = try key.sharedSecret(with: peer.publicKey.span.bytes)
    return masked(secret, mask)
  }

  private func masked(_ secret: borrowing SecretBytes, _ mask: [UInt8]) -> [UInt8] {
    secret.withBytes { secret in
      mask.indices.map { secret.unsafeLoad(fromByteOffset: $0, as: UInt8.self) ^ mask[$0] }
    }
  }
}

/// How often a byte string, forwards or backwards (as libcrypto keeps numbers), occurs in this process's writable
/// memory.
private func occurrences(ofBytesMasked masked: [UInt8], with mask: [UInt8]) throws -> Int {
  let maps = try FileHandle(forReadingFrom: URL(filePath: "/proc/self/maps")).readToEnd() ?? Data()
  let memory = open("/proc/self/mem", O_RDONLY)
  defer { close(memory) }
  // Pieces of memory are read into a buffer; they overlap, so that no copy is cut in two.
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
  defer { buffer.deallocate() }
  var count = 0
  for line in String(decoding: maps, as: UTF8.self).split(separator: "\n") {
    let words = line.split(separator: " ")
    let range = words[0].split(separator: "-").compactMap { Int($0, radix: 16) }
    guard words[1].hasPrefix("rw"), range.count == 2 else { continue }
    var position = range[0]
    while position < range[1] {
      // Fails for memory that even the kernel cannot read, and for what another thread just unmapped.
      let size = pread(memory, buffer.baseAddress, min(buffer.count, range[1] - position), off_t(position))
      guard size >= masked.count else { break }
      let piece = UnsafeRawBufferPointer(rebasing: buffer[0..<size])
      count += occurrences(in: piece) { masked[$0] ^ mask[$0] }
      count += occurrences(in: piece) { masked[masked.count - 1 - $0] ^ mask[mask.count - 1 - $0] }
      position += size < buffer.count ? size : size - masked.count
    }
  }
  return count
}

private func occurrences(in piece: UnsafeRawBufferPointer, byte: (Int) -> UInt8) -> Int {
  var count = 0
  var rest = piece
  while let base = rest.baseAddress, let start = memchr(base, Int32(byte(0)), rest.count) {
    let offset = UnsafeRawPointer(start) - base
    if rest.count - offset >= 32, (1..<32).allSatisfy({ rest[offset + $0] == byte($0) }) { count += 1 }
    rest = UnsafeRawBufferPointer(rebasing: rest[(offset + 1)...])
    if rest.isEmpty { break }
  }
  return count
}
