import BootChain
import CLinux
import ErrorClass
import HuskFormat
import SecureStorage
import SecureWorld

/// One request to load a module (SPEC 9.1): the signed bytes of package and grant, read once, and what they say.
struct LoadRequest {
  private let package: Int32
  private let packageSize: UInt64
  private let front: PackageFront
  private let grant: GrantFile
  private let isOnTrial: Bool

  /// What a load was decided on; equal only if every verified word of it is.
  struct Decision: Equatable {
    let package: Verified<Manifest>
    let grant: Verified<Grant>
    let time: TimeBasis
  }

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
    packageSize = try regularFileSize(package)
    front = try readPackageFront(package, fileSize: packageSize)
    self.grant = try GrantFile(reading: grant)
    self.isOnTrial = isOnTrial
  }

  /// Decides, unwraps, decrypts, decompresses, decides again, seals: everything of SPEC 9.1.
  ///
  /// - Parameter progress: whom to tell how far it is.
  func perform(
    _ keys: borrowing DeviceKeys, _ context: DecisionContext, progress: ProgressReporter?
  ) throws(ErrorClass) -> Result {
    guard let time = context.time else { throw .internal }
    guard let memory = context.memory else { throw .io }
    let decision = try decide(keys.state, context, memory, time)
    let manifest = decision.package.value
    let file = linux_memory_file_module("module")
    guard file >= 0 else { throw .outOfMemory }
    do throws(ErrorClass) {
      let size = try unpack(decision, keys, into: file, progress)
      // Once more on the same signed bytes; by then all signed times are known (SPEC 15.4).
      let again = try decide(keys.state, context, memory, decision.time)
      guard again.package == decision.package, again.grant == decision.grant else { throw .internal }
      guard linux_seal(file) == 0, linux_is_sealed(file) == 1 else { throw .internal }
      let terms = again.grant.value.terms
      let module = LoadedModule(
        name: manifest.name.bytes,
        version: [manifest.version.major, manifest.version.minor, manifest.version.patch],
        securityVersion: manifest.securityVersion, epoch: terms.epoch, size: size, sequence: terms.sequence,
        notBefore: terms.notBefore, notAfter: terms.notAfter, features: terms.features,
        mayBeExecuteOnly: manifest.mayBeExecuteOnly)
      return Result(
        module: module, vendorScope: again.package.authority.vendorScope, time: again.time.lowerBound, file: file)
    } catch {
      close(file)
      throw error
    }
  }
}

extension LoadRequest {
  /// Steps 1 to 3 of SPEC 9.1, without unwrapping.
  private func decide(
    _ device: DeviceState, _ context: DecisionContext, _ memory: SecureState, _ start: TimeBasis
  ) throws(ErrorClass) -> Decision {
    var time = start
    do throws(FormatError) {
      let package = try front.verify(
        role: .module, fileSize: packageSize, with: ChainVerifier(anchors: context.boot.bootRoots, time: time))
      guard package.value.machine == linux_machine() else { throw FormatError(.wrongArchitecture, in: .manifest) }
      let vendorScope = package.authority.vendorScope
      time.raise(to: package.issuedAt)
      time.raise(to: memory.time(in: vendorScope))
      let grant = try grant.verify(with: ChainVerifier(anchors: context.boot.bootRoots, time: time))
      time.raise(to: grant.issuedAt)
      try grant.authorize(
        package, packageID: front.packageID(), on: device, time: time,
        memory: memory.memory(of: package.value.name),
        status: context.lists.knowledge(memory.statusMarks))
      do throws(ErrorClass) {
        try context.bindings.check(vendorScope, to: context.user)
        // Whether there is room for it is known before the work is done.
        var next = memory
        try next.record(
          SecureState.Load(
            package.value.name, sequence: grant.value.terms.sequence, securityVersion: package.value.securityVersion,
            vendorScope: vendorScope, time: time.lowerBound, isOnTrial: isOnTrial))
      } catch {
        throw FormatError(error, in: .manifest)
      }
      return Decision(package: package, grant: grant, time: time)
    } catch {
      throw error.errorClass
    }
  }

  /// Unwraps the content key and unpacks the module; returns its size in bytes.
  private func unpack(
    _ decision: Decision, _ keys: borrowing DeviceKeys, into file: Int32, _ progress: ProgressReporter?
  ) throws(ErrorClass) -> UInt64 {
    let manifest = decision.package.value
    let payload = PackagePayload(file: package, offset: front.payloadOffset, manifest: manifest)
    var progress = progress
    var unpacker = try ModuleUnpacker(file: file, sizeBound: manifest.sizeBound)
    do throws(FormatError) {
      let contentKey = try decision.grant.value.unwrap(with: keys.grantKey)
      do throws(ErrorClass) {
        try payload.decrypt(with: contentKey) { (plaintext) throws(ErrorClass) in
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
    return try unpacker.finish()
  }
}
