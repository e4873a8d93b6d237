import BootChain
import CBOR
import CLinux
import Cryptography
import ErrorClass
import HuskFormat
import SecureStorage

/// What of a load is signed: the bytes of package and grant, read once, and what they say.
struct SignedParts {
  let bytes: SignedBytes
  private let front: PackageFront
  private let grant: GrantFile

  /// Reads it.
  init(package: Int32, grant: Int32) throws(ErrorClass) {
    let size = try regularFileSize(package)
    let (front, bytes) = try readPackageFrontBytes(package, fileSize: size)
    let grant = try GrantFile.read(grant)
    self.bytes = SignedBytes(package: bytes, packageSize: size, grant: grant.bytes)
    self.front = front
    self.grant = grant.file
  }

  /// Parses it anew.
  init(_ bytes: SignedBytes) throws(ErrorClass) {
    self.bytes = bytes
    do throws(FormatError) {
      front = try PackageFront(bytes.package)
      grant = try GrantFile(bytes.grant)
    } catch {
      throw error.errorClass
    }
  }

  var payloadOffset: UInt64 { front.payloadOffset }
}

/// The same as it came.
struct SignedBytes {
  /// The package's front, and perhaps some of what follows.
  let package: [UInt8]
  let packageSize: UInt64
  let grant: [UInt8]
}

/// What a load is decided against.
struct LoadRules {
  let device: DeviceState
  let context: DecisionContext
  let isOnTrial: Bool
  /// The latest signed time that is known before anything is read.
  var signedTime: UInt64 = 0
}

/// What a load was decided on.
struct LoadDecision {
  let package: Verified<Manifest>
  let packageID: [UInt8]
  let grant: Verified<Grant>
  let grantID: [UInt8]
  let time: TimeBasis

  /// Stands for all of it.
  func digest() throws(ErrorClass) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(4)
    encoder.encode(bytes: packageID)
    encoder.encode(bytes: grantID)
    encoder.encode(bytes: package.authority.vendorScope.bytes)
    encoder.encode(unsigned: time.lowerBound)
    do throws(CryptographyError) {
      return try SHA256.hash(encoder.bytes.span.bytes)
    } catch {
      throw .internal
    }
  }
}

extension SignedParts {
  /// Steps 1 to 3 of SPEC 9.1, without unwrapping.
  func decide(_ rules: LoadRules) throws(ErrorClass) -> LoadDecision {
    let context = rules.context
    guard let memory = context.memory else { throw .io }
    var time = try context.present()
    time.raise(to: rules.signedTime)
    do throws(FormatError) {
      let package = try front.verify(
        role: .module, fileSize: bytes.packageSize,
        with: ChainVerifier(anchors: context.boot.bootRoots, time: time))
      guard package.value.machine == context.machine else { throw FormatError(.wrongArchitecture, in: .manifest) }
      let vendorScope = package.authority.vendorScope
      time.raise(to: package.issuedAt)
      time.raise(to: memory.time(in: vendorScope))
      let grant = try grant.verify(with: ChainVerifier(anchors: context.boot.bootRoots, time: time))
      time.raise(to: grant.issuedAt)
      let packageID = try front.packageID()
      try grant.authorize(
        package, packageID: packageID, on: rules.device, time: time, memory: memory.memory(of: package.value.name),
        status: context.lists.knowledge(memory.statusMarks))
      do throws(ErrorClass) {
        try context.bindings.check(vendorScope, to: context.user)
        // Whether there is room for it is known before the work is done.
        var next = memory
        try next.record(
          SecureState.Load(
            package.value.name, sequence: grant.value.terms.sequence, securityVersion: package.value.securityVersion,
            vendorScope: vendorScope, time: time.lowerBound, isOnTrial: rules.isOnTrial))
      } catch {
        throw FormatError(error, in: .manifest)
      }
      return LoadDecision(
        package: package, packageID: packageID, grant: grant, grantID: try self.grant.grantID(), time: time)
    } catch {
      throw error.errorClass
    }
  }
}
