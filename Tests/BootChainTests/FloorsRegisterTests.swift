import DeviceStore
import ErrorClass
import Foundation
import HuskFormat
import Testing

@testable import BootChain

/// SPEC 7.1.
@Suite("The mock register of floors")
struct FloorsRegisterTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write([], to: "floors")
  }

  private func contents() throws -> [UInt8] { Array(try Data(contentsOf: folder.url.appending(path: "floors"))) }

  private func floors() throws -> Floors {
    try FloorsRegister(path: folder.path("floors"), .reading).floors()
  }

  private func raise(_ loader: UInt64, _ decryptor: UInt64, _ firmware: UInt64) throws {
    try FloorsRegister(path: folder.path("floors"), .writing)
      .raise(to: Floors(loader: loader, decryptor: decryptor, firmware: firmware))
  }

  private func expectFloors(
    _ loader: UInt64, _ decryptor: UInt64, _ firmware: UInt64, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(
      try floors() == Floors(loader: loader, decryptor: decryptor, firmware: firmware), sourceLocation: sourceLocation)
  }

  @Test("never lowers a floor, whatever is raised in which order")
  func raising() throws {
    try expectFloors(0, 0, 0)
    try raise(1, 0, 7)
    try expectFloors(1, 0, 7)
    try raise(0, 5, 2)
    try expectFloors(1, 5, 7)
    try raise(.max, .max, .max)
    try expectFloors(.max, .max, .max)
  }

  @Test("is appended to, a record of 32 bytes each time, and not for what is raised already")
  func appending() throws {
    try raise(1, 2, 3)
    let first = try contents()
    #expect(Array(first.prefix(24)) == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3])
    #expect(first.count == 32)
    try raise(1, 2, 3)
    try raise(0, 2, 0)
    #expect(try contents() == first)
    try raise(1, 2, 4)
    #expect(try Array(contents().prefix(32)) == first)
    #expect(try contents().count == 64)
  }

  @Test("passes over records that aren't whole, and goes on behind them")
  func torn() throws {
    try raise(1, 1, 1)
    let first = try contents()
    try raise(2, 2, 2)
    let second = try contents().suffix(32)
    for length in 0..<32 {
      // Torn: some bytes of the second record, and perhaps the rest as zeros.
      try folder.write(first + second.prefix(length), to: "floors")
      try expectFloors(1, 1, 1)
      try raise(3, 0, 0)
      try expectFloors(3, 1, 1)
      #expect(try contents().count == (length == 0 ? 64 : 96))
      #expect(try Array(contents().prefix(32)) == first)
      try folder.write(first + second.prefix(length) + [UInt8](repeating: 0, count: 32 - length), to: "floors")
      try expectFloors(1, 1, 1)
    }
    for bit in 0..<256 {
      var damaged = Array(second)
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      try folder.write(first + damaged, to: "floors")
      try expectFloors(1, 1, 1)
    }
  }

  @Test("ends: then it says so, and what is raised stays")
  func end() throws {
    try folder.write([UInt8](repeating: 0, count: 32 * Int(Limits.floorRecords - 1)), to: "floors")
    try raise(1, 1, 1)
    try expectFloors(1, 1, 1)
    #expect(outcome { () throws(ErrorClass) in try raised(2) } == .limitExceeded)
    try expectFloors(1, 1, 1)
    #expect(try contents().count == 32 * Int(Limits.floorRecords))
  }

  private func raised(_ floor: UInt64) throws(ErrorClass) {
    try FloorsRegister(path: folder.path("floors"), .writing)
      .raise(to: Floors(loader: floor, decryptor: floor, firmware: floor))
  }

  @Test("is durable before it is told, and must be there")
  func durability() throws {
    let file = Foundation.open(folder.path("floors"), O_RDWR | O_CLOEXEC)
    let register = FloorsRegister(
      StoredFile(owning: file, on: FaultyStorage(POSIXStorage(root: -1), .synchronize, .io)))
    #expect(
      outcome { () throws(ErrorClass) in try register.raise(to: Floors(loader: 1, decryptor: 0, firmware: 0)) } == .io)
    #expect(
      outcome { () throws(ErrorClass) in
        _ = try FloorsRegister(path: folder.path("missing"), .writing).floors()
      } == .io)
  }
}
