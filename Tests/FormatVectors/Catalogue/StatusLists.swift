import CBOR
import ErrorClass
import FormatFixtures
import HuskFormat
import TestSupport

/// SPEC 5.3: status lists, and what may follow what a device has seen.
extension Catalogue {
  private mutating func add(
    _ name: String, _ refused: ErrorClass?, _ comment: String, at place: Place? = nil, seen: String? = nil,
    _ change: (inout StatusListFixture) -> Void = { _ in }, edit: Edit = { $0 }
  ) throws {
    var list = StatusListFixture()
    change(&list)
    var vector = Vector(.statusList, Self.expectation(refused), comment)
    vector.object = edit(try list.file())
    if refused == nil { vector.add("number", "\(list.list.number)") }
    if let seen { vector.add("seen", seen) }
    try add(name, vector, Settings(), at: place)
  }

  private mutating func member(
    _ name: String, _ refused: ErrorClass, _ comment: String, _ label: Int64, _ value: [UInt8], at distance: Int = 0,
    place: Place? = nil
  ) throws {
    let key = [UInt8].label(label)
    try add(name, refused, comment, at: place ?? .found(key + value, plus: key.count + distance)) {
      $0.edit = editMap { $0.set(label, to: value) }
    }
  }

  private static func strings(_ elements: [[UInt8]]) -> [UInt8] {
    RawMap.item { item in
      item.beginArray(elements.count)
      for element in elements { item.encode(bytes: element) }
    }
  }

  mutating func addStatusLists() throws {
    try add("plain", nil, "a list that refuses nothing")
    let one = [UInt8](repeating: 1, count: 32)
    let two = [UInt8](repeating: 2, count: 32)
    try add("full", nil, "a list with entries of every kind") { list in
      list.list.packages = [one, two]
      list.list.keys = [one]
      if let range = VersionRange(Version(1, 0, 0), Version(1, 2, 3)) {
        list.list.versions = [.init(testName("com.acme.a"), range), .init(testName("com.acme.codec"), range)]
      }
      list.list.floors = [.init(testName("com.acme.codec"), 4)]
    }
    try add("narrower-scope", nil, "5.3: a scope within the signer's") { $0.list.scope = testScope("com.acme.audio.") }
    try add("wider-scope", .scopeViolation, "5.3: a scope beyond the signer's") { $0.list.scope = testScope("com.") }
    try add("other-scope", .scopeViolation, "5.3: another vendor's scope") { $0.list.scope = testScope("org.other.") }
    try member("empty-scope", .malformed, "5.3: a list speaks for some names", 2, [0x60])
    try member("scope-of-one-label", .malformed, "3.3: one label is no name", 2, .item("com"))
    try member("number-0", .malformed, "5.3: numbers begin with 1", 3, [0])
    try member("number-2-63", .limitExceeded, "11: status numbers are below 2^63", 3, .tooLarge)
    try member(
      "version-2", .unsupportedVersion, "16: a format version to come", 1, [2], place: .found([0xa4, 1, 2, 2]))
    try member("packages-out-of-order", .malformed, "5.3: entries ascend", 5, Self.strings([two, one]), at: 35)
    try member("package-twice", .malformed, "5.3: entries ascend strictly", 5, Self.strings([one, one]), at: 35)
    try member("no-packages", .malformed, "5.3: what is empty is left out", 5, [0x80])
    try member(
      "package-of-31-bytes", .malformed, "5.3: a package's id has 32 bytes", 5, Self.strings([one.dropLast()]), at: 1)
    try member("key-of-33-bytes", .malformed, "2.1: a thumbprint has 32 bytes", 6, Self.strings([one + [0]]), at: 1)
    try add("257-keys", .limitExceeded, "11: at most 256 entries of a kind", at: .found([6, 0x99, 1, 1], plus: 1)) {
      $0.list.keys = (0...256).map { [UInt8($0 / 256), UInt8($0 % 256)] + one.dropLast(2) }
    }
    try member(
      "range-backwards", .malformed, "5.3: a range's lowest isn't above its highest", 7,
      [0x81, 0x82] + .item("com.acme.codec") + [0x82, 0x83, 1, 0, 1, 0x83, 1, 0, 0], at: 17)
    try member(
      "floors-out-of-order", .malformed, "5.3: entries ascend by their encodings", 8,
      [0x82, 0x82] + .item("com.acme.b") + [1, 0x82] + .item("com.acme.a") + [1], at: 14)
    try add(
      "version-beyond-scope", .malformed, "5.3: names are covered by the list's scope", at: .found([0xa5, 1, 1, 2])
    ) { list in
      guard let range = VersionRange(Version(1, 0, 0), Version(1, 0, 0)) else { return }
      list.list.versions = [.init(testName("org.other.codec"), range)]
    }
    try add(
      "floor-beyond-scope", .malformed, "5.3: names are covered by the list's scope", at: .found([0xa5, 1, 1, 2])
    ) {
      $0.list.floors = [.init(testName("org.other.codec"), 1)]
    }
    for (label, name) in [(2, "scope"), (3, "number"), (4, "iat")] as [(Int64, String)] {
      try add("without-\(name)", .malformed, "5.3: \(name) is left out", at: .found([0xa3, 1, 1, label == 2 ? 3 : 2])) {
        $0.edit = editMap { $0.remove(label) }
      }
    }
    try add("chain-for-grants", .roleMismatch, "3.4 step 4: the chain may not sign lists") { $0.chain = .grant }
    try add("typ-of-a-grant", .roleMismatch, "3.4 step 5: typ is that of a grant") { $0.type = Grant.type }
    try add("other-signer", .signatureInvalid, "3.4 step 5: a key that isn't in the chain signed it") {
      $0.signer = .stranger
    }
    try add("unknown-root", .untrustedRoot, "3.4 step 1: the root isn't trusted") { $0.chain.root = .stranger }
    try add("expired-signer", .expired, "3.4 step 3.5: the signer's certificate has expired") {
      $0.chain.links[1].claims.notAfter = Moment.present - 1
    }
    let whole = try StatusListFixture().file().count
    try add("trailing-byte", .malformed, "1.1: a byte follows the outermost item", at: .byte(whole), edit: { $0 + [0] })
    try addSuccession()
  }

