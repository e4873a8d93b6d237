public import BootChain
import CLinux
public import DeviceStore
import ErrorClass
import HostSupport
import HuskFormat

/// A device's flash directory, open as the boot chain has it.
struct DeviceFlash: ~Copyable {
  let storage: POSIXStorage

  init(_ path: String) throws(SimulatorError) {
    let directory = linux_open_directory(path)
    guard directory >= 0 else { throw .file(FileError(path: path, errno: linux_errno())) }
    storage = POSIXStorage(root: directory)
  }

  deinit { close(storage.root) }

  var slots: BootSlots<POSIXStorage> { BootSlots(on: storage) }
}

extension DeviceDirectory {
  /// What the ROM verifies stages against: the public part of the fuses, with the floors that were raised since.
  public func bootState() throws(SimulatorError) -> BootState {
    var state = try readPublicFuses(fuses)
    do throws(ErrorClass) {
      state.floors.raise(to: try FloorsRegister(path: floors, .reading).floors())
    } catch {
      throw .fuses(path: floors, error)
    }
    return state
  }

  /// What is known of the boot slots: which one is good, which one on trial, and what happened.
  public func updateState() throws(SimulatorError) -> UpdateState {
    try DeviceFlash(flash).slots.state
  }

  /// Verifies what a slot holds, as the ROM does; nil if it would start.
  public func problem(with slot: Slot) throws(SimulatorError) -> StageRefusal? {
    let state = try bootState()
    let flash = try DeviceFlash(flash)
    do throws(StageRefusal) {
      _ = try flash.slots.check(slot, state)
      return nil
    } catch {
      return error
    }
  }

  /// The path of a stage's package.
  func path(of stage: Stage, in slot: Slot) -> String {
    "\(flash)/\(Self.file(stage, in: slot))"
  }

  /// The same, relative to flash.
  static func file(_ stage: Stage, in slot: Slot) -> String {
    String(decoding: BootPath.package(stage, in: slot).bytes, as: UTF8.self)
  }

  /// Puts a set of stages on trial: these, and for the others what the good slot holds. The same happens on a device whose
  /// firmware asks for it (SPEC 7.11).
  public func update(_ files: [String]) throws(SimulatorError) {
    try Self.requireRoot()
    try checkFlash()
    let state = try bootState()
    let flash = try DeviceFlash(flash)
    func clear() {
      for stage in Stage.allCases { flash.storage.discard(BootPath.staged(stage)) }
    }
    let store = ModuleStore(on: flash.storage)
    // A firmware that runs could be using what is staged.
    let hold = try updating { () throws(ErrorClass) in try store.open() }
    // An update that was ended before may have left something.
    store.cleanUp()
    clear()
    defer { clear() }
    for file in files { try stage(file, flash.storage) }
    try updating { () throws(ErrorClass) in try flash.slots.tryStaged(running: nil, state) }
    _ = consume hold
  }

  private func updating<Result: ~Copyable>(
    _ body: () throws(ErrorClass) -> Result
  ) throws(SimulatorError) -> Result {
    do throws(ErrorClass) {
      return try body()
    } catch {
      throw .notUpdated(error)
    }
  }

  private func stage(_ file: String, _ storage: POSIXStorage) throws(SimulatorError) {
    let package = try openPackage(file)
    let manifest = try Self.manifest(of: package)
    guard let stage = Stage.allCases.first(where: { $0.role == manifest.role }) else { throw .notAStage(path: file) }
    guard !storage.exists(BootPath.staged(stage)) else { throw .stageTwice(path: file) }
    do throws(ObjectFileError) {
      try package.copy(to: "\(flash)/\(String(decoding: BootPath.staged(stage).bytes, as: UTF8.self))")
    } catch {
      throw .object(error)
    }
  }
}
