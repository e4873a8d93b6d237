import BootChain
import CBOR
import CLinux
import ErrorClass
import HuskFormat
import SecureWorld

/// What a worker tells the decryptor: a class, or a released module and what was learned on the way.
struct WorkerReport: Equatable {
  enum Outcome: Equatable {
    case failed(ErrorClass)
    case released(LoadedModule, vendorScope: Scope, time: UInt64)
  }

  let outcome: Outcome

  init(_ outcome: Outcome) {
    self.outcome = outcome
  }

  func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    switch outcome {
    case .failed(let errorClass):
      encoder.beginArray(1)
      encoder.encode(integer: Int64(errorClass.rawValue))
    case .released(let module, let vendorScope, let time):
      encoder.beginArray(3)
      module.encode(to: &encoder)
      encoder.encode(bytes: vendorScope.bytes)
      encoder.encode(unsigned: time)
    }
    return encoder.bytes
  }

  init(parsing message: [UInt8]) throws(CBORError) {
    var reader = CBORReader(message)
    if try reader.readArrayHeader() == 1 {
      guard let number = Int32(exactly: try reader.readInteger()), let errorClass = ErrorClass(rawValue: number) else {
        throw CBORError(.outOfRange, at: 0)
      }
      outcome = .failed(errorClass)
    } else {
      let module = try LoadedModule(&reader)
      guard let scope = Scope(try reader.readBytes()) else { throw CBORError(.outOfRange, at: 0) }
      outcome = .released(module, vendorScope: scope, time: try reader.readUnsigned())
    }
    try reader.finish()
  }
}

/// Runs one load in a process of its own, with a deadline (SPEC 8): a file descriptor from the client can block for ever,
/// and whatever a hostile file does to the process that parses it ends with that process.
struct Worker {
  /// - Parameter work: what the worker does; it runs in the new process and returns the report and a descriptor to hand
  ///   over, or -1.
  /// - Returns: the report and the memory file, or -1; the caller closes it.
  static func run(_ work: () -> (WorkerReport, Int32)) -> (WorkerReport, Int32) {
    var near: Int32 = -1
    var far: Int32 = -1
    guard linux_socket_pair(&near, &far) == 0 else { return (WorkerReport(.failed(.internal)), -1) }
    let process = linux_fork()
    if process == 0 {
      close(near)
      _ = linux_die_with_parent()
      // Locks on memory aren't inherited.
      _ = linux_lock_all_memory()
      let (report, file) = work()
      do throws(Channel.Failure) {
        try Channel(socket: far).send(report.encoded(), descriptors: file >= 0 ? [file] : [])
      } catch {
        _exit(1)
      }
      _exit(0)
    }
    close(far)
    defer { close(near) }
    guard process > 0 else { return (WorkerReport(.failed(.outOfMemory)), -1) }
    let result = receive(near)
    // Nothing that it could still do matters any more.
    kill(process, SIGKILL)
    Worker.reap(process)
    return result
  }

  private static func receive(_ socket: Int32) -> (WorkerReport, Int32) {
    guard linux_wait_readable(socket, SecureWorldProtocol.deadline) == 1 else {
      return (WorkerReport(.failed(.deadlineExceeded)), -1)
    }
    do throws(Channel.Failure) {
      var message = try Channel(socket: socket).receive()
      let report: WorkerReport
      do throws(CBORError) {
        report = try WorkerReport(parsing: message.bytes)
      } catch {
        return (WorkerReport(.failed(.internal)), -1)
      }
      return (report, message.takeDescriptor(0))
    } catch {
      // The worker died without a word.
      return (WorkerReport(.failed(.internal)), -1)
    }
  }

  /// Collects an ended worker. One that the kernel can't end yet (it waits for a file) is left: it can do nothing.
  private static func reap(_ process: pid_t) {
    _ = linux_wait_now(process)
  }
}
