import CHusk
import CLinux
import CLoader
import DeviceStore
import ErrorClass
import SecureWorld

/// A file that is being received: what `husk_install` stands for.
final class Install {
  private let store: Store
  private var reception: Reception<POSIXStorage, Device>
  private var progress: ProgressTeller

  init(_ store: Store, _ options: husk_install_options) throws(ErrorClass) {
    try requireMemory(LOADER_FRONT_SIZE)
    self.store = store
    progress = ProgressTeller(options.progress, options.progress_user)
    let name = options.resume.map { bytes($0) }
    reception = try store.withReception { (modules) throws(ErrorClass) in
      try Reception(into: modules, store.device, resuming: name)
    }
  }

  deinit {
    do throws(ErrorClass) {
      try store.withReception { _ throws(ErrorClass) in reception.close() }
    } catch {
      // It throws nothing.
    }
  }

  /// From which byte on the file is to come.
  var position: UInt64 { reception.position }

  func take(_ bytes: UnsafeRawBufferPointer) throws(ErrorClass) {
    if reception.size == nil { try requireMemory(LOADER_FRONT_SIZE) }
    try store.withReception { _ throws(ErrorClass) in try reception.take(bytes) }
    if let size = reception.size { try progress.report(reception.position, of: size) }
  }

  func finish() throws(ErrorClass) -> CheckedFile {
    try store.withReception { _ throws(ErrorClass) in try reception.finish() }
  }

  /// Takes all that a descriptor gives.
  func takeAll(from file: Int32) throws(ErrorClass) {
    let size = 65_536
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 1)
    defer { buffer.deallocate() }
    while true {
      let count = linux_read_all(file, buffer.baseAddress, size)
      guard count >= 0 else { throw .io }
      try take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      if count < size { return }
    }
  }
}
