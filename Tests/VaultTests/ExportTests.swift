import CBOR
import COSE
import Cryptography
import DeviceSupport
import FormatFixtures
import Foundation
import HuskFormat
import Testing

@testable import Vault

/// What an import makes of files that no vault would have written (SPEC 14.7), be they signed or not.
@Suite("Exports that aren't as they should be")
struct ExportTests {
  private let bench: Bench
  private let source = ExportRecord.vault(id: Array(bytes(named: "vault").prefix(16)), at: now)

  init() throws {
    bench = try Bench()
    try bench.trust()
    try bench.add(IdentityFixture())
    let (vault, key) = try bench.open()
    _ = try vault.ensureModule(codec, with: key, on: .at(now))
  }

  /// Has the vault take in records, signed by who is believed.
  private func take(_ records: [ExportRecord]) throws -> ImportSummary {
    var encoder = CBOREncoder()
    FileLabel.export.encode(to: &encoder)
    var file = encoder.bytes + records.flatMap(\.encoded)
    let signature = try ExportSignature.make(SHA256.hash(file.span.bytes), with: TestKey("acme").signer)
    file += ExportRecord.signature(signature).encoded
    file += ExportRecord.end(digest: try SHA256.hash(file.span.bytes)).encoded
    let path = bench.directory.appending(path: "\(UUID()).export").path
    try Data(file).write(to: URL(filePath: path))
    let (vault, key) = try bench.open()
    let verifier = IdentityVerifier(trust: try vault.trust(with: key), lifecycle: .secured, now: now)
    return try vault.importExport(
      path, verifier: verifier, authority: ImportAuthority(signer: TestKey("acme").publicKey), with: key, on: .at(now)
    ) { _ in }
  }

  @Test("say whose they are once, at the beginning")
  func vaultRecord() throws {
    let event = ExportRecord.event(record: [0xa0], hash: bytes(named: "hash"))
    #expect(try take([source, event]).isSigned)
    for records in [[], [event], [event, source], [source, source], [source, event, source]] {
      #expect(throws: VaultError.notAnExport) { try take(records) }
    }
  }

  @Test(
    "bring no record of another grant, which the vault couldn't read ever after",
    arguments: [nil, 0, 31, 32, 63, 64, 71, 72, 215])
  func grantRecord(place: Int?) throws {
    let device = try bench.devices()[0]
    let terms = CommonGrantTerms(module: codec, epoch: 1, issuedAt: now, lifecycle: .secured)
    let series = ExportRecord.series(number: 1, terms: terms.encoded(), chain: try ChainFixture.grant.encoded())
    var record =
      device.deviceID + (try COSEKey.thumbprint(x25519: device.identity.grantKey)) + [0, 0, 0, 0, 0, 0, 0, 9]
      + [UInt8](repeating: 1, count: 144)
    if let place { record[place] ^= 0x80 }
    let grant = ExportRecord.grant(
      .init(
        deviceID: device.deviceID, grantKey: device.identity.grantKey, series: 1, sequence: 9, record: record))
    // What says whose it is comes first.
    if let place, place < 72 {
      #expect(throws: VaultError.notAnExport) { try take([source, series, grant]) }
    } else {
      #expect(try take([source, series, grant]).grants == 1)
    }
    #expect(try bench.open().vault.grants(of: device).map(\.sequence) == ((place ?? 72) < 72 ? [] : [9]))
    #expect(try bench.findings() == [])
  }
}
