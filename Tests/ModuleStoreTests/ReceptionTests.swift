import DeviceStore
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import SecureWorld
import Testing

/// SPEC 9.4.
@Suite("Receiving a package")
struct ReceptionTests {
  @Test(
    "in pieces of any size comes to the same",
    arguments: [1, 7, 12, 13, 997, 16_400, 65_535, 65_536, 65_537, 1 << 20])
  func pieces(size: Int) throws {
    let bench = try Bench()
    let file = try Bench.package().file()
    #expect(bench.install(file, pieces: size) == nil)
    #expect(try Array(Data(contentsOf: bench.file("modules/com.acme.codec/1.husk"))) == file)
    #expect(
      try bench.files().keys.sorted() == ["modules/com.acme.codec/1.husk"]
        + ["0", "1"].map { "modules/com.acme.codec/control/\($0)" })
    #expect(bench.history() == [.installed])
    // Every segment once, all of them.
    #expect(bench.checker.asked.flatMap { Array($0) } == Array(0..<7))
  }

  @Test("of any front and payload works, the smallest included")
  func smallest() throws {
    let bench = try Bench()
    for size in [57, 58, 60, 70, 16_456, 16_457] {
      var package = PackageFixture.module(payload: testBytes(size))
      package.manifest.sizeBound = 4096
      let file = try package.file()
      for pieces in [1, file.count] { #expect(bench.install(file, pieces: pieces) == nil, "\(size)") }
    }
    for size in [1, 8, 9, 10] {
      let file = try PackageFixture.stage(.bootFirmware, payload: testBytes(size)).file()
      for pieces in [1, file.count] { #expect(bench.install(file, pieces: pieces) == nil, "\(size)") }
      #expect(try Array(Data(contentsOf: bench.file("update/firmware.husk"))) == file)
    }
  }

  @Test("with more behind it is refused, however small the payload is")
  func longer() throws {
    let bench = try Bench()
    for size in [1, 2, 7, 8, 9, 100] {
      let file = try PackageFixture.stage(.bootFirmware, payload: testBytes(size)).file()
      for more in [1, 9, 100] {
        let longer = file + [UInt8](repeating: 0, count: more)
        for pieces in [1, longer.count] {
          #expect(bench.install(longer, pieces: pieces) == .sizeMismatch, "\(size) and \(more) bytes")
        }
      }
      #expect(bench.install(file) == nil)
    }
  }

  @Test("that breaks off at any segment's border, or beside it, goes on there")
  func breaks() throws {
    let file = try Bench.package().file()
    let front = file.count - (56 + 6 * 16_400 + 100)
    let ends = [front] + (1...6).map { front + 56 + $0 * 16_400 } + [file.count]
    for end in ends {
      for count in [end - 1, end, min(end + 1, file.count)] where count < file.count && count > front + 9 {
        let bench = try Bench()
        try bench.breakOff(file, at: count)
        let kept = ends.last { $0 <= count } ?? 0
        var reception = try bench.reception(resuming: "com.acme.codec")
        #expect(reception.position == UInt64(kept), "broken off at \(count)")
        #expect(reception.size == UInt64(file.count))
        try reception.take(file[kept...], pieces: 5000)
        #expect(try reception.finish().name == Bench.codec)
        reception.close()
        #expect(try Array(Data(contentsOf: bench.file("modules/com.acme.codec/1.husk"))) == file)
        #expect(try bench.files().keys.contains { $0.contains("/.") } == false)
      }
    }
  }

  @Test("from its first byte again writes only what isn't there")
  func again() throws {
    let bench = try Bench()
    let file = try Bench.package().file()
    try bench.breakOff(file, at: 60_000)
    // What is there was verified against what is signed: what comes in its place isn't looked at.
    var altered = file
    altered[40_000] ^= 1
    #expect(bench.install(altered) == nil)
    #expect(try Array(Data(contentsOf: bench.file("modules/com.acme.codec/1.husk"))) == file)
  }

  @Test("before anything of the payload has come begins anew")
  func front() throws {
    let bench = try Bench()
    let file = try Bench.package().file()
    for count in [0, 1, 11, 12, 20, 21, 300] {
      try bench.breakOff(file, at: count)
      #expect(try bench.reception(resuming: "com.acme.codec").position == 0)
      #expect(try bench.files().isEmpty)
    }
    #expect(bench.install(file) == nil)
  }

  @Test("of another version in its place begins anew")
  func other() throws {
    let bench = try Bench()
    try bench.breakOff(try Bench.package(1).file(), at: 60_000)
    let file = try Bench.package(2, fill: 9).file()
    #expect(bench.install(file) == nil)
    #expect(try Array(Data(contentsOf: bench.file("modules/com.acme.codec/1.husk"))) == file)
  }

  @Test("that was altered on the way is refused, and goes on before the altered segment", arguments: 0..<7)
  func altered(segment: Int) throws {
    let bench = try Bench()
    let file = try Bench.package().file()
    let front = file.count - (56 + 6 * 16_400 + 100)
    var altered = file
    altered[front + 56 + segment * 16_400 + 50] ^= 1
    #expect(bench.install(altered) == .digestMismatch)
    #expect(try bench.files()["modules/com.acme.codec/1.husk"] == nil)
    let kept = segment == 0 ? front : front + 56 + segment * 16_400
    #expect(try bench.files()["modules/com.acme.codec/.part"] == kept)
    #expect(bench.install(file, resuming: "com.acme.codec") == nil)
  }

  @Test("that rotted while it waited goes on before what rotted")
  func rot() throws {
    let bench = try Bench()
    let file = try Bench.package().file()
    try bench.breakOff(file, at: 90_000)
    let part = bench.file("modules/com.acme.codec/.part")
    var contents = try Data(contentsOf: part)
    contents[40_000] ^= 1
    try contents.write(to: part)
    let front = file.count - (56 + 6 * 16_400 + 100)
    let reception = try bench.reception(resuming: "com.acme.codec")
    #expect(reception.position == UInt64(front + 56 + 2 * 16_400))
    // A front that rotted isn't one of this package any more.
    contents = try Data(contentsOf: part)
    contents[3] ^= 1
    try contents.write(to: part)
    #expect(try bench.reception(resuming: "com.acme.codec").position == 0)
    #expect(bench.install(file) == nil)
  }

  @Test("that is cut off or too long is refused")
  func sizes() throws {
    let bench = try Bench()
    let file = try Bench.package().file()
    #expect(bench.install(file.dropLast()) == .sizeMismatch)
    #expect(bench.install(file + [0]) == .sizeMismatch)
    #expect(bench.install(file) == nil)
    #expect(bench.install([]) == .malformed)
    #expect(bench.install(Array(file.prefix(300))) == .malformed)
  }

  @Test("takes nothing but packages, grants and status lists")
  func kinds() throws {
    let bench = try Bench()
    for file in [[0], [0xd9, 0xd9, 0xf9], Array("ELF".utf8), try ChainFixture.module.encoded()] {
      #expect(bench.install(file) == .malformed)
      #expect(bench.install(file, pieces: 1) == .malformed)
    }
    let endless = [0xd9, 0xd9, 0xf7, 0xda, 0x48, 0x75, 0x73, 0x47] + [UInt8](repeating: 0, count: 70_000)
    #expect(bench.install(endless) == .limitExceeded)
    #expect(bench.install(endless, pieces: 1000) == .limitExceeded)
    let huge: [UInt8] = [
      0xd9, 0xd9, 0xf8, 0xda, 0x48, 0x75, 0x73, 0x50, 0x43, 0x42, 0x4f, 0x52, 0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff,
    ]
    #expect(bench.install(huge + huge) == .limitExceeded)
    #expect(try bench.files().isEmpty)
  }

  @Test("that is refused leaves nothing behind, and what was there as it was")
  func refused() throws {
    let bench = try Bench()
    #expect(bench.install(try Bench.package(1).file()) == nil)
    let before = try bench.files()
    bench.checker.refusals[2] = .rollback
    #expect(bench.install(try Bench.package(2).file()) == .rollback)
    #expect(try bench.files() == before)
    bench.checker.failure = .noDecryptor
    #expect(bench.install(try Bench.package(3).file()) == .noDecryptor)
    #expect(try bench.files() == before)
  }

  @Test("what will never be taken isn't gone on with; what may be is kept")
  func hopeless() throws {
    let bench = try Bench()
    let file = try Bench.package(2).file()
    try bench.breakOff(file, at: 60_000)
    bench.checker.failure = .noDecryptor
    #expect(throws: ErrorClass.noDecryptor) { try bench.reception(resuming: "com.acme.codec").position }
    bench.checker.failure = nil
    #expect(try bench.reception(resuming: "com.acme.codec").position > 0)
    bench.checker.refusals[2] = .rollback
    #expect(try bench.reception(resuming: "com.acme.codec").position == 0)
    #expect(try bench.files().isEmpty)
  }

  @Test("a name that is none is refused", arguments: ["", ".", "..", "a", "../x", "com.acme/x", "kernel"])
  func names(name: String) throws {
    let bench = try Bench()
    #expect(throws: ErrorClass.invalidArgument) { try bench.reception(resuming: name).position }
  }

  @Test("of stages go to where a trial of them takes them from")
  func stages() throws {
    let bench = try Bench()
    for (role, name) in [(Role.bootLoader, "bootloader"), (.bootDecryptor, "decryptor"), (.bootFirmware, "firmware")] {
      let file = try PackageFixture.stage(role).file()
      try bench.breakOff(file, at: 20_000)
      #expect(try bench.reception(resuming: name).position > 16_400)
      #expect(bench.install(file, resuming: name) == nil)
      #expect(try Array(Data(contentsOf: bench.file("update/\(name).husk"))) == file)
    }
    #expect(try bench.files().count == 3)
  }

  @Test("after an error takes no more")
  func over() throws {
    let bench = try Bench()
    let file = try Bench.package().file()
    var reception = try bench.reception()
    #expect(throws: ErrorClass.sizeMismatch) { try reception.take((file + [0])[...], pieces: 1 << 20) }
    #expect(throws: ErrorClass.sizeMismatch) { try reception.take(file[...], pieces: 1 << 20) }
    #expect(throws: ErrorClass.sizeMismatch) { _ = try reception.finish() }
    reception.close()
  }
}

/// SPEC 9.3.
@Suite("Receiving grants and status lists")
struct RecordTests {
  @Test("keeps the newest grant of each epoch")
  func grants() throws {
    let bench = try Bench()
    let newest = try Bench.grant(6)
    #expect(bench.install(try Bench.grant(5)) == nil)
    #expect(bench.install(newest, pieces: 1) == nil)
    #expect(bench.install(try Bench.grant(5)) == .rollback)
    #expect(bench.install(newest) == nil)
    #expect(bench.install(try Bench.grant(3, epoch: 8)) == nil)
    #expect(try bench.files().keys.sorted() == ["grants/com.acme.codec/7.grant", "grants/com.acme.codec/8.grant"])
    #expect(try Array(Data(contentsOf: bench.file("grants/com.acme.codec/7.grant"))) == newest)
    // One that rotted is no grant.
    try Data([1, 2, 3]).write(to: bench.file("grants/com.acme.codec/7.grant"))
    #expect(bench.install(try Bench.grant(2)) == nil)
  }

  @Test("keeps a status list for each scope, and shows it")
  func lists() throws {
    let bench = try Bench()
    #expect(bench.install(try StatusListFixture().file()) == nil)
    #expect(try bench.files().keys.sorted() == ["status/com.acme..status"])
    #expect(bench.checker.shown == 1)
    #expect(bench.store.statusLists().count == 1)
  }

  @Test("a grant that is refused replaces none")
  func refused() throws {
    let bench = try Bench()
    let former = try Bench.grant(5)
    #expect(bench.install(former) == nil)
    bench.checker.failure = .wrongDevice
    #expect(bench.install(try Bench.grant(6)) == .wrongDevice)
    #expect(try Array(Data(contentsOf: bench.file("grants/com.acme.codec/7.grant"))) == former)
    #expect(try bench.files().count == 1)
  }
}
