import DeviceSupport
import Foundation
import Testing

/// Real file systems that are full, or take no writes any more.
@Suite("A device whose flash fails", .serialized, .enabled(if: devicesAvailable, needsDevice))
struct FaultTests {
  private let name = Bench.module

  @Test("because it is full says no-space, loads what it has, and installs once there is room")
  func full() throws {
    let bench = try Bench.withGoodVersion()
    let package = try bench.offer(bench.version(2, size: 2_000_000))
    try Mount.over(bench.device.flash, megabytes: 64) { mount in
      let filling = mount.url.appending(path: "filling")
      try Data(count: Int(mount.freeSpace()) - 500_000).write(to: filling)
      #expect(try bench.run("install", package) == ["install: 32"])
      #expect(try bench.run("load", name) == ["load: 0 1.0.0"])
      try FileManager.default.removeItem(at: filling)
      #expect(try bench.run("resume", name, package, "load", name).last == "load: 0 2.0.0 on trial")
    }
  }

  @Test("because it takes no writes starts and loads what is good, no trial, and says read-only")
  func readOnly() throws {
    let bench = try Bench.withGoodVersion()
    let package = try bench.offer(bench.version(2))
    try Mount.over(bench.device.flash, megabytes: 64) { mount in
      #expect(try bench.run("install", package).count == 1)
      try mount.makeReadOnly()
      for _ in 0..<4 { #expect(try bench.run("load", name).last == "load: 0 1.0.0") }
      #expect(try bench.run("install", package) == ["install: 33"])
      try mount.makeWritable()
      #expect(try bench.run("load", name) == ["load: 0 2.0.0 on trial"])
    }
  }
}
