import BootChain
import CBOR
import COSE
import Cryptography
import DICE
import ErrorClass
import GrantBundle
import HostSupport
import HuskFormat

// What each kind of file tells of itself, unverified.

extension Report {
  /// The beginning of every report about a file. Nothing in it was verified.
  static func head(_ kind: String, _ path: String) -> [Field] {
    [
      Field("file", .text(path)), Field("kind", .text(kind)),
      Field("verified", .flag(false, words: "no: nothing below was verified")),
    ]
  }

  init(package path: String, _ front: PackageFront, _ manifest: Manifest, isWhole: Bool?) throws {
    var fields: [Field?] = [
      Field("role", .text(manifest.role.text)),
      Field("name", .text(manifest.name.text)),
      Field("version", .text(manifest.version.text)),
      Field("securityVersion", .number(manifest.securityVersion)),
      Field("machine", .machine(manifest.machine)),
      Field("issued", time: manifest.issuedAt),
      Field("package", .hexadecimal(try front.packageID())),
      Field("keyEpoch", number: manifest.epoch),
      Field("minimumStatus", number: manifest.minimumStatus),
      Field("payloadSize", .number(manifest.payloadSize)),
      isWhole.map { Field("payloadComplete", .flag($0)) },
    ]
    if manifest.isModule {
      fields.append(Field("sizeBound", .number(manifest.sizeBound)))
      fields.append(Field("compressionBound", .text(Self.ratio(manifest.sizeBound, manifest.payloadSize))))
      fields.append(
        Field(
          "executeOnlyText",
          .flag(manifest.mayBeExecuteOnly, words: manifest.mayBeExecuteOnly ? "allowed" : "not allowed")))
    }
    fields += [
      Field("segmentSize", .number(manifest.segmentSize)),
      Field("segments", .number(UInt64(manifest.segments.count))),
      Field("chain", try .chain(front.chain)),
    ]
    self.init(Self.head("package", path) + fields)
  }

  init(grant path: String, _ file: GrantFile) throws {
    let terms = try file.unverifiedTerms()
    self.init(
      Self.head("grant", path) + [
        Field("device", .hexadecimal(terms.deviceID)),
        Field("grantKey", .hexadecimal(terms.grantKeyThumbprint)),
        Field("issuer", .hexadecimal(terms.issuer)),
        Field("sequence", .number(terms.sequence)),
      ] + Self.fields(of: terms.common) + [Field("chain", try .chain(file.chain))])
  }

  init(bundle path: String, _ directory: BundleDirectory) throws {
    let parts = try directory.parts.map { part in
      Value.group(
        ([Field("grants", .number(part.count)), Field("issuer", .hexadecimal(part.series.issuer))]
          + Self.fields(of: part.series.terms)
          + [Field("chain", try .chain(CertificateChain(encoded: part.series.chain)))]).compactMap(\.self))
    }
    self.init(
      Self.head("grant bundle", path) + [Field("grants", .number(directory.count)), Field("part", .list(parts))])
  }

  private static func fields(of terms: CommonGrantTerms) -> [Field?] {
    [
      Field("module", .text(terms.module.text)),
      Field("keyEpoch", .number(terms.epoch)),
      Field("lifecycle", .text("\(terms.lifecycle.name)")),
      Field("issued", time: terms.issuedAt),
      Field("notBefore", time: terms.notBefore),
      Field("notAfter", time: terms.notAfter),
      terms.versions.map { Field("versions", .text("\($0.lowest.text)..\($0.highest.text)")) },
      terms.features.map { Field("features", .hexadecimal($0)) },
      Field("minimumStatus", number: terms.minimumStatus),
    ]
  }

  init(statusList path: String, _ file: StatusListFile) throws {
    let list = try file.unverifiedList()
    self.init(
      Self.head("status list", path) + [
        Field("scope", .text(list.scope.text)),
        Field("number", .number(list.number)),
        Field("issued", time: list.issuedAt),
        Field("refusedPackages", .list(list.packages.map { .hexadecimal($0) })),
        Field("refusedKeys", .list(list.keys.map { .hexadecimal($0) })),
        Field(
          "refusedVersions",
          .list(
            list.versions.map { .text($0.text) })),
        Field("lowestSecurityVersions", .list(list.floors.map { .text($0.text) })),
        Field("chain", try .chain(file.chain)),
      ])
  }

  init(chain path: String, _ chain: CertificateChain) throws {
    self.init(Self.head("chain", path) + [Field("chain", try .chain(chain))])
  }

