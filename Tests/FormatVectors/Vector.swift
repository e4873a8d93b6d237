import ErrorClass
import Foundation
import TestSupport

/// A test vector as it lies in a file (SPEC 13.3): header lines, an empty line, and an object in base64.
struct Vector: Equatable {
  /// In the order of the file.
  private(set) var headers: [Header] = []
  var object: [UInt8]

  struct Header: Equatable {
    let name: String
    let value: String
  }

  /// What kind of object it holds, and what is to be done with it.
  enum Kind: String, CaseIterable {
    case chain, package, grant, load, identity
    case statusList = "status-list"
    case bundle, storage, control
  }

  enum Expectation: Equatable {
    case success
    case refused(ErrorClass)
    /// Of storage and control files: as if it weren't there.
    case ignored

    var text: String {
      switch self {
      case .success: "success"
      case .refused(let errorClass): "\(errorClass.name)"
      case .ignored: "ignored"
      }
    }
  }

  init(_ kind: Kind, _ expectation: Expectation, _ comment: String, object: [UInt8] = []) {
    self.object = object
    add("expect", expectation.text)
    add("object", kind.rawValue)
    add("comment", comment)
  }

  mutating func add(_ name: String, _ value: String) {
    headers.append(Header(name: name, value: value))
  }

  /// The same without the headers of some names.
  func without(_ names: [String]) -> Vector {
    var vector = self
    vector.headers.removeAll { names.contains($0.name) }
    return vector
  }

  // MARK: Headers

  /// The value of a header that there is at most once.
  func value(_ name: String) -> String? { values(name).first }

  func values(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }

  func required(_ name: String) throws -> String {
    guard let value = value(name) else { throw VectorError.missing(name) }
    return value
  }

  var kind: Kind {
    get throws {
      guard let kind = Kind(rawValue: try required("object")) else { throw VectorError.unknown("object") }
      return kind
    }
  }

  var expectation: Expectation {
    get throws {
      switch try required("expect") {
      case "success": return .success
      case "ignored": return .ignored
      case let text:
        guard let found = ErrorClass.allCases.first(where: { "\($0.name)" == text }) else {
          throw VectorError.unknown("expect")
        }
        return .refused(found)
      }
    }
  }

  func number(_ name: String) throws -> UInt64? {
    try value(name).map { text in
      guard let number = UInt64(text) else { throw VectorError.unknown(name) }
      return number
    }
  }

  func requiredNumber(_ name: String) throws -> UInt64 {
    guard let number = try number(name) else { throw VectorError.missing(name) }
    return number
  }

  /// The words of each header of a name.
  func words(_ name: String, count: ClosedRange<Int>) throws -> [[String]] {
    try values(name).map { value in
      let words = value.split(separator: " ").map(String.init)
      guard count.contains(words.count) else { throw VectorError.unknown(name) }
      return words
    }
  }

  func base64(_ name: String) throws -> [[UInt8]] {
    try values(name).map { value in
      guard let data = Data(base64Encoded: value) else { throw VectorError.unknown(name) }
      return [UInt8](data)
    }
  }

  // MARK: The file

  /// Reads a file. Everything in it has one form, so that it is written as it was read.
  init(text: String) throws {
    guard let gap = text.range(of: "\n\n") else { throw VectorError.missing("object") }
    for line in text[..<gap.lowerBound].split(separator: "\n", omittingEmptySubsequences: false) {
      guard let colon = line.range(of: ": ") else { throw VectorError.unknown("\(line)") }
      headers.append(Header(name: String(line[..<colon.lowerBound]), value: String(line[colon.upperBound...])))
    }
    let lines = text[gap.upperBound...].split(separator: "\n")
    guard let data = Data(base64Encoded: lines.joined()) else { throw VectorError.unknown("object") }
    object = [UInt8](data)
  }

  var text: String {
    let lines = headers.map { "\($0.name): \($0.value)\n" }.joined()
    let body = Data(object).base64EncodedString(options: [.lineLength76Characters, .endLineWithLineFeed])
    return "\(lines)\n\(body)\(body.isEmpty ? "" : "\n")"
  }
}

enum VectorError: Error {
  case missing(String)
  case unknown(String)
}

/// A vector and where it lies.
struct NamedVector {
  /// Relative to ``folder``, such as `grant/unknown-label.txt`.
  let path: String
  let vector: Vector

  static let folder = packageRoot.appending(path: "Tests/Vectors", directoryHint: .isDirectory)

  /// All that there are, in the order of their paths.
  static let all: [NamedVector] = {
    do {
      return try paths().map { path in
        let text = try String(contentsOf: folder.appending(path: path), encoding: .utf8)
        return NamedVector(path: path, vector: try Vector(text: text))
      }
    } catch {
      preconditionFailure("Tests/Vectors can't be read: \(error)")
    }
  }()

  static func paths() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".txt") }.sorted()
  }
}
