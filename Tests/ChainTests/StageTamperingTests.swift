import BootChain
import DeviceStore
import DeviceSupport
import ErrorClass
import Foundation
import FormatFixtures
import HuskFormat
import Synchronization
import Testing

@Suite("A boot stage whose file was tampered with", .enabled(if: devicesAvailable, needsDevices))
struct StageTamperingTests {
  @Test("doesn't start, wherever the change is", arguments: Stage.allCases)
  func changed(stage: Stage) throws {
    let device = try loadingDevice()
    let package = try goodPackage(stage)
    let file = try package.file()
    for damage in try Damage.all(of: package) {
      try device.install(damage.apply(file), as: stage)
      expectRefused(try device.boot(), stage, damage.errorClass, "\(damage.description)")
    }
    try device.install(file, as: stage)
    expectRuns(try device.boot())
  }

  @Test("doesn't start with any single byte of the signed front changed")
  func everyByte() throws {
    let device = try loadingDevice()
    let package = try goodPackage(.firmware)
    let file = try package.file()
    for place in stride(from: 0, to: try package.front().count, by: 16) {
      var changed = file
      changed[place] ^= 0x80
      try device.install(changed, as: .firmware)
      let outcome = try device.boot()
      #expect(outcome.status == 101, "byte \(place)")
      #expect(outcome.stdout == "", "byte \(place)")
      #expect(outcome.stderr.hasPrefix("husk: bootrom: refused firmware: "), "byte \(place)")
    }
    try device.install(file, as: .firmware)
    expectRuns(try device.boot())
  }

  @Test("doesn't start when it isn't there", arguments: Stage.allCases)
  func missing(stage: Stage) throws {
    let device = try loadingDevice()
    try device.remove(stage)
    expectRefused(try device.boot(), stage, .notFound)
    try device.install(goodPackage(stage), as: stage)
    expectRuns(try device.boot())
  }

  @Test("doesn't start, and holds up nothing, when something else is in its place", arguments: Stage.allCases)
  func notAFile(stage: Stage) throws {
    let device = try loadingDevice()
    try device.remove(stage.file(in: .b))
    let place = device.flash.appending(path: stage.file()).path
    let elsewhere = device.directory.appending(path: "elsewhere").path
    try FileManager.default.moveItem(atPath: place, toPath: elsewhere)

    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
    expectRefused(try device.boot(), stage, .io, "a directory")
    try device.remove(stage.file())

    #expect(mkfifo(place, 0o644) == 0)
    expectRefused(try device.boot(), stage, .io, "a pipe that nobody writes to")
    try device.remove(stage.file())

    try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: elsewhere)
    expectRefused(try device.boot(), stage, .io, "a link to the stage itself")
    try device.remove(stage.file())

    try FileManager.default.moveItem(atPath: elsewhere, toPath: place)
    expectRuns(try device.boot())
  }

  @Test("runs as it was signed or not at all when it changes while it is read", arguments: Stage.allCases)
  func changing(stage: Stage) throws {
    let device = try loadingDevice()
    let package = try goodPackage(stage)
    let contents = try package.file()
    try device.install(contents, as: stage)
    let file = open(device.flash.appending(path: stage.file()).path, O_RDWR | O_CLOEXEC)
    try #require(file >= 0)
    defer { close(file) }
    let place = off_t(contents.count - package.payload.count / 2)
    let byte = contents[contents.count - package.payload.count / 2]
    let isDone = Atomic(false)
    try withThread {
      while !isDone.load(ordering: .relaxed) {
        _ = pwrite(file, [byte ^ 1], 1, place)
        _ = pwrite(file, [byte], 1, place)
      }
    } during: {
      defer { isDone.store(true, ordering: .relaxed) }
      for _ in 0..<15 {
        let outcome = try device.boot()
        // Both slots have this file, so the one may be found as it should be when the other isn't. Who refuses depends on
        // when it changes.
        let isRefused = outcome.status == 101
        #expect(outcome.stdout == (isRefused ? "" : "firmware runs\n"))
        #expect(
          outcome.stderr.hasSuffix(": refused \(stage.name): digest-mismatch\n") == isRefused, "\(outcome.stderr)")
        #expect(isRefused || outcome.status == 0)
      }
    }
    expectRuns(try device.boot())
  }
}
