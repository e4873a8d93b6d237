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
  /// Keeps other processes out.
  private let hold: StoredFile<POSIXStorage>?

  /// - Parameter flash: descriptor of the flash folder; it stays the caller's.
  init(_ device: Device, flash: Int32) throws(ErrorClass) {
    self.device = device
    modules = ModuleStore(on: POSIXStorage(root: flash))
    guard linux_is_directory(flash) == 1 else { throw .invalidArgument }
    hold = try modules.open()
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

  func describeModules(
    _ first: UnsafeMutablePointer<husk_stored_module>?, _ capacity: Int, _ count: UnsafeMutablePointer<Int>
  ) throws(ErrorClass) {
    let names = modules.modules()
    var array = try StructArray(first, capacity, count: names.count, count)
    for name in names {
      let state = modules.state(of: name)
      let usage = modules.usage(of: name)
      var module = husk_stored_module()
      copy(name, to: &module.name, MemoryLayout.size(ofValue: module.name))
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
      try array.append(&module, MemoryLayout<husk_stored_module>.size)
    }
  }

  func describeHistory(
    of name: [UInt8], _ first: UnsafeMutablePointer<husk_event>?, _ capacity: Int, _ count: UnsafeMutablePointer<Int>
  ) throws(ErrorClass) {
    let history = StorePaths.isName(name) ? modules.state(of: name).history : []
    var array = try StructArray(first, capacity, count: history.count, count)
    for past in history {
      var event = husk_event(
        size: 0, run: past.run, kind: UInt32(truncatingIfNeeded: past.kind.rawValue), slot: UInt32(past.slot.rawValue),
        detail: past.detail, version: triple(past.version), reserved: 0)
      try array.append(&event, MemoryLayout<husk_event>.size)
    }
  }
}

/// A version as C has it; 0.0.0 for none.
func triple(_ version: [UInt32]?) -> (UInt32, UInt32, UInt32) {
  guard let version, version.count == 3 else { return (0, 0, 0) }
  return (version[0], version[1], version[2])
}

/// Copies text into an array of C's that is all zeros, and leaves at least one of them.
func copy(_ text: [UInt8], to room: UnsafeMutableRawPointer, _ size: Int) {
  UnsafeMutableRawBufferPointer(start: room, count: size - 1).copyBytes(from: text.prefix(size - 1))
}
