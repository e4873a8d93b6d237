import COSE
import Cryptography
import DeviceSupport
import FormatFixtures
import Foundation
import GrantBundle
import HostSupport
import HuskFormat
import TestSupport
import Testing

/// Grants of made-up devices, which take no cryptography: what they are signed with comes from their numbers.
struct Fleet {
  let series: GrantSeries

  init(epoch: UInt64 = 7, chain: ChainFixture = .grant) throws {
    var terms = CommonGrantTerms(
      module: testName("com.acme.codec"), epoch: epoch, issuedAt: Moment.issued, lifecycle: .secured)
    terms.features = [1, 2, 3]
    series = try GrantSeries(terms: terms, chain: chain.encoded())
  }

  /// A record that only looks like one.
  func record(_ number: Int, sequence: UInt64 = 1) throws -> GrantRecord {
    var bytes = id(number)
    while bytes.count < GrantRecord.size { bytes += FormatFixtures.bytes(named: "\(number) at \(bytes.count)") }
    bytes = Array(bytes.prefix(GrantRecord.size))
    bytes.replaceSubrange(64..<72, with: [0, 0, 0, 0, 0, 0, 0, UInt8(sequence)])
    return try #require(GrantRecord(bytes[...]))
  }

  func records(_ numbers: Range<Int>) throws -> [GrantRecord] { try numbers.map { try record($0) } }

  func id(_ number: Int) -> [UInt8] { FormatFixtures.bytes(named: "device \(number)") }
}

/// A directory for bundles.
final class Shelf {
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  func path(_ name: String) -> String { scratch.directory.appending(path: name).path }

  func read(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path(name)))) }

  func write(_ bytes: [UInt8], _ name: String) throws { try Data(bytes).write(to: URL(filePath: path(name))) }

  /// A job's steps are larger; they may be of any size.
  private static let step = 1500

  /// Writes a bundle with these parts, in steps as a job writes them.
  func make(_ name: String, _ parts: [(series: GrantSeries, records: [GrantRecord])]) throws {
    let spool = try GrantSpool(path(name + ".partial"), job: bytes(named: name), records: 0)
    var count: UInt64 = 0
    for part in parts {
      for start in stride(from: 0, to: part.records.count, by: Self.step) {
        let run = Array(part.records[start..<min(start + Self.step, part.records.count)])
        try spool.write(run, at: count)
        count += UInt64(run.count)
      }
    }
    try spool.publish(parts.map { ($0.series, UInt64($0.records.count)) }, to: path(name), replaces: .nothing)
    removeFile(path(name + ".partial"))
  }
}
