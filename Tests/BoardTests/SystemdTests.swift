import DeviceSupport
import Foundation
import TestSupport
import Testing

/// SPEC 7.7 on a real kernel, with systemd as its first process: the units as they ship, installed as their README tells.
@Suite("The sample units on a board", .enabled(if: boardsAvailable && Architecture.host == .x86_64, needsBoards))
struct SystemdTests {
  @Test("start the decryptor for the first member of the clients' group, shut in, and again after it was killed")
  func service() throws {
    let bench = try Bench.of(.x86_64)
    let console = bench.directory.appending(path: "console")
    let outcome = try run(
      packageRoot.appending(path: "Tests/Programs/service_board.sh").path,
      [
        packageRoot.appending(path: ".build-board/x86_64").path, Release.host.folder.path,
        bench.directory.appending(path: "sample").path, Compiler.firmware("service_client").path, console.path,
      ], seconds: 150)
    let process = """
      Uid: 64901
      CapEff: 0000000000000000
      CapBnd: 0000000000000000
      NoNewPrivs: 1
      Seccomp: 2
      """
    // The codec has no function `answer`: that it is asked for one is what shows that it was loaded.
    #expect(
      outcome.stdout == """
        first process: systemd
        socket: srw-rw---- root husk-clients
        service before the first client: inactive
        member: no answer
        service: active
        \(process)
        \(process)
        stranger: no decryptor (status 28)
        without its decryptor: failed
        member again: no answer
        service again: active
        stopped: success,\u{20}

        """, "\(outcome.stderr)\n\((try? String(contentsOf: console, encoding: .utf8)) ?? "")")
    #expect(outcome.status == 0)
  }
}
