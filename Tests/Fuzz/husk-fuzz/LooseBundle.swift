import CBOR
import COSE
import Cryptography
import HuskFormat

@testable import GrantBundle

/// A bundle taken apart as far as its items go, whether or not one fits the other.
struct LooseBundle {
  private let buckets: [[UInt8]]
  private let directory: [UInt8]

  init?(_ bytes: [UInt8]) {
    guard FileLabel.detect(bytes) == .bundle else { return nil }
    do throws(CBORError) {
      var reader = CBORReader(bytes[FileLabel.sequenceLabelSize...])
      var buckets: [[UInt8]] = []
      while try reader.peekType() == .bytes { buckets.append(Array(try reader.readBytes())) }
      directory = Array(try reader.skipItem())
      self.buckets = buckets
    } catch {
      return nil
    }
  }

  /// All grants that it holds, by what the directory says.
  var grants: [Grant] {
    guard let directory = LooseDirectory(directory) else { return [] }
    return directory.places(of: buckets).flatMap { part, places -> [Grant] in
      guard let series = directory.parts[part].series else { return [] }
      return places.flatMap { buckets[$0].records }.compactMap { bytes in
        GrantRecord(bytes[...]).map { Grant(series: series, record: $0) }
      }
    }
  }

  struct Grant {
    let series: GrantSeries
    let record: GrantRecord

    var file: [UInt8] { series.file(record) }
  }

  /// The same with a trailer that fits.
  ///
  /// - Parameter takesAll: also with entries that the buckets have, counts that fit if there is one part, and signed by
  ///   whoever should have signed it.
  func mended(takesAll: Bool) -> [UInt8]? {
    var (buckets, directory) = (buckets, directory)
    if takesAll, var parts = LooseDirectory(directory) {
      parts.sign(&buckets)
      directory = parts.encoded(buckets)
    }
    let content = BundleLayout.label + buckets.flatMap { Self.item($0) }
    guard let trailer = try? BundleLayout.trailer(directory: directory, at: UInt64(content.count)) else { return nil }
    return content + directory + trailer
  }

  private static func item(_ bytes: [UInt8]) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.encode(bytes: bytes)
    return encoder.bytes
  }
}

/// A directory, as far as it has three items and the parts have.
private struct LooseDirectory {
  let version: [UInt8]
  var parts: [Part] = []

  struct Part {
    var count: UInt64
    let terms: [UInt8]
    var chain: [UInt8]

    var series: GrantSeries? {
      attempt { () throws(FormatError) in try GrantSeries(terms: CommonGrantTerms(encoded: terms), chain: chain) }
    }
  }

  init?(_ bytes: [UInt8]) {
    do throws(CBORError) {
      var reader = CBORReader(bytes)
      guard try reader.readArrayHeader() == 3 else { return nil }
      version = Array(try reader.skipItem())
      for _ in 0..<(try reader.readArrayHeader()) {
        guard try reader.readArrayHeader() == 3 else { return nil }
        parts.append(
          Part(
            count: try reader.readUnsigned(), terms: Array(try reader.skipItem()),
            chain: Array(try reader.skipItem())))
      }
    } catch {
      return nil
    }
  }

  /// Which buckets belong to which part, as far as there are any.
  func places(of buckets: [[UInt8]]) -> [(part: Int, buckets: Range<Int>)] {
    var start = 0
    return parts.indices.map { part in
      let wanted = parts[part].count / 64 + (parts[part].count % 64 == 0 ? 0 : 1)
      let end = start + Int(min(wanted, UInt64(buckets.count - start)))
      defer { start = end }
      return (part, start..<end)
    }
  }

  /// Signs chains and the first records of buckets: not all, which would take long.
  mutating func sign(_ buckets: inout [[UInt8]]) {
    if parts.count == 1 { parts[0].count = UInt64(buckets.reduce(0) { $0 + $1.count / GrantRecord.size }) }
    for (part, places) in places(of: buckets) {
      guard let chain = attempt({ () throws(FormatError) in try CertificateChain(encoded: parts[part].chain) }) else {
        continue
      }
      parts[part].chain = chain.signedAnew()
      guard let series = parts[part].series else { continue }
      for bucket in places.prefix(3) {
        let records = buckets[bucket].records
        let signed = records.prefix(3).map { Self.sign($0, of: series, as: chain.lastKey) } + records.dropFirst(3)
        buckets[bucket] = Array(signed.joined())
      }
    }
  }

  private static func sign(_ record: [UInt8], of series: GrantSeries, as key: PublicKey?) -> [UInt8] {
    guard let whole = GrantRecord(record[...]),
      let file = attempt({ () throws(FormatError) in try GrantFile(series.file(whole)) })
    else { return record }
    let size = SignatureAlgorithm.signatureByteCount
    return record.dropLast(size) + Keys.sign(file.object.payload, type: Grant.type, as: key).suffix(size)
  }

  func encoded(_ buckets: [[UInt8]]) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(3)
    encoder.encode(encoded: version)
    encoder.beginArray(parts.count)
    for part in parts {
      encoder.beginArray(3)
      encoder.encode(unsigned: part.count)
      encoder.encode(encoded: part.terms)
      encoder.encode(encoded: part.chain)
    }
    encoder.encode(bytes: buckets.flatMap { $0.prefix(32) + ((try? SHA256.hash($0.span.bytes)) ?? []) })
    return encoder.bytes
  }
}

extension [UInt8] {
  /// A bucket's records; the last one may be shorter.
  fileprivate var records: [[UInt8]] {
    stride(from: 0, to: count, by: GrantRecord.size).map { Array(self[$0..<Swift.min($0 + GrantRecord.size, count)]) }
  }
}
