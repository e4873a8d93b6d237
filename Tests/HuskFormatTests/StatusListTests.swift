import CBOR
import ErrorClass
import FormatFixtures
import HuskFormat
import Testing

/// A way to make a status list one that must be refused, and the class; nil for what is allowed.
private struct ListCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let expected: ErrorClass?
  let change: @Sendable (inout StatusListFixture) -> Void

  init(
    _ description: String, _ expected: ErrorClass?, _ change: @escaping @Sendable (inout StatusListFixture) -> Void
  ) {
    testDescription = description
    self.expected = expected
    self.change = change
  }

  /// Changes one member.
  init(_ description: String, _ expected: ErrorClass?, _ label: Int64, to value: [UInt8]) {
    self.init(description, expected) { $0.edit = editMap { $0.set(label, to: value) } }
  }
}

private func item(_ body: (inout CBOREncoder) -> Void) -> [UInt8] { RawMap.item(body) }

/// An array of byte strings.
private func strings(_ elements: [[UInt8]]) -> [UInt8] {
  item { item in
    item.beginArray(elements.count)
    for element in elements { item.encode(bytes: element) }
  }
}

private let one = [UInt8](repeating: 1, count: 32)
private let two = [UInt8](repeating: 2, count: 32)

/// SPEC 5.3.
@Suite("Status lists")
struct StatusListTests {
  private func verify(_ fixture: StatusListFixture) throws -> Verified<StatusList> {
    try StatusListFile(fixture.file()).verify(with: .device)
  }

  private func refusal(_ fixture: StatusListFixture) throws -> ErrorClass? {
    let file = try fixture.file()
    return FormatFixtures.refusal { () throws(FormatError) in _ = try StatusListFile(file).verify(with: .device) }
  }

  @Test("gives back what was signed, its entries in order and each once")
  func verified() throws {
    var fixture = StatusListFixture()
    let range = try #require(VersionRange(Version(1, 0, 0), Version(1, 2, 3)))
    fixture.list.packages = [two, one, two]
    fixture.list.keys = [two, one]
    fixture.list.versions = [.init(testName("com.acme.codec"), range), .init(testName("com.acme.a"), range)]
    fixture.list.floors = [.init(testName("com.acme.codec"), 4)]
    let list = try verify(fixture)
    #expect(list.value.packages == [one, two])
    #expect(list.value.keys == [one, two])
    #expect(list.value.versions == [.init(testName("com.acme.a"), range), .init(testName("com.acme.codec"), range)])
    #expect(list.value.floors == fixture.list.floors)
    #expect(list.value.number == 1)
    #expect(list.issuedAt == Moment.issued)
  }

  private static let cases: [ListCase] = [
    ListCase("unchanged", nil) { _ in },
    ListCase("a scope within the signer's", nil) { $0.list.scope = testScope("com.acme.audio.") },
    ListCase("a whole name for scope", nil) { $0.list.scope = testScope("com.acme.codec") },
    ListCase("a scope beyond the signer's", .scopeViolation) { $0.list.scope = testScope("com.") },
    ListCase("another vendor's scope", .scopeViolation) { $0.list.scope = testScope("org.other.") },
    ListCase("the empty scope", .malformed, 2, to: item { $0.encode(text: "") }),
    ListCase("a scope of no form", .malformed, 2, to: item { $0.encode(text: "com") }),
    ListCase("number zero", .malformed, 3, to: [0]),
    ListCase("the highest number", nil, 3, to: item { $0.encode(unsigned: (1 << 63) - 1) }),
    ListCase("a number beyond the highest", .limitExceeded, 3, to: item { $0.encode(unsigned: 1 << 63) }),
    ListCase("another version", .unsupportedVersion, 1, to: [2]),
    ListCase("packages out of order", .malformed, 5, to: strings([two, one])),
    ListCase("a package twice", .malformed, 5, to: strings([one, one])),
    ListCase("no package in the list of them", .malformed, 5, to: strings([])),
    ListCase("a package id that is too short", .malformed, 5, to: strings([one.dropLast()])),
    ListCase("256 packages", nil, 5, to: strings((0...255).map { [$0] + one.dropLast() })),
    ListCase(
      "257 packages", .limitExceeded, 5,
      to: strings((0...256).map { [UInt8($0 / 256), UInt8($0 % 256)] + one.dropLast(2) })),
    ListCase("keys out of order", .malformed, 6, to: strings([two, one])),
    ListCase("a key that is too long", .malformed, 6, to: strings([one + [0]])),
    ListCase("a version of a module beyond the scope", .malformed) { fixture in
      guard let range = VersionRange(Version(1, 0, 0), Version(1, 0, 0)) else { return }
      fixture.list.versions = [.init(testName("org.other.codec"), range)]
    },
    ListCase("a floor of a module beyond the scope", .malformed) { fixture in
      fixture.list.floors = [.init(testName("org.other.codec"), 1)]
    },
    ListCase("signed for another role", .roleMismatch) { fixture in
      fixture.chain = ChainFixture.grant
    },
    ListCase("signed as another kind of object", .roleMismatch) { $0.type = Grant.type },
    ListCase("signed by another key", .signatureInvalid) { $0.signer = .stranger },
    ListCase("under an unknown root", .untrustedRoot) { $0.chain.root = .stranger },
    ListCase("expired signer", .expired) { $0.chain.links[1].claims.notAfter = Moment.present - 1 },
  ]

  @Test("gives the class of SPEC 5.3", arguments: cases)
  private func classes(_ list: ListCase) throws {
    var fixture = StatusListFixture()
    list.change(&fixture)
    #expect(try refusal(fixture) == list.expected)
  }

