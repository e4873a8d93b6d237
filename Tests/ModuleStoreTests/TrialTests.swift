import DeviceStore
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import SecureWorld
import Testing

/// SPEC 9.3.
@Suite("The version of a module that is loaded")
struct TrialTests {
  typealias Load = Bench.Load

  /// With version 1 confirmed, and version 2 on trial.
  private func onTrial() throws -> Bench {
    let bench = try Bench()
    #expect(bench.install(try Bench.package(1).file()) == nil)
    #expect(bench.install(try Bench.grant()) == nil)
    try bench.confirm()
    #expect(bench.install(try Bench.package(2).file()) == nil)
    return bench
  }

  private func packages(_ bench: Bench) throws -> [String] {
    try bench.files().keys.filter { $0.hasSuffix(".husk") }.sorted()
  }

  @Test("is the one on trial, three times, and then the good one")
  func tries() throws {
    let bench = try onTrial()
    for _ in 0..<3 { #expect(bench.load().0 == Load(version: 2, isOnTrial: true)) }
    for _ in 0..<2 { #expect(bench.load().0 == Load(version: 1)) }
    #expect(bench.history().suffix(5) == [.installed, .tried, .tried, .tried, .abandoned])
    #expect(try packages(bench) == ["modules/com.acme.codec/1.husk"])
  }

  @Test("is the one that was confirmed, and the former one is gone")
  func confirmed() throws {
    let bench = try onTrial()
    try bench.confirm()
    #expect(bench.load().0 == Load(version: 2))
    #expect(try packages(bench) == ["modules/com.acme.codec/0.husk"])
    #expect(bench.history().last == .permanent)
  }

  @Test(
    "is the good one as soon as it is certain that the new one will never do",
    arguments: [
      .digestMismatch, .decryptionFailed, .decompressionFailed, .sizeMismatch, .sonameConflict, .loadFailed,
      .notAModule,
    ] as [ErrorClass])
  func certain(reason: ErrorClass) throws {
    let bench = try onTrial()
    #expect(bench.load([2: LoadFailure(reason)]).0 == Load(version: 1, passedOver: [reason]))
    #expect(bench.load().0 == Load(version: 1))
    let events = bench.store.state(of: Bench.codec).history.suffix(3)
    #expect(events.map(\.kind) == [.tried, .refused, .abandoned])
    #expect(events.dropFirst().first?.detail == UInt64(reason.rawValue))
    #expect(try packages(bench) == ["modules/com.acme.codec/1.husk"])
  }

  @Test("is the good one when the new one fails its test, and the history has what that returned")
  func selfTest() throws {
    let bench = try onTrial()
    let failure = LoadFailure(.selfTestFailed, detail: 99)
    #expect(bench.load([2: failure]).0 == Load(version: 1, passedOver: [.selfTestFailed]))
    let event = bench.store.state(of: Bench.codec).history.suffix(2).first
    #expect((event?.kind, event?.detail, event?.version) == (.selfTestFailed, 99, [2, 0, 0]))
  }

  @Test(
    "is the good one for now when the new one fails for another reason, which costs a try",
    arguments: [.outOfMemory, .deadlineExceeded, .expired, .internal] as [ErrorClass])
  func uncertain(reason: ErrorClass) throws {
    let bench = try onTrial()
    for _ in 0..<2 { #expect(bench.load([2: LoadFailure(reason)]).0 == Load(version: 1, passedOver: [reason])) }
    #expect(bench.load().0 == Load(version: 2, isOnTrial: true))
    #expect(bench.load().0 == Load(version: 1))
  }

  @Test("is the good one, and the new one loses no try, while nothing can be said of it")
  func unclear() throws {
    let bench = try onTrial()
    bench.checker.refusals[2] = .statusRequired
    for _ in 0..<5 { #expect(bench.load().0 == Load(version: 1, passedOver: [.statusRequired])) }
    bench.checker.refusals[2] = nil
    #expect(bench.load().0 == Load(version: 2, isOnTrial: true))
    bench.checker.failure = .noDecryptor
    #expect(bench.load().0.error == .noDecryptor)
    bench.checker.failure = nil
    #expect(bench.store.state(of: Bench.codec).trial?.triesLeft == 2)
  }

  @Test(
    "is the good one when the check refuses the new one for good",
    arguments: [.rollback, .revoked, .signatureInvalid, .untrustedRoot, .wrongArchitecture] as [ErrorClass])
  func refused(reason: ErrorClass) throws {
    let bench = try onTrial()
    bench.checker.refusals[2] = reason
    #expect(bench.load().0 == Load(version: 1, passedOver: [reason]))
    #expect(bench.load().0 == Load(version: 1))
    let events = bench.store.state(of: Bench.codec).history.suffix(2)
    #expect(events.map(\.kind) == [.refused, .abandoned])
    #expect(events.first?.detail == UInt64(reason.rawValue))
  }

  @Test("needs a grant of its epoch; one that isn't there yet costs no try")
  func grants() throws {
    let bench = try onTrial()
    var package = Bench.package(3)
    package.manifest.epoch = 8
    #expect(bench.install(try package.file()) == nil)
    #expect(bench.load().0 == Load(version: 1, passedOver: [.notFound]))
    #expect(bench.install(try Bench.grant(6, epoch: 8)) == nil)
    try bench.confirm()
    // Version 1 is gone, and with it what only it needed.
    #expect(try bench.files().keys.filter { $0.hasSuffix(".grant") } == ["grants/com.acme.codec/8.grant"])
    #expect(bench.load().0 == Load(version: 3))
  }

  @Test("that is confirmed is the one that was loaded, never one that came since")
  func confirmingAnother() throws {
    let bench = try onTrial()
    let (_, trial) = bench.load()
    #expect(bench.install(try Bench.package(3).file()) == nil)
    #expect(throws: ErrorClass.notFound) { try bench.store.confirm(Bench.codec, #require(trial)) }
    let (load, newer) = bench.load()
    #expect(load == Load(version: 3, isOnTrial: true))
    #expect(throws: ErrorClass.notFound) { try bench.store.confirm(Bench.codec, #require(trial)) }
    // Another load of the same doesn't matter.
    _ = bench.load()
    try bench.store.confirm(Bench.codec, try #require(newer))
    try bench.store.confirm(Bench.codec, try #require(newer))
    #expect(bench.load().0 == Load(version: 3))
  }

  @Test("isn't confirmed after its trial is over")
  func confirmingLate() throws {
    let bench = try onTrial()
    let (_, trial) = bench.load()
    #expect(bench.load([2: LoadFailure(.loadFailed)]).0.version == 1)
    #expect(throws: ErrorClass.notFound) { try bench.store.confirm(Bench.codec, #require(trial)) }
    #expect(bench.load().0 == Load(version: 1))
  }

  @Test("of a module whose only version is given up there is none")
  func onlyVersion() throws {
    let bench = try Bench()
    #expect(bench.load().0.error == .notFound)
    #expect(bench.install(try Bench.package(1).file()) == nil)
    #expect(bench.load().0.error == .notFound)
    #expect(bench.install(try Bench.grant()) == nil)
    #expect(bench.load([1: LoadFailure(.loadFailed)]).0.error == .loadFailed)
    #expect(bench.load().0.error == .notFound)
    #expect(bench.history() == [.installed, .tried, .refused, .abandoned])
    #expect(bench.install(try Bench.package(1).file()) == nil)
    bench.checker.refusals[1] = .wrongArchitecture
    for expected in [ErrorClass.wrongArchitecture, .notFound] { #expect(bench.load().0.error == expected) }
    bench.checker.refusals[1] = nil
    for _ in 0..<2 { #expect(bench.install(try Bench.package(1).file()) == nil) }
    for _ in 0..<3 { #expect(bench.load().0 == Load(version: 1, isOnTrial: true)) }
    #expect(bench.load().0.error == .notFound)
  }

  @Test("is another module's for none")
  func misplaced() throws {
    let bench = try onTrial()
    try Data(Bench.package(9, name: "com.acme.other").file()).write(to: bench.file("modules/com.acme.codec/0.husk"))
    #expect(bench.load().0 == Load(version: 1, passedOver: [.wrongModule]))
    #expect(bench.history().suffix(2) == [.refused, .abandoned])
  }

  @Test("is what is there when both control files are lost: one version is good, of two one is tried")
  func lost() throws {
    let bench = try onTrial()
    func lose() throws {
      for file in ["0", "1"] { try Data([0]).write(to: bench.file("modules/com.acme.codec/control/\(file)")) }
      bench.store.cleanUp()
    }
    try lose()
    #expect(bench.load().0 == Load(version: 2, isOnTrial: true))
    #expect(bench.load([2: LoadFailure(.loadFailed)]).0 == Load(version: 1, passedOver: [.loadFailed]))
    #expect(try packages(bench).count == 1)
    try lose()
    #expect(bench.load().0 == Load(version: 1))
    try lose()
    #expect(bench.install(try Bench.package(3).file()) == nil)
    #expect(bench.load([3: LoadFailure(.loadFailed)]).0 == Load(version: 1, passedOver: [.loadFailed]))
  }

  @Test("is still there when one control file, or a grant, or the package on trial rots")
  func rot() throws {
    for file in ["control/0", "control/1"] {
      let bench = try onTrial()
      try Data([1, 2, 3]).write(to: bench.file("modules/com.acme.codec/\(file)"))
      let version = try #require(bench.load().0.version)
      #expect([1, 2].contains(version))
      #expect(bench.load().0.error == nil)
    }
    let bench = try onTrial()
    try Data([1, 2, 3]).write(to: bench.file("modules/com.acme.codec/0.husk"))
    #expect(bench.load().0 == Load(version: 1, passedOver: [.malformed]))
    #expect(bench.history().suffix(2) == [.refused, .abandoned])
  }
}

/// SPEC 9.3.
@Suite("The upkeep of a module store")
struct UpkeepTests {
  @Test("removes what nobody can go on with, and nothing else")
  func orphans() throws {
    let bench = try Bench()
    #expect(bench.install(try Bench.package(1).file()) == nil)
    #expect(bench.install(try Bench.grant()) == nil)
    #expect(bench.install(try StatusListFixture().file()) == nil)
    try bench.confirm()
    try bench.breakOff(try Bench.package(2).file(), at: 60_000)
    try bench.breakOff(try PackageFixture.stage(.bootLoader).file(), at: 20_000)
    let before = try bench.files()
    for path in [
      "modules/.front", "modules/com.acme.codec/.0.husk", "modules/com.acme.codec/0.husk",
      "grants/com.acme.codec/.7.grant",
      "status/.x", "update/.firmware.husk", "update/.x",
    ] {
      try Data([1]).write(to: bench.file(path))
    }
    try FileManager.default.createDirectory(at: bench.file("modules/com.acme.none"), withIntermediateDirectories: true)
    bench.store.cleanUp()
    #expect(try bench.files() == before)
    #expect(FileManager.default.fileExists(atPath: bench.file("modules/com.acme.none").path) == false)
    #expect(bench.load().0 == Bench.Load(version: 1))
  }

  @Test("is installed whatever is in the place of a file or folder, and what was good loads if that isn't it")
  func obstacles() throws {
    for place in [
      "modules/.front", "modules/com.acme.codec/.part", "modules/com.acme.codec/0.husk",
      "modules/com.acme.codec/control/0", "modules/com.acme.codec/control/1", "modules/com.acme.codec/control",
      "grants/com.acme.codec/8.grant", "grants/.x", "modules/lock",
    ] {
      for isFolder in [true, false] {
        let bench = try Bench()
        #expect(bench.install(try Bench.package(1).file()) == nil)
        #expect(bench.install(try Bench.grant()) == nil)
        try bench.confirm()
        try? FileManager.default.removeItem(at: bench.file(place))
        if isFolder {
          try FileManager.default.createDirectory(at: bench.file(place + "/x/y"), withIntermediateDirectories: true)
        } else {
          #expect(mkfifo(bench.file(place).path, 0o644) == 0)
        }
        _ = try bench.store.open()
        bench.store.cleanUp()
        #expect(bench.load().0.version == 1, "\(place)")
        #expect(bench.install(try Bench.grant(6, epoch: 8)) == nil, "\(place)")
        #expect(bench.install(try Bench.package(2).file()) == nil, "\(place)")
        #expect(bench.load().0 == Bench.Load(version: 2, isOnTrial: true), "\(place)")
        try bench.confirm()
        #expect(bench.load().0 == Bench.Load(version: 2), "\(place)")
      }
    }
  }

  @Test("tells what takes how much room")
  func usage() throws {
    let bench = try Bench()
    let file = try Bench.package(1).file()
    #expect(bench.install(file) == nil)
    let grant = try Bench.grant()
    #expect(bench.install(grant) == nil)
    try bench.confirm()
    #expect(bench.install(try Bench.package(2).file()) == nil)
    try bench.breakOff(try Bench.package(3).file(), at: 60_000)
    let stage = try PackageFixture.stage(.bootLoader).file()
    #expect(bench.install(stage) == nil)
    let usage = bench.store.usage(of: Bench.codec)
    #expect(usage.packages == UInt64(2 * file.count))
    #expect(usage.parts > 50_000)
    #expect(bench.store.usageOfStages().packages == UInt64(stage.count))
    #expect(bench.store.usageOfStages().parts == 0)
    #expect(bench.store.usageOfRecords() == UInt64(grant.count))
    #expect(bench.store.modules() == [Bench.codec])
  }

  @Test("refuses another version while one is confirmed and not permanent")
  func confirmedTrial() throws {
    // No store leaves a module so; another writer of control files might.
    let bench = try Bench()
    #expect(bench.install(try Bench.package(1).file()) == nil)
    let control = ControlFiles("modules/com.acme.codec/control", on: bench.store.storage)
    try control.update { $0.confirm(version: nil) }
    #expect(bench.install(try Bench.package(2).file()) == .onTrial)
    #expect(bench.install(try Bench.grant()) == nil)
    #expect(bench.load().0 == Bench.Load(version: 1))
    #expect(bench.install(try Bench.package(2).file()) == nil)
  }
}
