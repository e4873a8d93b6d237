import CLinux
import Cryptography
public import DICE
public import ErrorClass
public import HuskFormat

/// A stage that was verified and measured, in a sealed memory file that is ready to be executed (SPEC 7.2).
public struct StageImage: ~Copyable {
  public let stage: Stage
  public let manifest: Verified<Manifest>
  /// SHA-512 of the image.
  public let measurement: [UInt8]
  let file: MemoryFile

  /// Verifies, reads and measures a stage from flash: steps 1 to 4 of SPEC 7.2.
  ///
  /// - Parameter flash: the flash directory.
  public init(_ stage: Stage, flash: Int32, state: BootState) throws(ErrorClass) {
    let package = try FlashFile(stage.path, in: flash)
    let front = try package.readFront()
    let decision = try Self.decide(stage, front, fileSize: package.size, state)

    let file = try MemoryFile()
    let measurement = try Self.copy(decision.value, from: package, at: front.payloadOffset, to: file)
    try file.seal()

    // Everything once more, from the same signed bytes and from what will run (SPEC 15.4).
    guard try Self.decide(stage, front, fileSize: package.size, state) == decision,
      try Self.measure(file, against: decision.value) == measurement
    else { throw .internal }
    self.stage = stage
    self.manifest = decision
    self.measurement = measurement
    self.file = file
  }

  /// What the stage before measures of this one (SPEC 6.2).
  public borrowing func diceInputs(_ state: BootState) throws(ErrorClass) -> DICE.Inputs {
    let authority: [UInt8]
    do throws(FormatError) {
      authority = try sealingAuthority(bootRoot: manifest.authority.root, role: manifest.value.role)
    } catch {
      throw error.errorClass
    }
    do throws(CryptographyError) {
      let inputs = DICE.Inputs(
        code: measurement, configuration: configurationValue(manifest.value), authority: authority,
        mode: state.lifecycle.mode, hidden: try SHA512.hash(hiddenInput(state).span.bytes))
      guard let inputs else { throw .invalidLength }
      return inputs
    } catch {
      throw .internal
    }
  }
}

extension StageImage {
  /// Steps 1 and 2: may these signed bytes boot here as this stage?
  private static func decide(
    _ stage: Stage, _ front: PackageFront, fileSize: UInt64, _ state: BootState
  ) throws(ErrorClass) -> Verified<Manifest> {
    let manifest: Verified<Manifest>
    do throws(FormatError) {
      manifest = try front.verify(role: stage.role, fileSize: fileSize, with: state.verifier)
    } catch {
      throw error.errorClass
    }
    guard manifest.value.machine == linux_machine() else { throw .wrongArchitecture }
    guard manifest.value.securityVersion >= state.floors[stage] else { throw .rollback }
    return manifest
  }

  /// Step 3: copies the payload, each segment checked in memory before it goes on; returns its SHA-512.
  private static func copy(
    _ manifest: Manifest, from package: borrowing FlashFile, at offset: UInt64, to file: borrowing MemoryFile
  ) throws(ErrorClass) -> [UInt8] {
    var hasher = try SegmentHasher(manifest)
    while let range = hasher.nextRange {
      let segment = try package.read(at: offset + range.lowerBound, count: range.count)
      try hasher.take(segment)
      try file.write(segment, at: range.lowerBound)
    }
    return try hasher.finish()
  }

  /// The same digests and measurement, from the memory file.
  private static func measure(
    _ file: borrowing MemoryFile, against manifest: Manifest
  ) throws(ErrorClass) -> [UInt8] {
    var hasher = try SegmentHasher(manifest)
    while let range = hasher.nextRange {
      guard let segment = readFile(file.descriptor, at: range.lowerBound, count: range.count) else { throw .io }
      try hasher.take(segment)
    }
    return try hasher.finish()
  }
}
