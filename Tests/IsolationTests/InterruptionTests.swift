import DeviceSupport
import Foundation
import SecureWorld
import Testing

@Suite("The decryptor", .serialized, .enabled(if: devicesAvailable, "\(needsDevice)"))
struct InterruptionTests {
  /// As it happens to every process when a machine is suspended. The kernel then goes on by a system call that the
  /// process didn't make.
  @Test("goes on after it was stopped while it waited")
  func stopped() throws {
    let client = try Device.withCounter().startSecureWorld()
    let identity = try client.identity()
    let decryptor = try client.decryptor()
    for _ in 0..<10 {
      kill(decryptor, SIGSTOP)
      try wait(for: "T", of: decryptor)
      kill(decryptor, SIGCONT)
      try wait(for: "S", of: decryptor)
      #expect(try client.identity() == identity)
    }
  }

  /// Waits until a process is in the state that proc(5) calls by a letter.
  private func wait(for state: String, of process: Int32) throws {
    let end = Date(timeIntervalSinceNow: TimeInterval(patience))
    while end > Date() {
      let status = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
      if status.split(separator: " ")[2] == state { return }
      sched_yield()
    }
    throw ProgramFailure(description: "process \(process) is never in state \(state)")
  }
}
