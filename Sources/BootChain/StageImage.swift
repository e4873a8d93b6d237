import Cryptography
public import DICE
public import DeviceStore
public import ErrorClass
public import HuskFormat

/// A stage that was verified and measured, in a sealed memory file that is ready to be executed (SPEC 7.2).
public struct StageImage: ~Copyable {
  public let stage: Stage
  public let manifest: Verified<Manifest>
  /// SHA-512 of the image.
  public let measurement: [UInt8]
  let file: MemoryFile

  /// Verifies, reads and measures a stage: steps 1 to 4 of SPEC 7.2.
  public init<Medium: Storage>(
    _ stage: Stage, in slot: Slot, on storage: Medium, state: BootState
  ) throws(ErrorClass) {
    let package = try StagePackage(stage, at: BootPath.package(stage, in: slot), on: storage)
    let decision = try package.decide(state)

    let file = try MemoryFile()
    let measurement = try Self.copy(decision, from: package, to: file)
    try file.seal()

    // Everything once more, from the same signed bytes and from what will run (SPEC 15.4).
    guard try package.check(state, file: file).performAgain() == measurement else { throw .internal }
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
  /// Step 3: copies the payload, each segment checked in memory before it goes on; returns its SHA-512.
  private static func copy<Medium: Storage>(
    _ manifest: Verified<Manifest>, from package: borrowing StagePackage<Medium>, to file: borrowing MemoryFile
  ) throws(ErrorClass) -> [UInt8] {
    var measurement = try Measurement()
    try package.readPayload(manifest) { (segment, offset) throws(ErrorClass) in
      try measurement.update(segment)
      try file.write(segment, at: offset)
    }
    return try measurement.finish()
  }
}
