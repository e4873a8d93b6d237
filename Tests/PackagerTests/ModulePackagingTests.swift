import COSE
import Compression
import Cryptography
import ErrorClass
import FormatFixtures
import HuskFormat
import ModuleELF
import ModuleLint
import Packager
import SecretBytes
import Testing

@Suite("Packing a module")
struct ModulePackagingTests {
  @Test("makes what a device verifies, decrypts and decompresses to the same bytes")
  func roundTrip() throws {
    let module = try sampleModule()
    let packed = try pack(module)
    let manifest = try verify(packed)
    #expect(manifest.name == testName("com.acme.codec"))
    #expect(manifest.version == Version(1, 2, 3))
    #expect(manifest.securityVersion == 4)
    #expect(manifest.epoch == 7)
    #expect(manifest.issuedAt == now)
    #expect(manifest.machine == 62)
    #expect(try decompress(decrypt(packed, manifest), bound: manifest.sizeBound) == module)
  }

  @Test("signs the digest of every segment of the ciphertext")
  func digests() throws {
    // Noise doesn't compress: several segments.
    let packed = try pack(noise(600_000))
    let manifest = try verify(packed)
    #expect(manifest.segments.count == 3)
    for index in 0..<manifest.segments.count {
      let range = manifest.segments.range(of: index)
      let segment = Array(packed.payload[Int(range.lowerBound)..<Int(range.upperBound)])
      #expect(try SHA256.hash(segment.span.bytes) == Array(manifest.digests[(index * 32)..<(index * 32 + 32)]))
    }
  }

  @Test("publishes padmé sizes only", arguments: [0, 1, 4096, 100_000, 262_144])
  func sizes(extra: Int) throws {
    let module = try noise(extra)
    let packed = try pack(module)
    let manifest = try verify(packed)
    let layout = try #require(ChunkLayout(ciphertextByteCount: UInt64(packed.payload.count)))
    #expect(padme(layout.plaintextByteCount) == layout.plaintextByteCount)
    #expect(padme(manifest.sizeBound) == manifest.sizeBound)
    #expect(manifest.sizeBound >= UInt64(module.count))
    #expect(manifest.sizeBound >= 4096)
    #expect(try decompress(decrypt(packed, manifest), bound: manifest.sizeBound) == module)
  }

  @Test("never makes the same ciphertext twice")
  func fresh() throws {
    let module = try sampleModule()
    let (one, other) = (try pack(module).payload, try pack(module).payload)
    #expect(one.count == other.count)
    #expect(one != other)
    #expect(one.prefix(56) != other.prefix(56))
  }

  @Test("encrypts under the context of name, epoch, version and machine")
  func context() throws {
    let packed = try pack(sampleModule())
    for change: (inout Manifest) -> Void in [
      { $0.name = testName("com.acme.other") }, { $0.epoch = 8 }, { $0.version = Version(1, 2, 4) },
      { $0.machine = 183 },
    ] {
      var manifest = packed.manifest
      change(&manifest)
      #expect(throws: CryptographyError.commitmentMismatch) { try decrypt(packed, manifest) }
    }
  }

  @Test("says that the code may be execute-only if it is told to, and if the code lies apart")
  func executeOnly() throws {
    func build(_ link: String) throws -> [UInt8] {
      try PackagerTests.build(
        ["-shared", "-fPIC", "-O2", "-Wl,-z,relro,-z,now", link], source: "int f(void) { return 1; }")
    }
    let apart = try build("-Wl,-z,separate-code")
    #expect(try verify(pack(apart, mayBeExecuteOnly: true)).mayBeExecuteOnly)
    #expect(try !verify(pack(apart)).mayBeExecuteOnly)
    let mixed = try build("-Wl,-z,noseparate-code")
    #expect(throws: PackagingError.codeNotSeparate) { try pack(mixed, mayBeExecuteOnly: true) }
    #expect(throws: Never.self) { try pack(mixed) }
  }

