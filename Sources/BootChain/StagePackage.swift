import CLinux
import DeviceStore
import ErrorClass
import HuskFormat

/// A stage's package in storage: its signed front, read once, and its payload, open for reading. What may boot is decided
/// here, whether it is to be started, copied or only looked at (SPEC 7.2, 7.11).
struct StagePackage<Medium: Storage>: ~Copyable {
  let stage: Stage
  /// Everything before the payload, as it was parsed.
  let head: [UInt8]
  /// Of the whole file, in bytes.
  let size: UInt64
  private let front: PackageFront
  private let file: StoredFile<Medium>

  init(_ stage: Stage, at path: StoragePath, on storage: Medium) throws(ErrorClass) {
    let file = try StoredFile(path, .reading, on: storage)
    let size = try file.size()
    let (front, bytes) = try readPackageFront(fileSize: size) { (count) throws(ErrorClass) in
      try file.read(at: 0, count: count)
    }
    self.stage = stage
    self.size = size
    self.front = front
    // The front parsed, so it ends within what was read.
    head = Array(bytes.prefix(Int(clamping: front.payloadOffset)))
    self.file = file
  }

  /// Steps 1 and 2 of SPEC 7.2.
  borrowing func decide(_ state: BootState) throws(ErrorClass) -> Verified<Manifest> {
    try front.decide(stage, fileSize: size, state)
  }

  /// What was decided of it, to be decided once more.
  ///
  /// - Parameter file: its payload, as it will run.
  borrowing func check(_ state: BootState, file: borrowing MemoryFile) -> StageCheck {
    StageCheck(stage: stage, head: head, size: size, state: state, file: file.descriptor)
  }

  /// Reads the payload: as ``readSegments(of:_:_:)``.
  borrowing func readPayload(
    _ manifest: Verified<Manifest>, _ body: ([UInt8], UInt64) throws(ErrorClass) -> Void
  ) throws(ErrorClass) {
    try readSegments(
      of: manifest.value,
      { (offset, count) throws(ErrorClass) in try file.read(at: UInt64(head.count) + offset, count: count) }, body)
  }
}

extension PackageFront {
  /// Steps 1 and 2 of SPEC 7.2: may these signed bytes boot here as this stage?
  func decide(_ stage: Stage, fileSize: UInt64, _ state: BootState) throws(ErrorClass) -> Verified<Manifest> {
    let manifest: Verified<Manifest>
    do throws(FormatError) {
      manifest = try verify(role: stage.role, fileSize: fileSize, with: state.verifier)
    } catch {
      throw error.errorClass
    }
    guard manifest.value.machine == linux_machine() else { throw .wrongArchitecture }
    guard manifest.value.securityVersion >= state.floors[stage] else { throw .rollback }
    return manifest
  }
}
