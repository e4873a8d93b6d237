import CHusk
import CLinux
import DeviceStore
import ErrorClass
import SecureWorld

/// A store with the decryptor that verifies what is in it: what `husk_store` stands for.
final class Store {
  let device: Device
  private let modules: ModuleStore<POSIXStorage>
  private let lock = Lock()

  /// - Parameter flash: descriptor of the flash folder; it stays the caller's.
  init(_ device: Device, flash: Int32) throws(ErrorClass) {
    self.device = device
    modules = ModuleStore(on: POSIXStorage(root: flash))
    guard linux_is_directory(flash) == 1 else { throw .invalidArgument }
    modules.cleanUp()
    for path in modules.statusLists() { show(path) }
  }

  /// A list that isn't taken is no reason to stop: the decryptor refuses what depends on it.
  private func show(_ path: StoragePath) {
    do throws(ErrorClass) {
      let list = try StoredFile(path, .reading, on: modules.storage)
      try list.withHandle { (list) throws(ErrorClass) in try device.showStatusList(list) }
    } catch {
      let text = path.bytes.map { CChar(bitPattern: $0) } + [0]
      device.log.warning(text, husk_status_string(error.status))
    }
  }

  func load(_ name: [UInt8], _ options: husk_load_options) throws(ErrorClass) -> Module {
    lock.lock()
    defer { lock.unlock() }
    return try modules.load(name, device) { reason in
      device.log.warning("the version on trial doesn't run", husk_status_string(reason.status))
    } _: { (candidate) throws(LoadFailure) in
      let module: Module
      do throws(ErrorClass) {
        module = try device.load(
          package: candidate.package, grant: candidate.grant, options, trial: candidate.trial)
      } catch {
        throw LoadFailure(error)
      }
      let result = options.test(module)
      guard result == 0 else { throw LoadFailure(.selfTestFailed, detail: UInt64(UInt32(bitPattern: result))) }
      return module
    }
  }

  func confirm(_ module: Module) throws(ErrorClass) {
    lock.lock()
    defer { lock.unlock() }
    guard let trial = module.trial else { return }
    try modules.confirm(module.moduleName, trial)
    module.trial = nil
  }

  /// Runs something that receives, alone.
  func withReception<Result: ~Copyable>(
    _ body: (ModuleStore<POSIXStorage>) throws(ErrorClass) -> Result
  ) throws(ErrorClass) -> Result {
    lock.lock()
    defer { lock.unlock() }
    return try body(modules)
  }

  func usage() throws(ErrorClass) -> husk_usage {
    let stages = modules.usageOfStages()
    var usage = husk_usage()
    usage.staged = stages.packages
    usage.received = stages.parts
    usage.records = modules.usageOfRecords()
    usage.free = try modules.storage.freeSpace()
    for name in modules.modules() {
      let module = modules.usage(of: name)
      usage.modules += module.packages
      usage.received += module.parts
    }
    return usage
  }

  func stored() -> [husk_stored_module] {
    modules.modules().map { name in
      let state = modules.state(of: name)
      let usage = modules.usage(of: name)
      var module = husk_stored_module()
      copy(name, to: &module.name)
      module.packages = usage.packages
      module.received = usage.parts
      if let good = state.good {
        module.flags |= UInt64(HUSK_STORED_GOOD)
        module.version = triple(state.version(of: good))
      }
      if let trial = state.trial {
        module.flags |= UInt64(HUSK_STORED_ON_TRIAL)
        module.trial_version = triple(state.version(of: trial.slot))
        module.tries_left = UInt32(trial.triesLeft)
      }
      return module
    }
  }

  func history(of name: [UInt8]) -> [husk_event] {
    guard StorePaths.isName(name) else { return [] }
    return modules.state(of: name).history.map { event in
      husk_event(
        size: 0, run: event.run, kind: UInt32(truncatingIfNeeded: event.kind.rawValue), slot: UInt32(event.slot.rawValue),
        detail: event.detail, version: triple(event.version), reserved: 0)
    }
  }
}

/// A version as C has it; 0.0.0 for none.
func triple(_ version: [UInt32]?) -> (UInt32, UInt32, UInt32) {
  guard let version, version.count == 3 else { return (0, 0, 0) }
  return (version[0], version[1], version[2])
}

/// Copies text into an array of C's that is all zeros, and leaves at least one of them.
func copy<Room: BitwiseCopyable>(_ text: [UInt8], to room: inout Room) {
  withUnsafeMutableBytes(of: &room) { room in
    room.copyBytes(from: text.prefix(room.count - 1))
  }
}
