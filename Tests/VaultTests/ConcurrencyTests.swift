import DeviceSupport
import FormatFixtures
import Foundation
import HuskFormat
import Testing
import Vault

@Suite("Several users of a vault at once")
struct ConcurrencyTests {
  private let bench: Bench

  init() throws {
    bench = try Bench()
    try bench.trust()
  }

  @Test("get no sequence number twice")
  func sequences() async throws {
    try bench.add(IdentityFixture("A"))
    let numbers = try await withThrowingTaskGroup(of: [UInt64].self) { group in
      for _ in 0..<3 {
        group.addTask { [bench] in
          var numbers: [UInt64] = []
          for _ in 0..<20 {
            if let number = try bench.grant() { numbers.append(number) }
          }
          return numbers
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    // Who came second did nothing, and would do it again.
    #expect(numbers.sorted() == Array(1...UInt64(numbers.count)))
    #expect(numbers.count >= 20)
    #expect(try bench.findings() == [])
  }

  @Test("begin every epoch once, and add every device once")
  func epochsAndDevices() async throws {
    let (vault, key) = try bench.open()
    _ = try vault.ensureModule(codec, with: key, on: .at(now))
    let files = try (0..<40).map { try IdentityFixture("device \($0)").file() }
    let bench = bench
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in 0..<3 {
        group.addTask {
          let (vault, key) = try bench.open()
          for part in 0..<4 {
            try bench.add(Array(files[(part * 10)..<(part * 10 + 10)]))
            _ = try vault.rotate(codec, with: key, on: .at(now + UInt64(worker)))
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try bench.devices().count == 40)
    #expect(try vault.modules()[0].epochs.map(\.number) == Array(1...13))
    #expect(try bench.findings() == [])
  }
}