  @Test(
    "broken maps are malformed",
    arguments: Breakage.all(required: [1, 2, 3, 4]) + Breakage.values(of: [1, 2, 4, 5, 6, 7, 8]))
  func broken(_ breakage: Breakage) throws {
    var fixture = StatusListFixture()
    fixture.edit = breakage.edit
    #expect(try refusal(fixture) == .malformed)
  }

  @Test("other files, cut ones and those with more behind them are malformed")
  func framing() throws {
    let file = try StatusListFixture().file()
    for other in [try GrantFixture().file(), Array(file.dropLast()), file + [0], [], Array(file.prefix(8))] {
      let found = FormatFixtures.refusal { () throws(FormatError) in _ = try StatusListFile(other) }
      #expect(found == .malformed)
    }
    let large = file + [UInt8](repeating: 0, count: Limits.statusList)
    #expect(FormatFixtures.refusal { () throws(FormatError) in _ = try StatusListFile(large) } == .limitExceeded)
  }
}

/// SPEC 5, step 10.
@Suite("Deciding about a load with status lists")
struct StatusDecisionTests {
  private static func refusal(
    _ marks: [StatusMark] = [], _ lists: [StatusList] = [], _ change: (inout DecisionFixture) -> Void = { _ in }
  ) throws -> ErrorClass? {
    var fixture = DecisionFixture()
    fixture.status = StatusKnowledge(marks: marks, lists: lists)
    change(&fixture)
    return try fixture.refusal()
  }

  private static func list(
    _ scope: String = "com.acme.", number: UInt64 = 3, _ change: (inout StatusList) -> Void = { _ in }
  ) -> StatusList {
    var list = StatusList(scope: testScope(scope), number: number, issuedAt: Moment.issued)
    change(&list)
    return list
  }

  private static func mark(_ scope: String = "com.acme.", number: UInt64 = 3) -> StatusMark {
    StatusMark(scope: testScope(scope), number: number, digest: one)
  }

  @Test("a list that refuses nothing of the load lets it pass")
  func harmless() throws {
    let range = try #require(VersionRange(Version(1, 2, 4), Version(9, 0, 0)))
    let list = Self.list { list in
      list.packages = [one]
      list.keys = [two, TestKey.bootRoot.thumbprint]
      list.versions = [.init(testName("com.acme.codec"), range), .init(testName("com.acme.other"), range)]
      list.floors = [.init(testName("com.acme.other"), 99)]
    }
    #expect(try Self.refusal([Self.mark()], [list]) == nil)
  }

  @Test("a list seen before must be shown: its scope's modules are refused until then")
  func withheld() throws {
    #expect(try Self.refusal([Self.mark()]) == .statusRequired)
    #expect(try Self.refusal([Self.mark()], [Self.list(number: 2)]) == .statusRequired)
    #expect(try Self.refusal([Self.mark()], [Self.list("com.", number: 3)]) == .statusRequired)
    #expect(try Self.refusal([Self.mark("com.acme.codec")]) == .statusRequired)
    #expect(try Self.refusal([Self.mark("com.acme.other")]) == nil)
    #expect(try Self.refusal([Self.mark("org.other.")]) == nil)
    #expect(try Self.refusal([Self.mark()], [Self.list()]) == nil)
  }

  @Test("the number demanded is compared with the list of the vendor's scope, and of no other")
  func demanded() throws {
    for demand: @Sendable (inout DecisionFixture) -> Void in [
      { $0.grant.terms.minimumStatus = 3 }, { $0.package.manifest.minimumStatus = 3 },
    ] {
      #expect(try Self.refusal([], [], demand) == .statusRequired)
      #expect(try Self.refusal([], [Self.list(number: 2)], demand) == .statusRequired)
      #expect(try Self.refusal([], [Self.list("com.acme.codec", number: 9)], demand) == .statusRequired)
      #expect(try Self.refusal([], [Self.list()], demand) == nil)
      #expect(try Self.refusal([], [Self.list(number: 4)], demand) == nil)
    }
  }

  @Test("refuses the package, any key of both chains, and the version")
  func refused() throws {
    let fixture = DecisionFixture()
    let package = try PackageFront(fixture.package.file()).packageID()
    #expect(try Self.refusal([], [Self.list { $0.packages = [package] }]) == .revoked)
    let keys = (fixture.package.chain.links + fixture.grant.chain.links).map(\.key.thumbprint)
    #expect(Set(keys).count == 3)
    for key in keys { #expect(try Self.refusal([], [Self.list { $0.keys = [key] }]) == .revoked) }
    let version = Version(1, 2, 3)
    for range in [VersionRange(version, version), VersionRange(Version(0, 0, 0), version)] {
      let range = try #require(range)
      #expect(
        try Self.refusal([], [Self.list { $0.versions = [.init(testName("com.acme.codec"), range)] }]) == .revoked)
    }
  }

  @Test("a security version below the list's is rollback, one at it is not")
  func floor() throws {
    for (version, expected) in [(3, ErrorClass.rollback), (4, nil), (5, nil)] as [(UInt64, ErrorClass?)] {
      let list = Self.list { $0.floors = [.init(testName("com.acme.codec"), 4)] }
      #expect(try Self.refusal([], [list]) { $0.package.manifest.securityVersion = version } == expected)
    }
  }

  @Test("a list counts for what its scope covers only")
  func scope() throws {
    let fixture = DecisionFixture()
    let package = try PackageFront(fixture.package.file()).packageID()
    #expect(try Self.refusal([], [Self.list("org.other.") { $0.packages = [package] }]) == nil)
    #expect(try Self.refusal([], [Self.list("com.acme.codec") { $0.packages = [package] }]) == .revoked)
  }
}
