import COSE
import Cryptography
import HostSupport
import HuskFormat
import Packager

/// Reads a chain file.
func loadChain(_ path: String) throws -> ChainFile {
  let bytes = try readFile(path, atMost: Limits.chain)
  do throws(FormatError) {
    return try ChainFile(bytes)
  } catch {
    throw ObjectFileError.format(path: path, error)
  }
}

/// Reads the public keys of roots; the index in the result is the slot.
func loadAnchors(_ paths: [String]) throws -> TrustAnchors {
  TrustAnchors(thumbprints: try paths.map { try COSEKey.thumbprint(readSigningPublicKey($0)) })
}

/// Reads an identity file and verifies it at this host's time (SPEC 6.5).
///
/// - Parameters:
///   - roots: files with the public keys of silicon makers.
///   - bootRoots: thumbprints of the boot roots that are trusted to start secure worlds.
func loadIdentity(
  _ path: String, roots: [String], bootRoots: [[UInt8]], now: UInt64
) throws -> Verified<DeviceIdentity> {
  let anchors = try loadAnchors(roots)
  let bytes = try readFile(path, atMost: Limits.identity)
  do throws(FormatError) {
    return try IdentityFile(bytes).verify(
      with: ChainVerifier(anchors: anchors, time: hostTime(now)), bootRoots: bootRoots)
  } catch {
    throw ObjectFileError.format(path: path, error)
  }
}

/// Says of which file an error speaks.
func about<Value: ~Copyable>(_ path: String, _ body: () throws -> Value) throws -> Value {
  do {
    return try body()
  } catch let error as FileError {
    throw error
  } catch {
    throw SubjectError(subject: path, error: error)
  }
}

/// An error and what it is about.
struct SubjectError: Error {
  let subject: String
  let error: any Error
}

extension Role {
  var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension Name {
  var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension Scope {
  /// For people: the empty scope has no text of its own.
  var text: String { bytes.isEmpty ? "all names" : String(decoding: bytes, as: UTF8.self) }
}

extension Version {
  var text: String { "\(major).\(minor).\(patch)" }
}

/// Reads a private key and the chain that says what it may sign, and checks that it may sign for a name.
///
/// - Parameters:
///   - name: nil where what is signed has no name.
///   - anchors: the roots that the chain must be under; nil where that is for verifiers to judge.
func loadSigningIdentity(
  key: String, chain: String, role: Role, name: Name? = nil, anchors: TrustAnchors? = nil, keys: KeyReader
) throws -> SigningIdentity {
  let chainFile = try loadChain(chain)
  let signingKey = try keys.signingKey(key)
  do throws(PackagingError) {
    let signer = try SigningIdentity(
      key: signingKey, chain: chainFile, role: role, anchors: anchors, now: Timestamp.now.seconds)
    if let name { try signer.requireScope(over: name) }
    return signer
  } catch {
    throw SubjectError(subject: chain, error: error)
  }
}
