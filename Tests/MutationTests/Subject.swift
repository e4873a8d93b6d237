import CBOR
import COSE
import ErrorClass
import FormatFixtures
import HuskFormat
import SecretBytes
import Testing

@testable import FormatVectors

/// A small valid object, and how a verifier that it was made for looks at it.
struct Subject: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let bytes: [UInt8]
  /// The parts, in order, with what may become of a bit of them.
  let sites: [Site]
  /// Parses and verifies.
  let accept: @Sendable ([UInt8]) throws(FormatError) -> Void

  /// The class with which something in the object's place is refused; nil if it isn't.
  func refusal(of bytes: [UInt8]) -> ErrorClass? {
    FormatFixtures.refusal { () throws(FormatError) in try accept(bytes) }
  }

  /// Everything of one kind.
  static let all: [Subject] = {
    do {
      return [try package, try chain, try grant, try identity, try statusList]
    } catch {
      preconditionFailure("\(error)")
    }
  }()

  private static let label = 8

  static var load: LoadFixture {
    var load = LoadFixture()
    load.module = Fixed.noise(16)
    load.package.chain = ChainFixture(root: .bootRoot, [LinkFixture("key", [.module])])
    return load
  }

  private static var package: Subject {
    get throws {
      let bytes = try load.file()
      var map = SiteMap(bytes)
      map.bytes("label", FileLabel.sequenceLabelSize, .malformed)
      // A length that is longer than a manifest may be is beyond a limit.
      map.bytes("manifest's head", 3, .malformed, .limitExceeded)
      map.head("signed manifest")
      try map.chain(certificates: 1)
      try map.signedMap(
        "manifest", first: 3, .malformed, .unsupportedVersion, others: [.malformed, .limitExceeded, .signatureInvalid])
      map.bytes("payload's head", 2, .malformed, .sizeMismatch)
      map.bytes("payload", bytes.count - map.end, .digestMismatch)
      return Subject(testDescription: "package", bytes: bytes, sites: map.sites) { bytes throws(FormatError) in
        try Verdict.verify(package: bytes, as: .module, .device)
      }
    }
  }

  private static var chain: Subject {
    get throws {
      let bytes = try Catalogue.file(.module)
      var map = SiteMap(bytes)
      map.bytes("label", label, .malformed)
      try map.chain(certificates: 2)
      return Subject(testDescription: "chain", bytes: bytes, sites: map.sites) { bytes throws(FormatError) in
        _ = try ChainVerifier.device.verify(CertificateChain(file: bytes), role: .module)
      }
    }
  }

  static var grantFixture: GrantFixture {
    var grant = GrantFixture.vector
    grant.chain = ChainFixture(root: .bootRoot, [LinkFixture("key", [.grant])])
    grant.terms.issuer = grant.chain.last.thumbprint
    grant.terms.versions = VersionRange(Version(1, 0, 0), Version(2, 0, 0))
    grant.terms.features = [1, 2, 3]
    return grant
  }

  private static var grant: Subject {
    get throws {
      let bytes = try grantFixture.file()
      var map = SiteMap(bytes)
      map.bytes("label", label, .malformed)
      map.head("signed grant")
      try map.chain(certificates: 1)
      try map.signedMap(
        "grant", first: 4, .malformed, .unsupportedVersion, others: [.malformed, .limitExceeded, .signatureInvalid])
      return Subject(testDescription: "grant", bytes: bytes, sites: map.sites) { bytes throws(FormatError) in
        _ = try GrantFile(bytes).verify(with: .device).value.unwrap(with: TestGrantKey.device.key).count
      }
    }
  }

  static var identityFixture: IdentityFixture {
    var identity = IdentityFixture()
    identity.silicon.links.removeFirst()
    return identity
  }

  private static var identity: Subject {
    get throws {
      let bytes = try identityFixture.file()
      var map = SiteMap(bytes)
      map.bytes("label", label, .malformed)
      map.head("identity")
      try map.chain(certificates: 1)
      map.head("layers")
      for layer in ["bootloader", "decryptor"] {
        // Signatures come before what the claims say.
        try map.sign1(layer, payload: .malformed, .signatureInvalid)
      }
      try map.sign1("device key", payload: .malformed, .limitExceeded, .signatureInvalid)
      return Subject(testDescription: "identity", bytes: bytes, sites: map.sites) { bytes throws(FormatError) in
        _ = try IdentityFile(bytes).verify(by: .vendor)
      }
    }
  }

  static var listFixture: StatusListFixture {
    var list = StatusListFixture()
    list.chain = ChainFixture(root: .bootRoot, [LinkFixture("key", [.status])])
    list.list.packages = [FormatFixtures.bytes(named: "package")]
    list.list.floors = [.init(testName("com.acme.codec"), 4)]
    return list
  }

  private static var statusList: Subject {
    get throws {
      let bytes = try listFixture.file()
      var map = SiteMap(bytes)
      map.bytes("label", label, .malformed)
      map.head("signed list")
      try map.chain(certificates: 1)
      try map.signedMap(
        "list", first: 3, .malformed, .unsupportedVersion, others: [.malformed, .limitExceeded, .signatureInvalid])
      return Subject(testDescription: "status list", bytes: bytes, sites: map.sites) { bytes throws(FormatError) in
        _ = try StatusListFile(bytes).verify(with: .device)
      }
    }
  }
}
