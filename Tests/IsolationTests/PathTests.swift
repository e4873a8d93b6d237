import BootChain
import DeviceSupport
import Foundation
import Testing

/// Which paths the stages touch: every system call that takes one, in a whole boot with a load (SPEC 7.3, 7.5).
@Suite("Paths", .serialized, .enabled(if: devicesAvailable, "\(needsDevice)"))
struct PathTests {
  @Test(
    "that stages touch are fuses, counter, floors, the flash directory, what the boot chain has in it, and nothing to speak of"
  )
  func boot() throws {
    let device = try Device.withCounter()
    // The first start notes which slot is good.
    _ = try device.boot("status", "com.acme.counter")
    let (log, outcome) = try SystemCallLog.record(
      device.romCommand(["status", "com.acme.counter"]),
      traced:
        "%file,open_by_handle_at,open_tree,move_mount,fsopen,fsmount,openat2,fanotify_mark,io_uring_setup,bind,connect")
    #expect(outcome.stdout == "load: 0\n", "\(outcome)")

    let touched = pathsByStage(log, rom: Release.host.stage("bootrom").path)
    // Static programs ask for their own path before `main`; nothing comes of it.
    let ownPath = "readlink /proc/self/exe"
    let covers = [device.fuses.path, device.counter.path, device.floors.path].flatMap { path in
      ["mount /", "mount /dev/null \(path)", "mount \(path)", "openat \(path)"]
    }
    #expect(
      touched["bootrom"]
        == [
          ownPath, "openat /dev/null", "openat \(device.counter.path)", "openat \(device.floors.path)",
          "openat \(device.fuses.path)",
        ] + covers + ["openat /", "openat \(device.flash.path)"]
        // What is known of the slots, twice; the good one's set; whether the other one's is there; and what starts.
        + opening(["boot/control/0", "boot/control/1", "boot/control/0", "boot/control/1"])
        + set("a")
        // What is known is made durable before anything relies on it.
        + opening(["boot/control/0", "boot/control/1", "boot/control/0", "boot/control", "boot"])
        + set("b")
        + opening(["boot/a/bootloader.husk"]))
    #expect(
      touched["bootloader"]
        == [ownPath]
        + opening(["boot/a/decryptor.husk", "boot/a/firmware.husk"])
        // Whether they are there, and then for good; their folder's name is made durable.
        + opening(["storage/0", "storage/1", "storage/0", "storage/1"]) + ["openat storage", "openat ."])
    // The decryptor tries its sandbox out: nothing comes of that either.
    #expect(touched["decryptor"] == [ownPath, "openat /"])
    // Workers, and the processes between fork and exec: the firmware is to be the first to go when memory runs out.
    #expect(touched["other"] == ["openat /proc/self/oom_score_adj"])
    #expect(touched["firmware"]?.contains("openat modules/com.acme.counter.husk") == true)
  }

  /// The calls that open all stages of a slot.
  private func set(_ slot: String) -> [String] {
    opening(Stage.allCases.map { "boot/\(slot)/\($0.name).husk" })
  }

  /// The calls that open files of the flash directory: a name at a time, so that no link leads away.
  private func opening(_ paths: [String]) -> [String] {
    paths.flatMap { $0.split(separator: "/") }.map { "openat \($0)" }
  }

  /// The calls with their paths, by what the process was when it called.
  private func pathsByStage(_ log: SystemCallLog, rom: String) -> [String: [String]] {
    var stages: [Int32: String] = [:]
    var touched: [String: [String]] = [:]
    for call in log.calls {
      if call.name == "execve", call.strings.first == rom {
        stages[call.process] = "bootrom"
      } else if call.name == "execveat" {
        stages[call.process] = call.strings.dropFirst().first
      } else {
        touched[stages[call.process] ?? "other", default: []].append(
          ([call.name] + call.strings).joined(separator: " "))
      }
    }
    return touched
  }
}
