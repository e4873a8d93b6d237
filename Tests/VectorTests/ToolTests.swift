import COSE
import Cryptography
import DeviceStore
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import GrantBundle
import HostSupport
import HuskFormat
import TestSupport
import Testing

@testable import FormatVectors

/// `husk inspect` and `husk verify`, as they were built, on every vector.
@Suite("The tool")
struct ToolTests {
  private static let tool = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appending(path: "husk").path

  /// The roots of all vectors.
  private static let roots: [TestKey] = [
    .bootRoot, .deviceRoot, .stranger, TestKey("other boot root"), TestKey(p256: "P-256 root"),
  ]

  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
    for root in Self.roots {
      try Data(root.publicKey.pem()).write(to: scratch.directory.appending(path: "\(hex(root.thumbprint)).pub"))
    }
  }

  private struct Answer {
    let status: Int32
    let report: [String: Any]
    let errors: String
  }

  /// Is asked once: many vectors have a package or a grant in common.
  private struct Question: Hashable {
    let words: [String]
    let object: [UInt8]
  }

  private func husk(_ words: [String], on object: [UInt8]) throws -> Answer {
    try Data(object).write(to: scratch.directory.appending(path: "object"))
    let outcome = try run(Self.tool, words + ["object", "--json"], directory: scratch.directory)
    let report = try? JSONSerialization.jsonObject(with: Data(outcome.stdout.utf8))
    return Answer(status: outcome.status, report: report as? [String: Any] ?? [:], errors: outcome.stderr)
  }

  /// The objects that a vector holds, each as a vector of its own that is only verified.
  private func objects(_ vector: Vector) throws -> [Vector] {
    guard try vector.kind == .load else { return [vector] }
    var package = Vector(.package, .success, "", object: vector.object)
    package.add("role", "module")
    var grant = Vector(.grant, .success, "", object: try vector.base64("grant")[0])
    for root in vector.values("root") {
      package.add("root", root)
      grant.add("root", root)
    }
    return [package, grant]
  }

  @Test("inspects every vector: it shows what is there, or which byte of which part is at fault, and why")
  func inspect() throws {
    var shown = 0
    var asked: Set<Question> = []
    for named in NamedVector.all {
      for object in try objects(named.vector) {
        guard asked.insert(Question(words: ["inspect"], object: object.object)).inserted else { continue }
        let answer = try husk(["inspect"], on: object.object)
        let place = Comment(rawValue: named.path)
        #expect(answer.status == 0 || answer.status == 1, place)
        if let fault = try fault(of: object) {
          #expect(answer.status == 1, place)
          #expect(answer.report["errorClass"] as? String == "\(fault.errorClass.name)", place)
          #expect(answer.report["byte"] as? Int == fault.offset, place)
          #expect((answer.report["part"] as? String)?.isEmpty == false, place)
          #expect((answer.report["reason"] as? String == nil) == (fault.reason == nil), place)
          #expect(answer.errors.hasPrefix("husk: error: object: "), place)
          #expect(answer.errors.contains("(\(fault.errorClass.name))"), place)
        } else if isLabelled(object.object) {
          #expect(answer.status == 0, "\(named.path): \(answer.errors)")
          #expect(answer.report["kind"] as? String != nil, place)
          #expect(answer.report["verified"] as? Bool == false, place)
          #expect(answer.errors == "", place)
        } else {
          #expect(answer.status == 1, place)
          #expect(answer.errors.hasPrefix("husk: error: object: "), place)
        }
        shown += 1
      }
    }
    recordVectorCount(set: "husk inspect", ran: shown, of: shown)
  }

  /// The fault that parsing alone finds. What a bundle's directory says is told by ``Verdict``, for a device without grants.
  private func fault(of vector: Vector) throws -> FormatError? {
    let bytes = vector.object
    return try withFile(bytes) { file in
      do {
        switch FileLabel.detect(bytes) {
        case .package: _ = try Manifest(parsing: PackageFront(bytes).object.payload)
        case .grant: _ = try GrantFile(bytes).unverifiedTerms()
        case .chain: try readClaims(of: CertificateChain(file: bytes))
        case .identity: try readIdentity(IdentityFile(bytes))
        case .statusList: _ = try StatusListFile(bytes).unverifiedList()
        case .control where ControlRecord(bytes) == nil: return FormatError(.malformed, in: .controlFile)
        case .bundle: _ = try BundleReader("/proc/self/fd/\(file)").directory.count
        default: break
        }
      } catch let error as FormatError {
        return error
      } catch ObjectFileError.format(_, let error) {
        return error
      }
      return nil
    }
  }

  private func readClaims(of chain: CertificateChain) throws {
    for index in chain.certificates.indices { _ = try chain.unverifiedClaims(at: index) }
  }

  private func readIdentity(_ file: IdentityFile) throws {
    _ = try file.unverifiedClaims()
    try readClaims(of: file.silicon)
  }

  private func isLabelled(_ bytes: [UInt8]) -> Bool { FileLabel.detect(bytes) != nil }

  // MARK: Verifying

  @Test("verifies every vector to its class, by this host's clock")
  func verify() throws {
    var verified = 0
    var asked: Set<Question> = []
    for named in NamedVector.all {
      for object in try objects(named.vector) {
        let place = Comment(rawValue: named.path)
        let words = try arguments(object)
        guard asked.insert(Question(words: words, object: object.object)).inserted else { continue }
        let answer = try husk(words, on: object.object)
        let errorClass = answer.report["errorClass"] as? String
        switch try expectation(of: object) {
        case .success:
          #expect(answer.status == 0, "\(named.path): \(answer.errors)")
          #expect(answer.report["ok"] as? Bool == true, place)
          #expect(answer.errors == "", place)
        case .refused(let expected):
          #expect(answer.status == 1, place)
          #expect(errorClass == "\(expected.name)", place)
          #expect(answer.errors.hasPrefix("husk: error: object: "), place)
          #expect(answer.errors.contains("(\(expected.name))"), place)
        case .ignored:
          // There is nothing in it that could be verified.
          #expect(answer.status == 1, place)
          #expect(answer.errors.hasPrefix("husk: error: object: "), place)
        }
        verified += 1
      }
    }
    recordVectorCount(set: "husk verify", ran: verified, of: verified)
  }

  private func arguments(_ vector: Vector) throws -> [String] {
    var words = ["verify"]
    for root in try Settings(vector).roots { words += ["--root", "\(hex(root.thumbprint)).pub"] }
    // Without a root it is a mistake of the caller's: a root that signed nothing here trusts nothing either.
    if words.count == 1 { words += ["--root", "\(hex(TestKey("other boot root").thumbprint)).pub"] }
    for root in vector.values("boot-root") { words += ["--boot-root", "\(root).pub"] }
    if let role = vector.value("role") { words += ["--role", role] }
    return words
  }

  /// What the tool knows less or other of than the vector: revoked roots, what was seen before, the time.
  private func expectation(of vector: Vector) throws -> Vector.Expectation {
    switch try vector.kind {
    case .storage, .control: return .ignored
    // What a list may follow is for devices to remember.
    case .statusList: return try Verdict(ofStatusList: vector.object, by: verifier(vector)).result
    // The tool looks at all grants of a bundle: the vectors' faults are in each device's way.
    case .bundle: return try Verdict(of: vector).result
    default: break
    }
    let result = try Verdict(of: vector.without(["grant-key"]), by: verifier(vector)).result
    guard try vector.kind == .grant, result == .success else { return result }
    return try validity(of: vector.object)
  }

  private func verifier(_ vector: Vector) throws -> ChainVerifier {
    ChainVerifier(
      anchors: TrustAnchors(thumbprints: try Settings(vector).roots.map(\.thumbprint)),
      time: TimeBasis(lowerBound: 0, trustedClock: Timestamp.now.seconds))
  }

  /// Of a grant that verifies: what else the tool looks at.
  private func validity(of grant: [UInt8]) throws -> Vector.Expectation {
    let file = try GrantFile(grant)
    let terms = try file.unverifiedTerms()
    let now = Timestamp.now.seconds
    if terms.issuer != (try COSEKey.thumbprint(file.chain.unverifiedLastKey())) { return .refused(.malformed) }
    if let end = terms.notAfter, now > end { return .refused(.expired) }
    if let start = terms.notBefore, now < start { return .refused(.notYetValid) }
    return .success
  }
}
