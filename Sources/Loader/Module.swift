import CHusk
import CLinux
import DeviceStore
import ErrorClass
import SecureWorld

/// A loaded module: what `husk_module` stands for.
final class Module {
  private let handle: UnsafeMutableRawPointer
  private let object: Registry.Object
  private let memory: linux_module_memory
  private let notes: LoadedModule
  /// What it is to be confirmed as; nil if it isn't on trial.
  var trial: ModuleStore<POSIXStorage>.Trial?
  /// For C, ending in a NUL.
  private let name: UnsafeMutablePointer<CChar>
  private let features: UnsafeMutablePointer<UInt8>?

  /// Loads a received module (SPEC 9.2, step 3).
  init(
    _ received: consuming ReceivedModule, allowedSoname: UnsafePointer<CChar>?,
    trial: ModuleStore<POSIXStorage>.Trial?, log: Log
  ) throws(ErrorClass) {
    // One load at a time in this process: the steps below share the dumpable flag, the path numbers and the list.
    linux_lock()
    defer { linux_unlock() }
    try received.checkName(allowed: allowedSoname, log)

    // Constructors run inside dlopen, before the segments can be kept out of core dumps.
    let wasDumpable = linux_get_dumpable()
    guard linux_set_dumpable(0) == 0 else { throw .internal }
    defer { if wasDumpable == 1 { _ = linux_set_dumpable(1) } }
    let path = Registry.unusedPath(to: received.file)
    // The second look (SPEC 15.4), at the very path that the dynamic linker takes.
    guard linux_leads_to_sealed(path, received.notes.size) == 1 else {
      log.error("the module's file, looked at again", strerror(linux_errno()))
      throw .loadFailed
    }
    guard let handle = linux_dlopen(path) else {
      log.error("dlopen", Self.reason(without: path))
      throw .loadFailed
    }
    let number = linux_object_number(handle)
    var memory = linux_module_memory()
    guard linux_protect_module(number, received.notes.mayBeExecuteOnly ? 1 : 0, &memory) == 0 else {
      log.error("the module's memory can't be kept out of core dumps")
      linux_dlclose(handle)
      throw .loadFailed
    }
    Self.tell(memory, log)
    object = Registry.Object(
      number: number, isLocked: memory.lock_error == 0,
      isExecuteOnly: memory.execute_only == LINUX_EXECUTE_ONLY_ACTIVE)
    Registry.objects.append(object)
    self.handle = handle
    self.memory = memory
    self.trial = trial
    notes = received.notes
    name = Self.copy(received.notes.name.map { CChar(bitPattern: $0) } + [0])
    features = received.notes.features.map { Self.copy($0) }
  }

  deinit {
    linux_lock()
    Registry.objects.removeAll { $0.number == object.number }
    linux_dlclose(handle)
    linux_unlock()
    name.deallocate()
    features?.deallocate()
  }

  /// ASCII.
  var moduleName: [UInt8] { notes.name }

  /// The address of a symbol that this module itself defines.
  func symbol(_ name: UnsafePointer<CChar>) throws(ErrorClass) -> UnsafeMutableRawPointer {
    guard let address = linux_dlsym(handle, name) else { throw .notFound }
    // dlsym also looks in what the module needs.
    let place = UInt(bitPattern: address)
    guard memory.start <= place, place < memory.end else { throw .notFound }
    return address
  }

  var info: husk_module_info {
    var info = husk_module_info()
    info.name = UnsafePointer(name)
    info.version = (notes.version[0], notes.version[1], notes.version[2])
    info.security_version = notes.securityVersion
    info.epoch = notes.epoch
    info.module_size = notes.size
    info.grant_sequence = notes.sequence
    info.not_before = Int64(clamping: notes.notBefore ?? 0)
    info.not_after = Int64(clamping: notes.notAfter ?? 0)
    info.features = UnsafePointer(features)
    info.features_size = notes.features?.count ?? 0
    if object.isLocked { info.flags |= UInt64(HUSK_MODULE_LOCKED) }
    if object.isExecuteOnly { info.flags |= UInt64(HUSK_MODULE_EXECUTE_ONLY) }
    if notes.mayBeExecuteOnly { info.flags |= UInt64(HUSK_MODULE_MAY_EXECUTE_ONLY) }
    if trial != nil { info.flags |= UInt64(HUSK_MODULE_ON_TRIAL) }
    return info
  }
}

extension Module {
  /// What the dynamic linker said, without the path that it begins with if it is about the module itself.
  private static func reason(without path: [CChar]) -> UnsafePointer<CChar> {
    guard let text = linux_dlerror() else { return ("" as StaticString).cString }
    let count = path.count - 1
    return strncmp(text, path, count) == 0 && text[count] == CChar(bitPattern: UInt8(ascii: ":"))
      && text[count + 1] != 0 ? text + count + 2 : text
  }

  private static func tell(_ memory: linux_module_memory, _ log: Log) {
    if memory.lock_error != 0 { log.warning("the module's memory isn't locked in RAM", strerror(memory.lock_error)) }
    switch Int(memory.execute_only) {
    case LINUX_EXECUTE_ONLY_TABLES_IN_TEXT:
      log.warning("the module's code stays readable: its segment holds tables too; link it with -Wl,-z,separate-code")
    case LINUX_EXECUTE_ONLY_UNSUPPORTED:
      log.warning("the module's code stays readable: this processor or kernel has no execute-only memory")
    default: break
    }
  }

  private static func copy<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
    let copy = UnsafeMutablePointer<Element>.allocate(capacity: max(elements.count, 1))
    copy.initialize(from: elements, count: elements.count)
    return copy
  }
}
