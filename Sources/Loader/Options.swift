import CHusk
import CLoader
import ErrorClass

// The structs of options of husk.h, as this version knows them, from callers of any version (SPEC 12.2).

extension husk_open_options {
  init(reading given: UnsafePointer<husk_open_options>?) throws(ErrorClass) {
    self.init()
    guard loader_read_struct(&self, MemoryLayout<Self>.size, given) == 0 else { throw .invalidArgument }
  }
}

extension husk_load_options {
  init(reading given: UnsafePointer<husk_load_options>?, _ log: Log) throws(ErrorClass) {
    self.init()
    guard loader_read_struct(&self, MemoryLayout<Self>.size, given) == 0 else {
      log.error("the options: a size or a member that this libhusk doesn't know")
      throw .invalidArgument
    }
  }

  /// What the caller's test of a module returns; 0 without one.
  func test(_ module: Module) -> Int32 {
    guard let self_test else { return 0 }
    return withExtendedLifetime(module) {
      self_test(self_test_user, OpaquePointer(Unmanaged.passUnretained(module).toOpaque()))
    }
  }

  /// Tells how far the load is; throws `cancelled` if the caller doesn't want it any more.
  func report(done: UInt64, total: UInt64) throws(ErrorClass) {
    guard let progress else { return }
    if progress(progress_user, done, total) != 0 { throw .cancelled }
  }
}

extension husk_install_options {
  init(reading given: UnsafePointer<husk_install_options>?) throws(ErrorClass) {
    self.init()
    guard loader_read_struct(&self, MemoryLayout<Self>.size, given) == 0 else { throw .invalidArgument }
  }
}

/// Tells a caller how far something is, in equal steps.
struct ProgressTeller {
  let callback: husk_progress_callback?
  let user: UnsafeMutableRawPointer?
  private var step: UInt64 = 0

  /// As many as the decryptor's at most.
  private static let steps: UInt64 = 64

  init(_ callback: husk_progress_callback?, _ user: UnsafeMutableRawPointer?) {
    self.callback = callback
    self.user = user
  }

  /// - Parameter total: isn't 0, and at most a package's size.
  /// - Throws: `cancelled` if the caller doesn't want it any more.
  mutating func report(_ done: UInt64, of total: UInt64) throws(ErrorClass) {
    let reached = 1 + done * Self.steps / total
    guard let callback, reached > step else { return }
    step = reached
    if callback(user, done, total) != 0 { throw .cancelled }
  }
}

/// Where a session's messages go: the caller's callback, if there is one.
struct Log {
  private let options: husk_open_options

  init(_ options: husk_open_options) { self.options = options }

  /// Why a call fails.
  func error(_ what: UnsafePointer<CChar>, _ detail: UnsafePointer<CChar>? = nil) {
    say(HUSK_LOG_ERROR, what, detail)
  }

  func error(_ what: StaticString, _ detail: UnsafePointer<CChar>? = nil) {
    error(what.cString, detail)
  }

  /// What a call succeeds without.
  func warning(_ what: UnsafePointer<CChar>, _ detail: UnsafePointer<CChar>? = nil) {
    say(HUSK_LOG_WARNING, what, detail)
  }

  func warning(_ what: StaticString, _ detail: UnsafePointer<CChar>? = nil) {
    warning(what.cString, detail)
  }

  private func say(_ level: Int, _ what: UnsafePointer<CChar>, _ detail: UnsafePointer<CChar>?) {
    loader_log(options.log, options.log_user, Int32(truncatingIfNeeded: level), what, detail)
  }
}

extension StaticString {
  /// As a C string that is valid for ever.
  var cString: UnsafePointer<CChar> {
    UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
  }
}
