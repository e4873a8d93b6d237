import Compression
import Cryptography
public import HuskFormat
import ModuleELF
public import SecretBytes

/// Packs a module (SPEC 4): compresses, pads, encrypts, and signs what came of it.
///
/// - Parameters:
///   - mayBeExecuteOnly: whether devices may make its code unreadable: only the packager knows that it holds no data.
///   - epoch: the module's key epoch, whose content key is `contentKey` (32 bytes).
///   - compressionLevel: liblz4's; 12 compresses best.
/// - Throws: `scopeViolation`, `codeNotSeparate`, `tooLarge`, `compression`, `cryptography`.
public func packModule(
  _ image: ModuleImage, _ details: PackageDetails, mayBeExecuteOnly: Bool = false, epoch: UInt64,
  contentKey: borrowing SecretBytes,
  signer: borrowing SigningIdentity, compressionLevel: Int32 = 12
) throws(PackagingError) -> PackedFile {
  try signer.requireScope(over: details.name)
  guard image.hasSeparateCode || !mayBeExecuteOnly else { throw .codeNotSeparate }
  var manifest = Manifest(
    role: .module, name: details.name, version: details.version, securityVersion: details.securityVersion,
    machine: image.machine.rawValue, issuedAt: details.issuedAt, payloadSize: 0,
    sizeBound: max(smallestSizeBound, padme(UInt64(image.bytes.count))),
    segmentSize: SegmentLayout.usualSegmentSize, digests: [], epoch: epoch)
  manifest.mayBeExecuteOnly = mayBeExecuteOnly
  manifest.minimumStatus = details.minimumStatus
  let compressed = try compressAndPad(image.bytes, level: compressionLevel)
  let payload: [UInt8]
  do throws(CryptographyError) {
    payload = try encrypt(compressed, contentKey: contentKey, context: manifest.payloadContext)
  } catch {
    throw .cryptography(error)
  }
  return try sign(&manifest, payload: payload, signer: signer)
}

/// Packs a boot stage (SPEC 4.3): signs it as it is.
public func packStage(
  _ image: StageExecutable, role: Role, _ details: PackageDetails, signer: borrowing SigningIdentity
) throws(PackagingError) -> PackedFile {
  try signer.requireScope(over: details.name)
  let size = UInt64(image.bytes.count)
  var manifest = Manifest(
    role: role, name: details.name, version: details.version, securityVersion: details.securityVersion,
    machine: image.machine.rawValue, issuedAt: details.issuedAt, payloadSize: size, sizeBound: size,
    segmentSize: SegmentLayout.usualSegmentSize, digests: [], epoch: nil)
  return try sign(&manifest, payload: image.bytes, signer: signer)
}

/// A package in two pieces, which follow each other in the file.
public struct PackedFile: Sendable {
  public let front: [UInt8]
  public let payload: [UInt8]
  public let manifest: Manifest
}

/// What the vendor or platform owner says of what is packed.
public struct PackageDetails: Sendable {
  public var name: Name
  public var version: Version
  /// Floors compare this, not the version.
  public var securityVersion: UInt64
  /// Seconds since 1970.
  public var issuedAt: UInt64
  /// The status list that a device must have seen; not for boot stages, whose verifiers know of none.
  public var minimumStatus: UInt64?

  public init(
    name: Name, version: Version, securityVersion: UInt64 = 0, issuedAt: UInt64, minimumStatus: UInt64? = nil
  ) {
    self.name = name
    self.version = version
    self.securityVersion = securityVersion
    self.issuedAt = issuedAt
    self.minimumStatus = minimumStatus
  }
}

/// Below this size modules aren't told apart (SPEC 4.2).
private let smallestSizeBound: UInt64 = 4096

/// One LZ4 frame, and a skippable one that brings the size to a padmé number.
private func compressAndPad(_ module: [UInt8], level: Int32) throws(PackagingError) -> [UInt8] {
  var frame: [UInt8]
  do throws(CompressionError) {
    frame = try compressLZ4Frame(module.span.bytes, level: level)
  } catch {
    throw .compression(error)
  }
  let size = padme(UInt64(frame.count + PaddingChecker.headerSize))
  guard let padding = PaddingChecker.encode(size: Int(size) - frame.count) else { throw .tooLarge }
  frame += padding
  return frame
}

/// Cobblestone-256: header, then chunk after chunk.
private func encrypt(
  _ plaintext: [UInt8], contentKey: borrowing SecretBytes, context: [UInt8]
) throws(CryptographyError) -> [UInt8] {
  guard let size = ChunkedEncryption.ciphertextByteCount(forPlaintext: UInt64(plaintext.count)) else {
    throw .messageTooLong
  }
  var sealer = try ChunkSealer(key: contentKey, context: context.span.bytes)
  var ciphertext = sealer.header
  ciphertext.reserveCapacity(Int(size))
  let chunk = UnsafeMutableRawBufferPointer.allocate(
    byteCount: ChunkedEncryption.sealedChunkByteCount, alignment: 16)
  defer { chunk.deallocate() }
  let plaintext = plaintext.span.bytes
  var start = 0
  while !sealer.isComplete {
    let end = min(start + ChunkedEncryption.chunkByteCount, plaintext.byteCount)
    let count = try sealer.seal(chunk: plaintext.extracting(start..<end), into: chunk)
    ciphertext += chunk[..<count]
    start = end
  }
  return ciphertext
}

/// Digests the segments, signs the manifest and puts the front together.
private func sign(
  _ manifest: inout Manifest, payload: [UInt8], signer: borrowing SigningIdentity
) throws(PackagingError) -> PackedFile {
  manifest.payloadSize = UInt64(payload.count)
  guard manifest.payloadSize <= Limits.payload, manifest.segments.count <= Limits.segments else { throw .tooLarge }
  do throws(CryptographyError) {
    for index in 0..<manifest.segments.count {
      let range = manifest.segments.range(of: index)
      manifest.digests += try SHA256.hash(payload.span.bytes.extracting(Int(range.lowerBound)..<Int(range.upperBound)))
    }
  } catch {
    throw .cryptography(error)
  }
  let signed = try signer.sign(manifest.encoded(), type: Manifest.type)
  let front = PackageFront.encode(
    chain: signer.chain.encoded, signedManifest: signed, payloadSize: manifest.payloadSize)
  return PackedFile(front: front, payload: payload, manifest: manifest)
}
