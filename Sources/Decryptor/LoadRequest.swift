import BootChain
import CLinux
import ErrorClass
import HuskFormat
import SecureWorld

/// One request to load a module (SPEC 9.1).
struct LoadRequest {
  private let package: Int32
  private let signed: SignedParts
  private let isOnTrial: Bool

  /// A module that may leave.
  struct Result {
    let module: LoadedModule
    let vendorScope: Scope
    /// The latest signed time seen.
    let time: UInt64
    /// The sealed memory file; the receiver closes it.
    let file: Int32
  }

  /// Reads and parses what is signed.
  ///
  /// - Parameters:
  ///   - package: descriptor of the package; it stays the caller's and must outlive this value.
  ///   - grant: descriptor of the grant; it stays the caller's.
  ///   - isOnTrial: whether sequence number and floor stay as they are (SPEC 9.3).
  init(package: Int32, grant: Int32, isOnTrial: Bool) throws(ErrorClass) {
    self.package = package
    signed = try SignedParts(package: package, grant: grant)
    self.isOnTrial = isOnTrial
  }

  /// Decides, unwraps, decrypts, decompresses, decides again, seals: everything of SPEC 9.1.
  ///
  /// - Parameter progress: whom to tell how far it is.
  func perform(
    _ keys: borrowing DeviceKeys, _ context: DecisionContext, progress: ProgressReporter?
  ) throws(ErrorClass) -> Result {
    var rules = LoadRules(device: keys.state, context: context, isOnTrial: isOnTrial)
    let decision = try signed.decide(rules)
    let manifest = decision.package.value
    let file = linux_memory_file_module("module")
    guard file >= 0 else { throw .outOfMemory }
    do throws(ErrorClass) {
      let unpacked = try unpack(decision, keys, into: file, progress)
      guard linux_seal(file) == 0, linux_is_sealed(file) == 1 else { throw .internal }
      // Once more on the same signed bytes; by now all signed times are known (SPEC 15.4).
      rules.signedTime = decision.time.lowerBound
      let check = LoadCheck(signed: signed.bytes, rules: rules, unpacked: unpacked, file: file)
      guard try check.performAgain() == decision.digest() else { throw .internal }
      let terms = decision.grant.value.terms
      let module = LoadedModule(
        name: manifest.name.bytes,
        version: [manifest.version.major, manifest.version.minor, manifest.version.patch],
        securityVersion: manifest.securityVersion, epoch: terms.epoch, size: unpacked.size, sequence: terms.sequence,
        notBefore: terms.notBefore, notAfter: terms.notAfter, features: terms.features,
        mayBeExecuteOnly: manifest.mayBeExecuteOnly)
      return Result(
        module: module, vendorScope: decision.package.authority.vendorScope, time: decision.time.lowerBound, file: file)
    } catch {
      close(file)
      throw error
    }
  }
}

extension LoadRequest {
  /// Unwraps the content key and unpacks the module.
  private func unpack(
    _ decision: LoadDecision, _ keys: borrowing DeviceKeys, into file: Int32, _ progress: ProgressReporter?
  ) throws(ErrorClass) -> Unpacked {
    let manifest = decision.package.value
    let payload = PackagePayload(file: package, offset: signed.payloadOffset, manifest: manifest)
    var progress = progress
    var unpacked = Unpacked()
    var unpacker = try ModuleUnpacker(file: file, sizeBound: manifest.sizeBound)
    do throws(FormatError) {
      let contentKey = try decision.grant.value.unwrap(with: keys.grantKey)
      do throws(ErrorClass) {
        (unpacked.digests, unpacked.chunks) = try payload.decrypt(with: contentKey) { (plaintext) throws(ErrorClass) in
          try unpacker.take(plaintext)
        } afterSegment: {
          progress?.report($0, of: manifest.payloadSize)
        }
      } catch {
        throw FormatError(error, in: .payload)
      }
    } catch {
      throw error.errorClass
    }
    unpacked.size = try unpacker.finish()
    return unpacked
  }
}
