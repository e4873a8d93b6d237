import BootChain
import CLinux
import CSecondCheck
import Cryptography
package import ErrorClass
import HuskFormat
import SecureStorage

/// What came of a payload: not what was decided about it, but what it was decided on (SPEC 15.4).
struct Unpacked {
  /// The SHA-256 of each segment that was read, one behind another.
  var digests: [UInt8] = []
  /// How many chunks were opened.
  var chunks: UInt64 = 0
  /// Of the module, in bytes.
  var size: UInt64 = 0
}

/// All that a load was decided on, to decide about it once more (SPEC 9.1 step 6).
package struct LoadCheck {
  let signed: SignedBytes
  let rules: LoadRules
  let unpacked: Unpacked
  /// The module, sealed.
  let file: Int32

  /// Decides, and checks that what was unpacked is what was decided on; returns the digest of the decision.
  package func perform() throws(ErrorClass) -> [UInt8] {
    let decision = try SignedParts(signed).decide(rules)
    let manifest = decision.package.value
    guard unpacked.digests == manifest.digests else { throw .digestMismatch }
    guard unpacked.chunks == ChunkLayout(ciphertextByteCount: manifest.payloadSize)?.chunkCount else {
      throw .decryptionFailed
    }
    guard unpacked.size <= manifest.sizeBound, linux_regular_file_size(file) == Int64(clamping: unpacked.size) else {
      throw .sizeMismatch
    }
    return try decision.digest()
  }

  /// Readies the second copy's part of libcrypto, so that no load pays for it.
  static func prepare() {
    #if hasFeature(Embedded)
      second_check_prepare()
    #endif
  }

  /// The same by the second copy of this code, on a device.
  func performAgain() throws(ErrorClass) -> [UInt8] {
    #if hasFeature(Embedded)
      var digest = [UInt8](repeating: 0, count: SHA256.byteCount)
      let status = withUnsafePointer(to: self) { second_check_load($0, &digest) }
      guard status == 0 else { throw ErrorClass(rawValue: status) ?? .internal }
      return digest
    #else
      return try perform()
    #endif
  }
}

/// A status list that a client shows, to decide about it once more.
package struct StatusListCheck {
  let list: [UInt8]
  let context: DecisionContext

  /// Decides; returns what is to be remembered, and of whom.
  func perform() throws(ErrorClass) -> (mark: StatusMark, vendorScope: Scope) {
    let time = try context.present()
    guard var memory = context.memory else { throw .io }
    let mark: StatusMark
    let vendorScope: Scope
    do throws(FormatError) {
      let file = try StatusListFile(list)
      let verified = try file.verify(with: ChainVerifier(anchors: context.boot.bootRoots, time: time))
      mark = try file.mark(of: verified)
      vendorScope = verified.authority.vendorScope
    } catch {
      throw error.errorClass
    }
    try memory.record(mark, of: vendorScope)
    return (mark, vendorScope)
  }

  /// The same; returns the digest of the list's payload.
  package func digest() throws(ErrorClass) -> [UInt8] { try perform().mark.digest }

  /// The same by the second copy of this code, on a device.
  func performAgain() throws(ErrorClass) -> [UInt8] {
    #if hasFeature(Embedded)
      var digest = [UInt8](repeating: 0, count: SHA256.byteCount)
      let status = withUnsafePointer(to: self) { second_check_status_list($0, &digest) }
      guard status == 0 else { throw ErrorClass(rawValue: status) ?? .internal }
      return digest
    #else
      return try digest()
    #endif
  }
}
