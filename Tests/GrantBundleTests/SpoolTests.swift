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

  init() throws {
    shelf = try Shelf()
    fleet = try Fleet()
  }

  @Test("goes on behind what was recorded, and forgets what was written beyond it")
  func resumes() throws {
    do {
      let spool = try GrantSpool(creating: shelf.path("a.partial"))
      try spool.write(fleet.records(0..<100), at: 0)
      try spool.write(fleet.records(900..<950), at: 100)
    }
    let spool = try GrantSpool(resuming: shelf.path("a.partial"), records: 100)
    #expect(try shelf.read("a.partial").count == 100 * GrantRecord.size)
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
      let spool = try GrantSpool(creating: shelf.path("a.partial"))
      try spool.write(fleet.records(0..<10), at: 0)
    }
    for (name, count) in [("a.partial", UInt64(11)), ("b.partial", 1)] {
      #expect(throws: FileError(shelf.path(name), .notFound)) {
        _ = try GrantSpool(resuming: shelf.path(name), records: count)
      }
    }
    // A job that was stopped before its first step has none yet.
    _ = try GrantSpool(resuming: shelf.path("b.partial"), records: 0)
  }

  @Test("has one writer at a time, is never taken for a bundle, and for the owner only")
  func exclusive() throws {
    let spool = try GrantSpool(creating: shelf.path("a.partial"))
    try spool.write(fleet.records(0..<10), at: 0)
    #expect(throws: FileError(shelf.path("a.partial"), .system(EBUSY))) {
      _ = try GrantSpool(resuming: shelf.path("a.partial"), records: 10)
    }
    #expect(throws: FileError(shelf.path("a.partial"), .alreadyExists)) {
      _ = try GrantSpool(creating: shelf.path("a.partial"))
    }
    #expect(throws: ObjectFileError.self) { _ = try BundleReader(shelf.path("a.partial")) }
    let mode = try FileManager.default.attributesOfItem(atPath: shelf.path("a.partial"))[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test("leaves nothing where the bundle can't be written")
  func unwritable() throws {
    let spool = try GrantSpool(creating: shelf.path("a.partial"))
    try spool.write(fleet.records(0..<10), at: 0)
    try shelf.write([1], "a.grants")
    #expect(throws: ObjectFileError.file(FileError(shelf.path("a.grants"), .alreadyExists))) {
      try spool.publish([(fleet.series, 10)], to: shelf.path("a.grants"), replaces: .nothing)
    }
    #expect(try shelf.read("a.grants") == [1])
  }
}
