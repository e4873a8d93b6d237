import CHusk
import CLinux
import ErrorClass
import SecureWorld

/// A loaded module: what `husk_module` stands for.
final class Module {
  private let handle: UnsafeMutableRawPointer
  private let number: UInt
  private let segments: [linux_segment]
  private let notes: LoadedModule
  /// For C, ending in a NUL.
  private let name: UnsafeMutablePointer<CChar>
  private let features: UnsafeMutablePointer<UInt8>?

  /// Loads a received module (SPEC 9.2, step 3).
  init(_ received: consuming ReceivedModule, allowedSoname: UnsafePointer<CChar>?) throws(ErrorClass) {
    // One load at a time in this process: the steps below share the dumpable flag, the path numbers and the list.
    linux_lock()
    defer { linux_unlock() }
    try received.checkName(allowed: allowedSoname, ownObjects: Registry.objects)

    // Constructors run inside dlopen, before the segments can be kept out of core dumps.
    let wasDumpable = linux_get_dumpable()
    guard linux_set_dumpable(0) == 0 else { throw .internal }
    defer { if wasDumpable == 1 { _ = linux_set_dumpable(1) } }
    let path = Registry.unusedPath(to: received.file)
    guard let handle = linux_dlopen(path) else { throw .loadFailed }
    let number = linux_object_number(handle)
    let segments = Self.segments(of: number)
    guard !segments.isEmpty, Self.protect(segments) else {
      linux_dlclose(handle)
      throw .loadFailed
    }
    Registry.objects.append(number)
    self.handle = handle
    self.number = number
    self.segments = segments
    notes = received.notes
    name = Self.copy(received.notes.name.map { CChar(bitPattern: $0) } + [0])
    features = received.notes.features.map { Self.copy($0) }
  }

  deinit {
    linux_lock()
    Registry.objects.removeAll { $0 == number }
    linux_dlclose(handle)
    linux_unlock()
    name.deallocate()
    features?.deallocate()
  }

  /// The address of a symbol that this module itself defines.
  func symbol(_ name: UnsafePointer<CChar>) throws(ErrorClass) -> UnsafeMutableRawPointer {
    guard let address = linux_dlsym(handle, name) else { throw .notFound }
    // dlsym also looks in what the module needs.
    let place = UInt(bitPattern: address)
    guard segments.contains(where: { $0.start <= place && place < $0.end }) else { throw .notFound }
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
    return info
  }
}

extension Module {
  private static func segments(of number: UInt) -> [linux_segment] {
    let count = linux_object_segments(number, nil, 0)
    return [linux_segment](unsafeUninitializedCapacity: count) { buffer, used in
      used = min(linux_object_segments(number, buffer.baseAddress, count), count)
    }
  }

  private static func protect(_ segments: [linux_segment]) -> Bool {
    for var segment in segments where linux_protect_module(&segment) != 0 { return false }
    return true
  }

  private static func copy<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
    let copy = UnsafeMutablePointer<Element>.allocate(capacity: max(elements.count, 1))
    copy.initialize(from: elements, count: elements.count)
    return copy
  }
}
