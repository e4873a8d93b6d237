import ErrorClass
import FormatFixtures
import HuskFormat
import TestSupport

/// SPEC 1.1: what isn't deterministic CBOR of the kind that Husk uses, in the terms of a grant that is signed as it is.
extension Catalogue {
  mutating func addEncodings() throws {
    let features = [UInt8].label(13)
    /// The value of label 13 is one that Husk's CBOR hasn't. Version 2, so that it is only skipped.
    func value(_ name: String, _ comment: String, _ value: [UInt8], at distance: Int = 0) throws {
      try add("encoding-\(name)", comment, at: .found(features + value, plus: 1 + distance)) { map in
        map.set(1, to: [2])
        map.set(13, to: value)
      }
    }
    try value("long-integer", "an integer not in its shortest form", [0x18, 0x17])
    try value("long-integer-64", "an integer of 32 bits in 64", [0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])
    try value("long-length", "a length not in its shortest form", [0x58, 3, 1, 2, 3])
    try value("long-count", "the count of an array not in its shortest form", [0x98, 1, 0])
    try value("long-tag", "a tag not in its shortest form", [0xd8, 6, 0])
    try value("indefinite-bytes", "a byte string of indefinite length", [0x5f, 0x41, 0, 0xff])
    try value("indefinite-text", "a text of indefinite length", [0x7f, 0x61, 0x61, 0xff])
    try value("indefinite-array", "an array of indefinite length", [0x9f, 0, 0xff])
    try value("indefinite-map", "a map of indefinite length", [0xbf, 0, 0, 0xff])
    try value("break", "a break by itself", [0xff])
    try value("reserved", "a reserved additional information", [0x1c])
    try value("float-16", "a floating-point number", [0xf9, 0x3c, 0])
    try value("float-64", "a floating-point number", [0xfb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a])
    try value("undefined", "a simple value other than false, true and null", [0xf7])
    try value("simple-255", "a simple value other than false, true and null", [0xf8, 0xff])
    try value("surrogate", "text that isn't UTF-8: half of a pair", [0x63, 0xed, 0xa0, 0x80], at: 1)
    try value("overlong", "text that isn't UTF-8: too long a form", [0x62, 0xc0, 0x80], at: 1)
    try value("cut-character", "text that isn't UTF-8: it ends within a character", [0x62, 0x61, 0xe2], at: 2)
    try value("nested-map-disorder", "keys out of order, in a map within", [0xa2, 2, 0, 1, 0], at: 3)
    try value("nested-duplicate", "a key twice, in a map within", [0xa2, 1, 0, 1, 0], at: 3)
    // The payload is the first level, its terms are the second.
    try value("17-levels", "nesting beyond 16 levels", [UInt8](repeating: 0x81, count: 15) + [0], at: 14)
    try add(
      "encoding-16-levels", "nesting of 16 levels, in terms of a version to come", at: .found([0xaa, 1, 2]),
      refused: .unsupportedVersion
    ) { map in
      map.set(1, to: [2])
      map.set(13, to: [UInt8](repeating: 0x81, count: 14) + [0])
    }
    try value("huge-length", "a byte string that declares more than there is", [0x5a, 0xff, 0xff, 0xff, 0xff])
    try value(
      "huge-count", "an array that declares more items than there are bytes",
      [0x9b] + [UInt8](repeating: 0xff, count: 8))
    try value("huge-map", "a map that declares more entries than there are bytes", [0xba, 0, 0xff, 0xff, 0xff])

    try add(
      "encoding-disorder", "keys out of order",
      at: .found([2, 0x6e] + Array("com.acme.codec".utf8) + [1, 1], plus: 16)
    ) {
      $0.entries.swapAt(0, 1)
    }
    try add("encoding-duplicate", "a key twice", at: .found([3, 7, 3, 7], plus: 2)) {
      $0.entries.insert($0.entries[2], at: 2)
    }
    try add("encoding-long-key", "a key not in its shortest form", at: .found([0x18, 3, 7])) {
      $0.entries[2].key = [0x18, 3]
    }
    try add("encoding-unknown-label", "a label that isn't listed", at: .found([0x0f, 0], plus: 1)) {
      $0.set(15, to: [0])
    }
    try add("encoding-negative-label", "a label that isn't listed", at: .found([0x33, 0], plus: 1)) {
      $0.set(-20, to: [0])
    }
    try add("encoding-text-label", "a label that is a text", at: .found([0x61, 0x61, 0])) {
      $0.entries.append(([0x61, 0x61], [0]))
    }
  }

  private mutating func add(
    _ name: String, _ comment: String, at place: Place, refused: ErrorClass = .malformed,
    _ change: @escaping @Sendable (inout RawMap) -> Void
  ) throws {
    var grant = GrantFixture.vector
    grant.editTerms = editMap(change)
    var vector = Vector(.grant, .refused(refused), "1.1: \(comment)")
    vector.object = try grant.file()
    try add(name, vector, Settings(), at: place)
  }
}

extension GrantFixture {
  /// A grant that is the same in every run, for the device of all vectors.
  static var vector: GrantFixture {
    var grant = GrantFixture()
    grant.wrap = Fixed.wrap
    return grant
  }
}
