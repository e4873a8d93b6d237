import DeviceStore
import ErrorClass
import FormatFixtures
import Foundation
import Simulator
import StorageSimulation
import Testing

/// SPEC 9.4, step 1.
@Suite("Room for a package")
struct RoomTests {
  private func install(_ file: [UInt8], on storage: SimulatedStorage) -> ErrorClass? {
    do throws(ErrorClass) {
      var reception = try Reception(into: ModuleStore(on: storage), UnverifiedFiles(on: storage))
      defer { reception.close() }
      try file.span.bytes.withUnsafeBytes { (bytes) throws(ErrorClass) in try reception.take(bytes) }
      _ = try reception.finish()
      return nil
    } catch {
      return error
    }
  }

  @Test("is asked for before its payload is written")
  func refused() throws {
    let storage = SimulatedStorage()
    let file = try Bench.package().file()
    storage.fill(leaving: file.count + 50_000)
    #expect(install(file, on: storage) == .noSpace)
    let part = try StoredFile("modules/com.acme.codec/.part", .reading, on: storage).size()
    #expect(part < 4096)
    // What is there counts: it goes on when there is room.
    storage.repair()
    storage.fill(leaving: file.count + 80_000)
    #expect(install(file, on: storage) == nil)
  }
}