  init(identity path: String, _ file: IdentityFile) throws {
    let claims = try file.unverifiedClaims()
    let layers = zip(["bootloader", "decryptor"], file.dice).map { name, certificate in
      Field(
        name,
        .group([
          Field("measurement", .hexadecimal(certificate.codeHash)),
          Field("authority", .hexadecimal(certificate.authorityHash)),
          Field("mode", .text("\(certificate.mode)")),
        ]))
    }
    self.init(
      Self.head("identity", path) + [
        Field("device", .hexadecimal(try COSEKey.thumbprint(file.silicon.unverifiedLastKey()))),
        Field("lifecycle", .text("\(claims.lifecycle.name)")),
        Field("keyEpoch", .number(claims.keyEpoch)),
        Field("generation", .number(claims.generation)),
        Field("grantKey", .hexadecimal(try COSEKey.thumbprint(x25519: claims.grantKey))),
      ] + layers + [Field("silicon", try .chain(file.silicon))])
  }

  /// What a device remembers is for nobody else to read.
  init(storage path: String, _ bytes: [UInt8]) throws {
    guard bytes.count <= Limits.storage else { throw FormatError(.limitExceeded, in: .label) }
    var reader = CBORReader(bytes)
    try FileLabel.storage.read(&reader)
    let counter: UInt64
    do {
      try reader.expectArray(of: 3)
      counter = try reader.readCount()
    } catch {
      throw FormatError(error, in: .label)
    }
    self.init(Self.head("secure storage", path) + [Field("counter", .number(counter))])
  }

  /// The public part; the device secret is never read.
  init(fuses path: String, _ state: BootState) throws {
    self.init(Self.head("fuses", path) + (try Self.fuseFields(state)))
  }

  init(publicKey path: String, _ key: PublicKeyFile) throws {
    let (type, thumbprint) =
      switch key {
      case .signing(let key): (key.algorithm == .edDSA ? "Ed25519" : "P-256", try COSEKey.thumbprint(key))
      case .agreement(let key): ("X25519", try COSEKey.thumbprint(x25519: key))
      }
    self.init([
      Field("file", .text(path)), Field("kind", .text("public key")), Field("type", .text(type)),
      Field("thumbprint", .hexadecimal(thumbprint)),
    ])
  }

  /// A file that doesn't parse: what could be read of it, in CBOR's diagnostic notation (RFC 8949 section 8).
  init(unreadable path: String, _ error: FormatError, _ diagnostic: CBORDiagnostic?) {
    self.init([
      Field("file", .text(path)),
      Field("errorClass", .text("\(error.errorClass.name)")),
      Field("part", .text(error.part.words)),
      Field("byte", number: error.offset.map { UInt64($0) }),
      error.reason.map { Field("reason", .text($0.words)) },
      diagnostic?.error.map { Field("encoding", .text("\($0.words), at byte \($0.offset)")) },
      diagnostic.map { Field("readable", .text($0.text)) },
    ])
  }

  static func fuseFields(_ state: BootState) throws -> [Field] {
    let silicon = try CertificateChain(encoded: state.silicon)
    let roots = state.bootRoots.thumbprints.enumerated().map { slot, thumbprint in
      Value.group([
        Field("slot", .number(UInt64(slot))), Field("thumbprint", .hexadecimal(thumbprint)),
        Field("revoked", .flag(state.bootRoots.revoked >> slot & 1 == 1)),
      ])
    }
    return [
      Field("device", .hexadecimal(try COSEKey.thumbprint(silicon.unverifiedLastKey()))),
      Field("lifecycle", .text("\(state.lifecycle.name)")),
      Field("keyEpoch", .number(state.keyEpoch)),
      Field("buildTime", .time(state.time)),
      Field("trustedClock", .flag(state.hasTrustedClock)),
      floors(state.floors),
      Field("bootRoot", .list(roots)),
    ]
  }

  /// The lowest security versions that start.
  static func floors(_ floors: Floors) -> Field {
    Field(
      "floors",
      .group([
        Field("loader", .number(floors.loader)), Field("decryptor", .number(floors.decryptor)),
        Field("firmware", .number(floors.firmware)),
      ]))
  }

  /// How many times smaller the payload is than what it becomes, at most.
  private static func ratio(_ plain: UInt64, _ packed: UInt64) -> String {
    guard packed > 0 else { return "unknown" }
    let (tenths, overflow) = plain.multipliedReportingOverflow(by: 10)
    guard !overflow else { return "unknown" }
    let ratio = (tenths + packed / 2) / packed
    return "\(ratio / 10).\(ratio % 10) to 1"
  }
}
