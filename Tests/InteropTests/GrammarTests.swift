import DeviceSupport
import Foundation
import Testing

/// The CDDL in SPEC.md is one grammar that a stock parser reads, and real files are of the form that it says.
@Suite(
  "Grammar in SPEC.md", .enabled(if: devicesAvailable && Interop.isAvailable, "takes devices and scripts/interop.sh"))
struct GrammarTests {
  private let office: Office

  init() throws {
    office = try Office.shared()
  }

  @Test("files of every kind are of the form that it says")
  func goodFiles() throws {
    try office.husk(["vault", "create", "grammar.vault", "--vault-key", "grammar.key"])
    try office.husk(["vault", "head", "grammar.vault", "--key", "vendor.pem", "-o", "grammar.head"])
    try office.husk(["vault", "export", "vendor.vault", "-o", "grammar.export"])
    try office.interop(["bundle", "codec.grant", "-o", "grammar.grants"])
    let device = try Office.device()
    try FileManager.default.copyItem(at: device.fuses, to: office.directory.appending(path: "grammar.fuses"))
    let files = [
      "codec.husk", "bootloader.husk", "codec.grant", "vendor.chain", "vendor.status", "unit.identity",
      "grammar.grants", "grammar.head", "grammar.fuses", "grammar.export",
    ]
    let verdicts = try verdicts(files)
    for file in files { #expect(verdicts[file] == true, "\(file)") }
  }

  @Test("files of another form aren't")
  func otherFiles() throws {
    try office.interop(
      [
        "tamper", "codec.husk", "codec.grant", "vendor.status", "--root-key", "boot-root.pem", "--other", "other.pem",
        "-o", "misshapen",
      ] + Office.signingArguments)
    let files = [
      "unknown-label.package", "missing-label.package", "floating-point.package", "version-2.package",
      "execute-only-false.package", "no-certificate.package", "seven-certificates.package", "untagged.package",
      "short-signature.package", "unprotected-header.package", "a-grants-typ.package", "time-beyond-2-63.package",
      "bytes-behind-the-manifest.package", "one-byte-more.package", "grant-with-short-device-id.grant",
      "grant-for-no-lifecycle.grant", "grant-under-another-suite.grant", "grant-with-long-features.grant",
      "grant-with-empty-features.grant", "status-number-0.status", "status-without-entries.status",
    ].map { "misshapen/\($0)" }
    let verdicts = try verdicts(files)
    for file in files { #expect(verdicts[file] == false, "\(file)") }
  }

  private func verdicts(_ files: [String]) throws -> [String: Bool] {
    try JSONDecoder().decode([String: Bool].self, from: office.interop(["grammar"] + files))
  }
}
