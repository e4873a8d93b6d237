import ErrorClass
import Foundation
import TestSupport
import Testing

@testable import FormatVectors

/// Tests/Vectors against ``Catalogue``.
///
/// With HUSK_WRITE_VECTORS the files are written instead: `scripts/vectors.sh --write`.
@Suite("The vectors' files")
struct FileTests {
  private static let writes = ProcessInfo.processInfo.environment["HUSK_WRITE_VECTORS"] == "1"

  @Test("are what the catalogue makes, byte by byte, and there are no others")
  func reproducible() throws {
    let made = try Catalogue().vectors
    #expect(Set(made.map(\.path)).count == made.count, "no two have the same name")
    if Self.writes { try write(made) }
    #expect(try NamedVector.paths() == made.map(\.path).sorted())
    for vector in made {
      let text = try? String(contentsOf: NamedVector.folder.appending(path: vector.path), encoding: .utf8)
      #expect(text == vector.vector.text, "\(vector.path)")
    }
  }

  private func write(_ vectors: [NamedVector]) throws {
    for path in try NamedVector.paths() {
      try FileManager.default.removeItem(at: NamedVector.folder.appending(path: path))
    }
    for vector in vectors {
      let file = NamedVector.folder.appending(path: vector.path)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(vector.vector.text.utf8).write(to: file)
    }
  }

  @Test("have one form: what is read is written as it was")
  func form() throws {
    for vector in NamedVector.all {
      let text = try String(contentsOf: NamedVector.folder.appending(path: vector.path), encoding: .utf8)
      #expect(try Vector(text: text).text == text, "\(vector.path)")
    }
  }

  /// The classes that a format can give; the others of SPEC 10 are a device's, a library's or the boot chain's.
  private static let classes: [ErrorClass] = [
    .malformed, .unsupportedVersion, .limitExceeded, .untrustedRoot, .revokedRoot, .signatureInvalid, .roleMismatch,
    .scopeViolation, .chainInvalid, .expired, .notYetValid, .rollback, .wrongArchitecture, .wrongDevice, .wrongModule,
    .wrongEpoch, .wrongLifecycle, .versionOutOfRange, .wrongGrantKey, .keyUnwrapFailed, .digestMismatch,
    .decryptionFailed, .decompressionFailed, .sizeMismatch, .scopeConflict, .statusRequired, .revoked,
  ]

  @Test("cover every kind of object and every class that a format can give")
  func coverage() throws {
    let found = try NamedVector.all.map { try $0.vector.expectation }
    for errorClass in Self.classes { #expect(found.contains(.refused(errorClass)), "\(errorClass.name)") }
    for kind in Vector.Kind.allCases {
      let expectations = try NamedVector.all.filter { try $0.vector.kind == kind }.map { try $0.vector.expectation }
      #expect(expectations.contains(.success), "\(kind)")
      #expect(expectations.contains { $0 != .success }, "\(kind)")
    }
    #expect(found.count >= 150)
  }
}
