import CBOR
import COSE
import Cryptography
import FormatFixtures
import HuskFormat

@testable import Vault

/// An export taken apart as far as its items go.
struct LooseExport {
  private var items: [[UInt8]] = []

  /// Who vouches for exports.
  static let signer = TestKey("key")

  init?(_ bytes: [UInt8]) {
    guard FileLabel.detect(bytes) == .export else { return nil }
    do throws(CBORError) {
      var reader = CBORReader(bytes[FileLabel.sequenceLabelSize...])
      while !reader.isAtEnd { items.append(Array(try reader.skipItem())) }
    } catch {
      return nil
    }
  }

  private init(_ records: [ExportRecord]) {
    items = records.map(\.encoded)
  }

  /// What is signed in it.
  var signedObjects: [Sign1] {
    items.compactMap { item in
      switch ExportRecord(item) {
      case .contentKey(let object), .signature(let object): Self.sign1(object)
      default: nil
      }
    }
  }

  static func sign1(_ object: [UInt8]) -> Sign1? {
    attempt { () throws(CBORError) in
      var reader = CBORReader(object)
      return try Sign1(&reader)
    }
  }

  /// The same, with content keys signed anew, and all of it, and the digest that it then has.
  ///
  /// - Parameter keepsAll: what it ends with stays where it is, in the middle then.
  func signedAnew(keepsAll: Bool) -> [UInt8] {
    var items = items
    if !keepsAll {
      while let last = items.last, Self.isEnd(last) { items.removeLast() }
    }
    let content = FileLabel.export.asSequence + items.flatMap { Self.contentKeySignedAnew($0) ?? $0 }
    return Self.ended(content, isSigned: true)
  }

  private static func isEnd(_ item: [UInt8]) -> Bool {
    switch ExportRecord(item) {
    case .signature, .end: true
    default: false
    }
  }

  private static func ended(_ content: [UInt8], isSigned: Bool) -> [UInt8] {
    var content = content
    if isSigned, let digest = try? SHA256.hash(content.span.bytes),
      let object = try? ExportSignature.make(digest, with: signer.signer)
    {
      content += ExportRecord.signature(object).encoded
    }
    guard let digest = try? SHA256.hash(content.span.bytes) else { return content }
    return content + ExportRecord.end(digest: digest).encoded
  }

  /// A record of a content key, signed: as it is, or one that opens, by chance.
  private static func contentKeySignedAnew(_ item: [UInt8]) -> [UInt8]? {
    guard case .contentKey(let object) = ExportRecord(item), let payload = sign1(object)?.payload else { return nil }
    let own = !chance(item) ? ContentKeys.openable(payload) : nil
    let signed = own ?? Keys.sign(payload, type: ExportedContentKey.type, as: signer.publicKey)
    return ExportRecord.contentKey(signed).encoded
  }
}

// MARK: Seeds

extension LooseExport {
  /// A device, with this identity alone and with a former one.
  static func seeds(identity: [UInt8]) -> [[UInt8]] {
    [
      seed([.device(.init(identities: [identity], status: .active, batch: "line 7", tags: ["beta", "gold"]))]),
      seed(
        [.device(.init(identities: [identity, identity], status: .decommissioned, batch: nil, tags: []))],
        isSigned: false),
    ]
  }

  /// The first grants of a bundle, and a content key.
  static func seeds(bundle: [UInt8]) -> [[UInt8]] {
    let grants = LooseBundle(bundle)?.grants.prefix(3) ?? []
    guard let first = grants.first, let key = contentKey(of: first) else { return [] }
    var records = [ExportRecord.contentKey(key)]
    for (number, grant) in grants.enumerated() {
      let entry = ExportRecord.Grant(
        deviceID: Array(grant.record.deviceID), grantKey: TestGrantKey.device.publicKey, series: UInt64(number),
        sequence: grant.record.sequence, record: number == 1 ? nil : Array(grant.record.bytes))
      records += [
        .series(number: UInt64(number), terms: grant.series.terms.encoded(), chain: grant.series.chain), .grant(entry),
        .event(record: event.encoded, hash: FormatFixtures.bytes(named: "hash")),
      ]
    }
    return [seed(records)]
  }

  private static let event = Event(
    number: 1, at: Moment.issued, clock: Moment.issued - 1, who: "alice", action: .granted,
    details: [
      Event.Detail("grants", .number(3)), Event.Detail("module", .text("com.acme.codec")),
      Event.Detail("digest", .bytes([1, 2, 3])),
    ])

  private static func seed(_ records: [ExportRecord], isSigned: Bool = true) -> [UInt8] {
    let vault = ExportRecord.vault(id: Array(FormatFixtures.bytes(named: "vault").prefix(16)), at: Moment.issued)
    let content = LooseExport([vault] + records).items.flatMap { $0 }
    return ended(FileLabel.export.asSequence + content, isSigned: isSigned)
  }

  /// What is wrapped in a grant, as if it were for a vault: it doesn't open, but is the same in every run.
  private static func contentKey(of grant: LooseBundle.Grant) -> [UInt8]? {
    guard let file = attempt({ () throws(FormatError) in try GrantFile(grant.file) }) else { return nil }
    return attempt { () throws(CBORError) in
      var reader = CBORReader(file.object.payload)
      _ = try reader.readArrayHeader()
      try reader.skipItem()
      var encoder = CBOREncoder()
      encoder.beginArray(3)
      grant.series.terms.module.encode(to: &encoder)
      encoder.encode(unsigned: grant.series.terms.epoch)
      encoder.encode(encoded: Array(try reader.skipItem()))
      return Keys.sign(encoder.bytes[...], type: ExportedContentKey.type, as: signer.publicKey)
    }
  }
}

/// Content keys that open, for modules and epochs that nobody thought of.
private enum ContentKeys {
  nonisolated(unsafe) private static var made: [[UInt8]: [UInt8]] = [:]

  /// A signed content key for what a payload names.
  static func openable(_ payload: ArraySlice<UInt8>) -> [UInt8]? {
    guard let (name, epoch) = subject(payload) else { return nil }
    let key = name.bytes + [0] + Array("\(epoch)".utf8)
    if let object = made[key] { return object }
    guard let contentKey = try? secret(named: "content key") else { return nil }
    if made.count > 64 { made = [:] }
    made[key] = try? ExportedContentKey.make(
      contentKey, module: name, epoch: epoch, to: TestGrantKey.device.publicKey, signedWith: LooseExport.signer.signer)
    return made[key]
  }

  private static func subject(_ payload: ArraySlice<UInt8>) -> (Name, UInt64)? {
    do throws(CBORError) {
      var reader = CBORReader(payload)
      _ = try reader.readArrayHeader()
      guard let name = Name(Array(try reader.readText())) else { return nil }
      return (name, try reader.readCount())
    } catch {
      return nil
    }
  }
}

extension FileLabel {
  /// The label of a sequence, by itself.
  var asSequence: [UInt8] {
    var encoder = CBOREncoder()
    encode(to: &encoder)
    return encoder.bytes
  }
}
