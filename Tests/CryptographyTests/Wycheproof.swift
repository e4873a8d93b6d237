import TestSupport

/// A file of Wycheproof's: groups of tests that share some settings.
struct WycheproofFile<Group: Decodable>: Decodable {
  let numberOfTests: Int
  let testGroups: [Group]

  static func load(_ name: String) throws -> Self {
    try vectors("wycheproof/\(name)_test.json", as: Self.self)
  }
}

enum WycheproofResult: String, Decodable {
  case valid
  case invalid
  /// Valid as far as the standard goes, but an implementation may refuse it.
  case acceptable
}

/// Hexadecimal digits in a vector file.
struct HexBytes: Decodable {
  let bytes: [UInt8]

  init(from decoder: any Decoder) throws {
    bytes = TestSupport.bytes(fromHex: try decoder.singleValueContainer().decode(String.self))
  }
}
