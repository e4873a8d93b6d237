import FormatFixtures
import HostSupport
import HuskFormat

@testable import GrantBundle

extension FuzzTarget {
  /// Grant bundles, as a tool reads them that takes one device's grant out or goes through them all.
  static let bundle = FuzzTarget(name: "bundle") { bytes in
    readBundle(bytes, isAsItCame: true)
    if let anew = LooseBundle(bytes)?.mended(takesAll: chance(bytes)) { readBundle(anew, isAsItCame: false) }
    return true
  } seeds: {
    $0.kind == "bundle" ? [$0.object] : []
  }

  /// Looking for a device reads a bucket each time: so many of one are looked for.
  private static let devicesPerBucket = 3

  private static func readBundle(_ bytes: [UInt8], isAsItCame: Bool) {
    let file = InputFile(bytes)
    guard let bundle = attempt({ () throws(ObjectFileError) in try BundleReader(file.path) }) else { return }
    let directory = bundle.directory
    let encoded = directory.encoded()
    expect(
      bytes.dropLast(BundleLayout.trailerSize).suffix(encoded.count).elementsEqual(encoded),
      "a directory isn't written as it was read")
    for (index, part) in directory.parts.enumerated() {
      var last: ArraySlice<UInt8> = []
      var count: UInt64 = 0
      for bucket in part.buckets {
        guard
          let records = attempt({ () throws(ObjectFileError) in try bundle.records(ofBucket: bucket, inPart: index) })
        else { continue }
        count += UInt64(records.count)
        for record in records {
          expect(last.isEmpty || precedes(last, record.deviceID), "devices don't ascend")
          last = record.deviceID
        }
        for record in records.prefix(devicesPerBucket) {
          look(for: record, of: part.series, in: bundle)
          checkGrant(BundleReader.Entry(series: part.series, record: record), isAsItCame: isAsItCame)
        }
      }
      expect(count <= part.count, "a part has more grants than it says")
    }
  }

  /// A device's record is found by its id, and nothing else is.
  private static func look(for record: GrantRecord, of series: GrantSeries, in bundle: borrowing BundleReader) {
    var device = Array(record.deviceID)
    // Another part may be damaged where the device would be.
    if let found = attempt({ () throws(ObjectFileError) in try bundle.grants(of: device) }) {
      expect(found.contains { $0.series == series && $0.record == record }, "a grant isn't found")
      expect(found.allSatisfy { $0.record.deviceID.elementsEqual(device) }, "another device's grant is found")
      expect(found.count <= bundle.directory.parts.count, "a device has two grants in a part")
    }
    device[31] ^= 1
    if let found = attempt({ () throws(ObjectFileError) in try bundle.grants(of: device) }) {
      expect(found.allSatisfy { $0.record.deviceID.elementsEqual(device) }, "another device's grant is found")
    }
  }

  /// What is rebuilt is a grant, and says what the bundle does.
  private static func checkGrant(_ entry: BundleReader.Entry, isAsItCame: Bool) {
    guard let file = attempt({ () throws(FormatError) in try GrantFile(entry.series.file(entry.record)) }),
      let terms = attempt({ () throws(FormatError) in try file.unverifiedTerms() })
    else { return expect(false, "what is rebuilt isn't a grant") }
    expect(
      terms.common == entry.series.terms && terms.issuer == entry.series.issuer
        && terms.sequence == entry.record.sequence && entry.record.deviceID.elementsEqual(terms.deviceID)
        && entry.record.grantKeyThumbprint.elementsEqual(terms.grantKeyThumbprint),
      "what is rebuilt is another grant")
    guard attempt({ () throws(FormatError) in try entry.checkedFile() }) != nil else { return }
    if isAsItCame { SignedParts.check(file.chain, file.object) }
    expect(
      file.chain.certificates.indices.allSatisfy { index in
        attempt { () throws(FormatError) in try file.chain.unverifiedClaims(at: index) }?.scope.covers(terms.module)
          == true
      }, "a grant is outside of its issuer's scope")
  }
}
