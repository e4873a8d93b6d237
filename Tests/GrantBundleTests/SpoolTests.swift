import FormatFixtures
import Foundation
import GrantBundle
import HostSupport
import HuskFormat
import TestSupport
import Testing

@Suite("The spool of a job")
struct SpoolTests {
  private let shelf: Shelf
  private let fleet: Fleet
  private let job = bytes(named: "job")

  init() throws {
    shelf = try Shelf()
    fleet = try Fleet()
  }

  @Test("goes on behind what was recorded, and forgets what was written beyond it")
  func resumes() throws {
    do {
      let spool = try GrantSpool(shelf.path("a.partial"), job: job, records: 0)
      try spool.write(fleet.records(0..<100), at: 0)
      try spool.write(fleet.records(900..<950), at: 100)
    }
    let spool = try GrantSpool(shelf.path("a.partial"), job: job, records: 100)
    #expect(try shelf.read("a.partial").count == 32 + 100 * GrantRecord.size)
    try spool.write(fleet.records(100..<160), at: 100)
    // Another run is another part: its key is another one.
    try spool.publish([(fleet.series, 100), (fleet.series, 60)], to: shelf.path("a.grants"), replaces: .nothing)
    let bundle = try BundleReader(shelf.path("a.grants"))
    for number in 0..<160 { #expect(try bundle.grants(of: fleet.id(number)).count == 1) }
    #expect(try bundle.grants(of: fleet.id(900)).isEmpty)
  }

  @Test("that lost records is refused, and one that isn't there")
  func lost() throws {
    do {
      let spool = try GrantSpool(shelf.path("a.partial"), job: job, records: 0)
      try spool.write(fleet.records(0..<10), at: 0)
    }
    for (name, count) in [("a.partial", UInt64(11)), ("b.partial", 1)] {
      #expect(throws: FileError(shelf.path(name), .notFound)) {
        _ = try GrantSpool(shelf.path(name), job: job, records: count)
      }
    }
    // A job that was stopped before its first step has none yet.
    _ = try GrantSpool(shelf.path("b.partial"), job: job, records: 0)
  }

  @Test("has one writer at a time, is never taken for a bundle, and for the owner only")
  func exclusive() throws {
    let spool = try GrantSpool(shelf.path("a.partial"), job: job, records: 0)
    try spool.write(fleet.records(0..<10), at: 0)
    #expect(throws: FileError(shelf.path("a.partial"), .system(EBUSY))) {
      _ = try GrantSpool(shelf.path("a.partial"), job: job, records: 10)
    }
    #expect(throws: ObjectFileError.self) { _ = try BundleReader(shelf.path("a.partial")) }
    let mode = try FileManager.default.attributesOfItem(atPath: shelf.path("a.partial"))[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test("of another job is left alone")
  func foreign() throws {
    do {
      let spool = try GrantSpool(shelf.path("a.partial"), job: job, records: 0)
      try spool.write(fleet.records(0..<10), at: 0)
    }
    for count in [UInt64(0), 10] {
      #expect(throws: FileError(shelf.path("a.partial"), .alreadyExists)) {
        _ = try GrantSpool(shelf.path("a.partial"), job: bytes(named: "another"), records: count)
      }
    }
    #expect(try shelf.read("a.partial").count == 32 + 10 * GrantRecord.size)
  }

  @Test("leaves nothing where the bundle can't be written")
  func unwritable() throws {
    let spool = try GrantSpool(shelf.path("a.partial"), job: job, records: 0)
    try spool.write(fleet.records(0..<10), at: 0)
    try shelf.write([1], "a.grants")
    #expect(throws: ObjectFileError.file(FileError(shelf.path("a.grants"), .alreadyExists))) {
      try spool.publish([(fleet.series, 10)], to: shelf.path("a.grants"), replaces: .nothing)
    }
    #expect(try shelf.read("a.grants") == [1])
  }
}