  @Test("refuses a name outside the signer's scope")
  func scope() throws {
    #expect(throws: PackagingError.scopeViolation(testScope("com.acme."))) {
      try pack(sampleModule(), name: "com.other.codec")
    }
  }

  @Test("refuses a chain that ends in another key, lacks the role or has expired")
  func signer() throws {
    #expect(throws: PackagingError.wrongSigningKey) {
      _ = try SigningIdentity(
        key: signingKey("stranger"), chain: ChainFixture.module.chainFile(), role: .module, now: now)
    }
    #expect(throws: PackagingError.chain(FormatError(.roleMismatch, in: .chain))) {
      _ = try SigningIdentity(
        key: signingKey("Acme codecs"), chain: ChainFixture.module.chainFile(), role: .grant, now: now)
    }
    var expired = ChainFixture.module
    expired.links[1].claims.notAfter = now - 1
    let chain = try expired.chainFile()
    #expect(throws: PackagingError.chain(FormatError(.expired, in: .certificate(1)))) {
      _ = try SigningIdentity(key: signingKey("Acme codecs"), chain: chain, role: .module, now: now)
    }
  }

  @Test("refuses what isn't a shared object")
  func otherFiles() throws {
    #expect(throws: PackagingError.module(.empty)) { try ModuleImage([], allowsDanger: true) }
    #expect(throws: PackagingError.module(.notELF)) { try ModuleImage(Array("#!/bin/sh\n".utf8), allowsDanger: true) }
    let program = try build([])
    #expect(throws: PackagingError.module(.notSharedObject(.executable))) {
      try ModuleImage(program, allowsDanger: true)
    }
  }

  @Test("refuses a dangerous module, unless that is allowed")
  func danger() throws {
    let module = try build(["-shared", "-fPIC", "-s", "-Wl,-z,execstack"], source: "int answer(void) { return 42; }")
    let error = #expect(throws: PackagingError.self) { try ModuleImage(module, allowsDanger: false) }
    guard case .dangerous(let findings) = error else {
      Issue.record("refused for another reason: \(String(describing: error))")
      return
    }
    #expect(findings.map(\.rule) == [.executableStack])
    #expect(try ModuleImage(module, allowsDanger: true).bytes == module)
  }
}

private let contentKey = "content key"

private func pack(
  _ module: [UInt8], name: String = "com.acme.codec", mayBeExecuteOnly: Bool = false
) throws -> PackedFile {
  let details = PackageDetails(
    name: testName(name), version: Version(1, 2, 3), securityVersion: 4, issuedAt: now)
  return try packModule(
    ModuleImage(module, allowsDanger: false), details, mayBeExecuteOnly: mayBeExecuteOnly, epoch: 7,
    contentKey: secret(named: contentKey), signer: moduleSigner(), compressionLevel: 3)
}

private func verify(_ packed: PackedFile) throws -> Manifest {
  let size = UInt64(packed.front.count + packed.payload.count)
  return try PackageFront(packed.front).verify(role: .module, fileSize: size, with: .device).value
}

private func decrypt(_ packed: PackedFile, _ manifest: Manifest) throws -> [UInt8] {
  let layout = try #require(ChunkLayout(ciphertextByteCount: UInt64(packed.payload.count)))
  let header = Array(packed.payload.prefix(ChunkedEncryption.headerByteCount))
  var opener = try ChunkOpener(
    key: secret(named: contentKey), context: manifest.payloadContext.span.bytes, header: header.span.bytes)
  var plaintext: [UInt8] = []
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: ChunkedEncryption.sealedChunkByteCount, alignment: 16)
  defer { buffer.deallocate() }
  for index in 0..<layout.chunkCount {
    let range = try #require(layout.ciphertextRange(ofChunk: index))
    let chunk = Array(packed.payload[Int(range.lowerBound)..<Int(range.upperBound)])
    let count = try opener.open(chunk: chunk.span.bytes, index: index, into: buffer)
    plaintext += buffer[..<count]
  }
  return plaintext
}

/// The frame's content; what follows it must be exactly the padding.
private func decompress(_ plaintext: [UInt8], bound: UInt64) throws -> [UInt8] {
  var decoder = try LZ4FrameDecoder(header: plaintext.span.bytes, atMost: bound)
  var module = [UInt8](repeating: 0, count: Int(decoder.contentSize))
  var position = LZ4FrameDecoder.headerSize
  var output = module.mutableSpan
  var bytes = output.mutableBytes
  while !decoder.isComplete {
    let before = Int(decoder.producedSize)
    var rest = bytes._mutatingExtracting(before..<bytes.byteCount)
    position += try decoder.decode(plaintext.span.bytes.extracting(position..<plaintext.count), into: &rest).consumed
  }
  try decoder.finish()
  var padding = PaddingChecker()
  let isPadding = padding.take(plaintext.span.bytes.extracting(position..<plaintext.count)) && padding.isComplete
  #expect(isPadding)
  return module
}

/// A module with this many incompressible bytes behind its end, where no loader looks.
private func noise(_ count: Int) throws -> [UInt8] {
  try sampleModule() + randomBytes(count: count)
}
