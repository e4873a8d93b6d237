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

/// A private key with the chain that says what it may sign; checks that it may sign for a name, if there is one.
///
/// - Parameters:
///   - name: nil where what is signed has no name.
///   - anchors: the roots that the chain must be under; nil where that is for verifiers to judge.
func loadSigningIdentity(
  key: consuming SigningKey, chain: String, role: Role, name: Name?, anchors: TrustAnchors? = nil
) throws -> SigningIdentity {
  let chainFile = try loadChain(chain)
  do throws(PackagingError) {
    let signer = try SigningIdentity(
      key: key, chain: chainFile, role: role, anchors: anchors, now: Timestamp.now.seconds)
    if let name { try signer.requireScope(over: name) }
    return signer
  } catch {
    throw SubjectError(subject: chain, error: error)
  }
}
