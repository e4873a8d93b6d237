import BootChain
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import Testing

@Suite("The ROM", .enabled(if: devicesAvailable, needsDevices))
struct FuseTests {
  private func expectNoStart(
    _ outcome: Outcome, _ errorClass: ErrorClass, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      outcome.stderr == "husk: bootrom: refused to start: \(errorClass.name)\n", comment,
      sourceLocation: sourceLocation)
    #expect(outcome.stdout == "", comment, sourceLocation: sourceLocation)
    #expect(outcome.status == 101, comment, sourceLocation: sourceLocation)
  }

  @Test("doesn't start with fuses that aren't well formed")
  func malformed() throws {
    let device = try loadingDevice()
    let good = Array(try Data(contentsOf: device.fuses))
    let publicPart = Array(good.dropLast(Fuses.udsSize))
    let uds = good.suffix(Fuses.udsSize)
    let bad: [(String, [UInt8])] = [
      ("empty", []), ("without the secret", publicPart), ("the secret alone", Array(uds)),
      ("a byte fewer", good.dropLast()), ("a byte more", good + [0]),
      ("another label", [0xd9, 0xd9, 0xf8] + good.dropFirst(3)),
      ("no CBOR", [UInt8](repeating: 0xff, count: good.count)),
    ]
    for (what, contents) in bad {
      try Data(contents).write(to: device.fuses)
      expectNoStart(try device.boot(), .malformed, "\(what)")
    }
    try Data(publicPart + [UInt8](repeating: 0, count: Limits.fuses)).write(to: device.fuses)
    expectNoStart(try device.boot(), .limitExceeded)
    try Data(good).write(to: device.fuses)
    expectRuns(try device.boot())
  }

  @Test("doesn't start, and doesn't hang, without a fuses file")
  func missing() throws {
    let device = try loadingDevice()
    let good = try Data(contentsOf: device.fuses)
    try FileManager.default.removeItem(at: device.fuses)
    expectNoStart(try device.boot(), .io, "nothing")
    try FileManager.default.createDirectory(at: device.fuses, withIntermediateDirectories: false)
    expectNoStart(try device.boot(), .io, "a directory")
    try FileManager.default.removeItem(at: device.fuses)
    #expect(mkfifo(device.fuses.path, 0o400) == 0)
    expectNoStart(try device.boot(), .io, "a pipe that nobody writes to")
    try FileManager.default.removeItem(at: device.fuses)
    try good.write(to: device.fuses)
    expectRuns(try device.boot())
  }

  @Test("doesn't start a firmware as root or as the decryptor's user, nor with wiring that makes no sense")
  func wiring() throws {
    let device = try loadingDevice()
    func boot(_ arguments: String...) throws -> Outcome {
      try DeviceSupport.run(Release.host.stage("bootrom").path, arguments)
    }
    let fuses = device.fuses.path
    let flash = device.flash.path
    let counter = device.counter.path
    let floors = device.floors.path
    expectRuns(try boot(fuses, counter, floors, flash, "60", "-", "64902", "64902"))
    let users = ["0", "64901", "", "x", "-1", "4294967296", "1x"]
    for user in users {
      expectNoStart(try boot(fuses, counter, floors, flash, "60", "-", user, "64902"), .invalidArgument, "user \(user)")
    }
    for group in ["0", "64901", "", "x", "4294967296"] {
      expectNoStart(
        try boot(fuses, counter, floors, flash, "60", "-", "64902", group), .invalidArgument, "group \(group)")
    }
    for service in ["x", "", "4294967295"] {
      expectNoStart(
        try boot(fuses, counter, floors, flash, "60", service, "64902", "64902"), .invalidArgument,
        "service \(service)")
    }
    for watchdog in ["0", "", "x", "-1", "4294967295"] {
      expectNoStart(
        try boot(fuses, counter, floors, flash, watchdog, "-", "64902", "64902"), .invalidArgument,
        "watchdog \(watchdog)")
    }
    expectNoStart(try boot(fuses, counter, floors, flash, "60", "-", "64902"), .invalidArgument)
    expectNoStart(try boot(), .invalidArgument)
    expectNoStart(try boot(fuses, counter, floors, fuses, "60", "-", "64902", "64902"), .io)
  }
}
