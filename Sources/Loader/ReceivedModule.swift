import CLinux
import ErrorClass
import ModuleELF
import SecureWorld

/// A module in the sealed memory file in which it came, checked but not loaded (SPEC 9.2, steps 1 and 2).
struct ReceivedModule: ~Copyable {
  let notes: LoadedModule
  /// The memory file; closed with this value.
  let file: Int32
  /// DT_SONAME, ending in a NUL; nil if there is none.
  private let soname: [CChar]?

  /// Takes over a descriptor.
  init(_ notes: LoadedModule, file: Int32) throws(ErrorClass) {
    do throws(ErrorClass) {
      soname = try Self.check(notes, file)
    } catch {
      if file >= 0 { close(file) }
      throw error
    }
    self.notes = notes
    self.file = file
  }

  deinit { close(file) }

  private static func check(_ notes: LoadedModule, _ file: Int32) throws(ErrorClass) -> [CChar]? {
    guard file >= 0 else { throw .protocol }
    guard linux_is_sealed(file) == 1 else { throw .notSealed }
    let size = linux_regular_file_size(file)
    guard size >= 0, UInt64(size) == notes.size else { throw .protocol }
    do throws(ELFError) {
      let object = try ELFFile(FileSource(file: file, count: notes.size))
      guard object.machine.rawValue == linux_machine() else { throw .notELF }
      guard let soname = try object.soname(), !soname.isEmpty else { return nil }
      return soname.map { CChar(bitPattern: $0) } + [0]
    } catch {
      throw .notAModule
    }
  }

  /// Refuses a module whose name would satisfy other libraries' needs, unless it is the one that is allowed.
  ///
  /// Versions of a module may bear the same name: whoever loads both has the first one already. Used only between
  /// `linux_lock` and `linux_unlock`.
  borrowing func checkName(allowed: UnsafePointer<CChar>?, _ log: Log) throws(ErrorClass) {
    guard let soname else { return }
    if let allowed, strcmp(soname, allowed) == 0 { return }
    let loaded = linux_loaded_object(soname)
    if loaded != 0, !Registry.objects.contains(where: { $0.number == loaded }) {
      log.error("the module's SONAME is that of a loaded library", soname)
      throw .sonameConflict
    }
    guard linux_linker_would_find(soname) == 0 else {
      log.error("the module's SONAME is that of a library of the system", soname)
      throw .sonameConflict
    }
  }
}

/// A file as the ELF reader wants it.
private struct FileSource: ByteSource {
  let file: Int32
  let count: UInt64

  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    linux_pread_all(file, buffer.baseAddress, buffer.count, offset) == buffer.count
  }
}
