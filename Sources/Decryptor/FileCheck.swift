import BootChain
import CLinux
import ErrorClass
import HuskFormat
import SecureStorage
import SecureWorld

/// One request to check a file (operation 7 of SPEC 8): would this device take it? Nothing is released, nothing changes.
struct FileCheck {
  private let file: Int32
  private let size: UInt64
  private let content: Content

  private enum Content {
    /// Perhaps not all of it is there yet.
    case package(PackageFront)
    case grant(GrantFile)
    case statusList([UInt8])
  }

  /// Reads and parses what is signed.
  ///
  /// - Parameter file: stays the caller's, and must outlive this value.
  init(_ file: Int32) throws(ErrorClass) {
    self.file = file
    size = try regularFileSize(file)
    let beginning = Int(clamping: min(size, UInt64(FileLabel.sequenceLabelSize)))
    guard let label = readFile(file, at: 0, count: beginning) else { throw .io }
    content =
      switch FileLabel.detect(label) {
      case .package: .package(try readPackageFront(file, fileSize: size))
      case .grant: .grant(try GrantFile.read(file).file)
      case .statusList: .statusList(try StatusListFile.read(file))
      default: throw .malformed
      }
  }

  /// - Parameter segments: of a package's payload, which must be there and as they were signed.
  func perform(
    _ device: DeviceState, _ context: DecisionContext, segments: Range<UInt64>
  ) throws(ErrorClass) -> CheckedFile {
    switch content {
    case .package(let front):
      let decision = try decide(front, context)
      let manifest = decision.value
      try check(segments, of: manifest, at: front.payloadOffset)
      // Once more on the same signed bytes (SPEC 15.4).
      guard try decide(front, context) == decision else { throw .internal }
      return try described { () throws(FormatError) in try CheckedFile(manifest, front) }
    case .grant(let file):
      guard segments.isEmpty else { throw .malformed }
      let decision = try decide(file, device, context)
      guard try decide(file, device, context) == decision else { throw .internal }
      return try described { () throws(FormatError) in try CheckedFile(decision.value.terms, file) }
    case .statusList(let bytes):
      guard segments.isEmpty else { throw .malformed }
      // It decides twice itself.
      let list = try ShownStatusList(bytes, context)
      return CheckedFile(
        role: Role.status.bytes, name: list.mark.scope.bytes, digest: list.mark.digest, number: list.mark.number)
    }
  }
}

extension FileCheck {
  private func described(_ body: () throws(FormatError) -> CheckedFile) throws(ErrorClass) -> CheckedFile {
    do throws(FormatError) {
      return try body()
    } catch {
      throw error.errorClass
    }
  }

  private func decide(
    _ front: PackageFront, _ context: DecisionContext
  ) throws(ErrorClass) -> Verified<Manifest> {
    do throws(FormatError) {
      let role = try front.unverifiedRole()
      if role == .module { return try decide(module: front, context) }
      guard let stage = Stage.allCases.first(where: { $0.role == role }) else {
        throw FormatError(.roleMismatch, in: .manifest)
      }
      // As the boot chain will (SPEC 7.2), which knows nothing but the lower bound of time.
      let time = TimeBasis(lowerBound: context.boot.time, trustedClock: nil)
      let package = try front.verify(
        role: role, fileSize: nil, with: ChainVerifier(anchors: context.boot.bootRoots, time: time))
      guard package.value.machine == context.machine else { throw FormatError(.wrongArchitecture, in: .manifest) }
      guard package.value.securityVersion >= context.boot.floors[stage] else {
        throw FormatError(.rollback, in: .manifest)
      }
      return package
    } catch {
      throw error.errorClass
    }
  }

  private func decide(
    module front: PackageFront, _ context: DecisionContext
  ) throws(FormatError) -> Verified<Manifest> {
    let time: TimeBasis
    do throws(ErrorClass) {
      time = try context.present()
    } catch {
      throw FormatError(error, in: .manifest)
    }
    guard let memory = context.memory else { throw FormatError(.io, in: .manifest) }
    let package = try front.verify(
      role: .module, fileSize: nil, with: ChainVerifier(anchors: context.boot.bootRoots, time: time))
    guard package.value.machine == context.machine else { throw FormatError(.wrongArchitecture, in: .manifest) }
    try package.authorize(
      packageID: front.packageID(), memory: memory.memory(of: package.value.name),
      status: context.lists.knowledge(memory.statusMarks))
    return package
  }

  private func decide(
    _ file: GrantFile, _ device: DeviceState, _ context: DecisionContext
  ) throws(ErrorClass) -> Verified<Grant> {
    var time = try context.present()
    guard let memory = context.memory else { throw .io }
    do throws(FormatError) {
      let grant = try file.verify(with: ChainVerifier(anchors: context.boot.bootRoots, time: time))
      time.raise(to: grant.issuedAt)
      time.raise(to: memory.time(in: grant.authority.vendorScope))
      try grant.authorize(on: device, time: time, memory: memory.memory(of: grant.value.terms.module))
      return grant
    } catch {
      throw error.errorClass
    }
  }

  private func check(_ segments: Range<UInt64>, of manifest: Manifest, at offset: UInt64) throws(ErrorClass) {
    guard !segments.isEmpty else { return }
    let layout = manifest.segments
    guard let first = Int(exactly: segments.lowerBound), let end = Int(exactly: segments.upperBound),
      end <= layout.count
    else { throw .malformed }
    for number in first..<end {
      let range = layout.range(of: number)
      guard offset + range.upperBound <= size else { throw .sizeMismatch }
      guard let bytes = readFile(file, at: offset + range.lowerBound, count: range.count) else { throw .io }
      do throws(FormatError) {
        try manifest.check(segment: bytes.span.bytes, at: number)
      } catch {
        throw error.errorClass
      }
    }
    // The file ends with its last segment.
    guard end < layout.count || size == offset + manifest.payloadSize else { throw .sizeMismatch }
  }
}
