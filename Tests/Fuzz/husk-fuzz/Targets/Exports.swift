import CBOR
import FormatFixtures
import HuskFormat
import SecretBytes

@testable import Vault

extension FuzzTarget {
  /// Exports of a vault, as an import reads them before it puts anything into the vault.
  static let export = FuzzTarget(name: "export") { bytes in
    let place = bytes.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xffff_ffff }
    readExport(bytes, isAsItCame: true, changingAt: place)
    if let anew = LooseExport(bytes)?.signedAnew(keepsAll: !chance(bytes)) {
      readExport(anew, isAsItCame: false, changingAt: place)
    }
    return true
  } seeds: { vector in
    switch vector.kind {
    case "identity": LooseExport.seeds(identity: vector.object)
    case "bundle": LooseExport.seeds(bundle: vector.object)
    default: []
    }
  }

  /// - Parameter place: which byte is changed between two readings; of the input, since what is signed anew differs in
  ///   every run.
  private static func readExport(_ bytes: [UInt8], isAsItCame: Bool, changingAt place: Int) {
    let file = InputFile(bytes)
    let signed = reading { try ExportReader.check(file.path, signedBy: LooseExport.signer.publicKey) }
    guard let checked = reading({ try ExportReader.check(file.path, signedBy: nil) }) else {
      return expect(signed == nil, "an export is whole for one reader only")
    }
    if signed != nil, isAsItCame { SignedParts.check(LooseExport(bytes)?.signedObjects ?? []) }
    var read = FileLabel.export.asSequence
    guard
      reading({ () throws -> Void in
        var reader = try ExportReader(file.path)
        while let record = try reader.next(of: checked) {
          read += record.encoded
          take(record, isAsItCame: isAsItCame)
        }
      }) != nil
    else { return expect(false, "what was checked isn't read") }
    expect(read == bytes, "records aren't written as they were read")
    readChanged(bytes, at: place % bytes.count, checked)
  }

  /// A second reading of a file that somebody wrote to meanwhile: it takes nothing but what was checked.
  private static func readChanged(_ bytes: [UInt8], at place: Int, _ checked: ExportReader.Checked) {
    var changed = bytes
    changed[place] ^= 1
    let file = InputFile(changed)
    var read = FileLabel.export.asSequence
    _ = reading { () throws -> Void in
      var reader = try ExportReader(file.path)
      while let record = try reader.next(of: checked) { read += record.encoded }
    }
    expect(read.count <= max(place, FileLabel.sequenceLabelSize), "a change isn't noticed")
    expect(bytes.starts(with: read), "what wasn't checked is taken")
  }

  /// What an import asks of a record.
  private static func take(_ record: ExportRecord, isAsItCame: Bool) {
    switch record {
    case .series(_, let terms, let chain):
      let series = attempt { () throws(FormatError) in
        try GrantSeries(terms: CommonGrantTerms(encoded: terms), chain: chain)
      }
      if let series { expect(series.terms.encoded() == terms, "terms aren't written as they were read") }
    case .grant(let grant):
      guard let bytes = grant.record else { return }
      guard let record = GrantRecord(bytes[...]) else { return expect(false, "a record isn't one") }
      expect(
        record.deviceID.elementsEqual(grant.deviceID) && record.sequence == grant.sequence
          && record.grantKeyThumbprint.elementsEqual(TestGrantKey.thumbprint(of: grant.grantKey)),
        "a record is of another grant")
    case .contentKey(let object):
      guard let exported = ExportedContentKey(object, signedBy: LooseExport.signer.publicKey) else { return }
      if isAsItCame { SignedParts.check(LooseExport.sign1(object).map { [$0] } ?? []) }
      if let size = exported.open(with: TestGrantKey.device.key)?.count {
        expect(size == Grant.contentKeySize, "a content key has another size")
      }
    case .event(let bytes, _):
      if let event = Event(bytes) { expect(event.encoded == bytes, "an event isn't written as it was read") }
    case .vault, .device, .signature, .end: break
    }
  }

  /// The value, or nil for what isn't an export; there is no other error.
  private static func reading<Value>(_ body: () throws -> Value) -> Value? {
    do {
      return try body()
    } catch {
      expect(error is ExportError, "an export is another error than none")
      return nil
    }
  }
}