  private mutating func addSuccession() throws {
    let digest = hex(bytes(named: "another list"))
    func numbered(_ number: UInt64) -> (inout StatusListFixture) -> Void { { $0.list.number = number } }
    try add("first-at-the-limit", nil, "5.3: the first number may be 65 536", numbered(65_536))
    try add("first-beyond-the-limit", .limitExceeded, "5.3: the first number may be 65 536 at most", numbered(65_537))
    try add("next", nil, "5.3: the next number", seen: "com.acme. 9 \(digest)", numbered(10))
    try add("jump-at-the-limit", nil, "5.3: by 65 536 at most", seen: "com.acme. 9 \(digest)", numbered(65_545))
    try add(
      "jump-beyond-the-limit", .limitExceeded, "5.3: by 65 536 at most", seen: "com.acme. 9 \(digest)", numbered(65_546)
    )
    try add("older", .rollback, "5.3: a lower number", seen: "com.acme. 9 \(digest)", numbered(8))
    try add(
      "another-of-its-number", .rollback, "5.3: another list of the same number", seen: "com.acme. 9 \(digest)",
      numbered(9))
    var list = StatusListFixture()
    list.list.number = 9
    let file = try StatusListFile(list.file())
    let same = hex(try file.mark(of: file.verify(with: .device)).digest)
    try add("same-again", nil, "5.3: the very list seen last", seen: "com.acme. 9 \(same)", numbered(9))
    try add("of-another-scope", nil, "5.3: numbers count per scope", seen: "com.acme.codec 9 \(digest)", numbered(1))
  }
}
