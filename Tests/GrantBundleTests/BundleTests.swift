import COSE
import CBOR
import Cryptography
import ErrorClass
import FormatFixtures
import Foundation
import GrantBundle
import HostSupport
import HuskFormat
import SecretBytes
import TestSupport
import Testing

@Suite("A grant bundle")
struct BundleTests {
  private let shelf: Shelf
  private let fleet: Fleet

  init() throws {
    shelf = try Shelf()
    fleet = try Fleet()
  }

  @Test(
    "gives every device its grant, and no other, whatever the number",
    arguments: [1, 2, 63, 64, 65, 127, 128, 129, 1000, 1499, 1500, 1501, 10_000])
  func finds(count: Int) throws {
    try shelf.make("a.grants", [(fleet.series, fleet.records(0..<count))])
    let bundle = try BundleReader(shelf.path("a.grants"))
    #expect(bundle.directory.count == UInt64(count))
    for number in stride(from: 0, to: count, by: max(1, count / 500)) {
      let found = try bundle.grants(of: fleet.id(number))
      #expect(found.map(\.record) == [try fleet.record(number)])
      #expect(found.first?.series == fleet.series)
    }
    for number in count..<(count + 200) { #expect(try bundle.grants(of: fleet.id(number)).isEmpty) }
    for edge in [UInt8(0), 0xff] {
      #expect(try bundle.grants(of: [UInt8](repeating: edge, count: 32)).isEmpty)
    }
  }

  @Test("holds its grants in the order of the devices, whatever order they were issued in")
  func order() throws {
    let records = try fleet.records(0..<500)
    try shelf.make("a.grants", [(fleet.series, records)])
    try shelf.make("b.grants", [(fleet.series, records.reversed())])
    #expect(try shelf.read("a.grants") == shelf.read("b.grants"))
    let bundle = try BundleReader(shelf.path("a.grants"))
    var ids: [[UInt8]] = []
    for bucket in bundle.directory.parts[0].buckets {
      ids += try bundle.records(ofBucket: bucket, inPart: 0).map { Array($0.deviceID) }
    }
    #expect(ids == (0..<500).map { fleet.id($0) }.sorted { $0.lexicographicallyPrecedes($1) })
  }

  @Test("takes 217 bytes for a device, and 64 more for each 64 of them")
  func size() throws {
    try shelf.make("a.grants", [(fleet.series, fleet.records(0..<10_000))])
    let size = try shelf.read("a.grants").count
    #expect(size < 10_000 * 217 + 157 * 67 + 2000)
  }

  @Test("is as SPEC 5.1 says, byte by byte")
  func format() throws {
    try shelf.make("a.grants", [(fleet.series, fleet.records(0..<65))])
    let bytes = try shelf.read("a.grants")
    #expect(bytes.starts(with: [0xd9, 0xd9, 0xf8, 0xda, 0x48, 0x75, 0x73, 0x42, 0x43, 0x4f, 0x52].prefix(8)))
    #expect(FileLabel.detect(bytes) == .bundle)
    var reader = CBORReader(bytes)
    _ = try reader.readTag()
    _ = try reader.readTag()
    #expect(try Array(reader.readBytes()) == [0x42, 0x4f, 0x52])
    let first = try Array(reader.readBytes())
    let second = try Array(reader.readBytes())
    #expect(first.count == 64 * 216)
    #expect(second.count == 216)
    let offset = reader.position
    let directory = try Array(reader.skipItem())
    let trailer = try Array(reader.readBytes())
    try reader.finish()

    #expect(trailer.prefix(8).reduce(0) { $0 << 8 | Int($1) } == offset)
    let covered = directory + trailer.prefix(8)
    let digests = try [covered, first, second].map { bytes in try SHA256.hash(bytes.span.bytes) }
    #expect(Array(trailer.dropFirst(8)) == digests[0])
    var inside = CBORReader(directory)
    #expect(try inside.readArrayHeader() == 3)
    #expect(try inside.readUnsigned() == 1)
    #expect(try inside.readArrayHeader() == 1)
    #expect(try inside.readArrayHeader() == 3)
    #expect(try inside.readUnsigned() == 65)
    #expect(try Array(inside.skipItem()) == fleet.series.terms.encoded())
    #expect(try Array(inside.skipItem()) == fleet.series.chain)
    let entries = try Array(inside.readBytes())
    #expect(entries == first.prefix(32) + digests[1] + second.prefix(32) + digests[2])
  }

  @Test("of several parts gives a device's grants from all of them")
  func parts() throws {
    let later = try Fleet(epoch: 8)
    try shelf.make(
      "a.grants",
      [
        (fleet.series, fleet.records(0..<100)), (later.series, fleet.records(50..<51)),
        (fleet.series, fleet.records(100..<300)),
      ])
    let bundle = try BundleReader(shelf.path("a.grants"))
    #expect(bundle.directory.parts.map(\.count) == [100, 1, 200])
    #expect(try bundle.grants(of: fleet.id(50)).map(\.series.terms.epoch) == [7, 8])
    #expect(try bundle.grants(of: fleet.id(99)).count == 1)
    #expect(try bundle.grants(of: fleet.id(299)).map(\.record) == [try fleet.record(299)])
    #expect(try bundle.grants(of: fleet.id(300)).isEmpty)
  }

  @Test("rebuilds the very grant files, and gives out none whose signature is wrong")
  func files() throws {
    let signer = TestKey("Acme grants")
    let recipients = (0..<3).map { number in
      GrantRecipient(deviceID: fleet.id(number), grantKey: TestGrantKey.device.publicKey, lifecycle: .secured)
    }
    // One sender for all: what it keeps between two must not show.
    var sender = try HPKE.Sender()
    var records: [GrantRecord] = []
    for recipient in recipients {
      records.append(
        try fleet.series.issue(
          to: recipient, sequence: 4, contentKey: secret(named: "content key"), with: signer.signer, &sender))
    }
    let file = fleet.series.file(records[1])
    let verified = try GrantFile(file).verify(with: .device)
    #expect(verified.value.terms.deviceID == fleet.id(1))
    #expect(verified.value.terms.features == [1, 2, 3])
    let isSame = try verified.value.unwrap(with: TestGrantKey.device.key).isEqual(to: secret(named: "content key"))
    #expect(isSame)

    var forged = Array(records[2].bytes)
    forged[71] ^= 1  // the sequence number
    records[2] = try #require(GrantRecord(forged[...]))
    try shelf.make("a.grants", [(fleet.series, records)])
    let bundle = try BundleReader(shelf.path("a.grants"))
    #expect(try bundle.grants(of: fleet.id(1)).first?.checkedFile() == file)
    let bad = try #require(try bundle.grants(of: fleet.id(2)).first)
    #expect(throws: FormatError(.signatureInvalid, in: .grant)) { try bad.checkedFile() }
  }

  @Test("is read from a medium that can't be written")
  func readOnly() throws {
    try shelf.make("a.grants", [(fleet.series, fleet.records(0..<10))])
    #expect(chmod(shelf.path("a.grants"), 0o400) == 0)
    #expect(try BundleReader(shelf.path("a.grants")).grants(of: fleet.id(3)).count == 1)
  }
}
