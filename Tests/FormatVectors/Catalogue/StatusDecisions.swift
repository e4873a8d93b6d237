import ErrorClass
import FormatFixtures
import HuskFormat
import TestSupport

/// SPEC 5, step 11: loads that status lists have a word in.
extension Catalogue {
  /// A load after the device was shown a list.
  private mutating func add(
    _ name: String, _ refused: ErrorClass?, _ comment: String, _ list: (inout StatusListFixture) throws -> Void,
    _ change: (inout LoadFixture) throws -> Void = { _ in }
  ) throws {
    var fixture = StatusListFixture()
    fixture.list.number = 3
    try list(&fixture)
    let file = try fixture.file()
    try addLoad(name, refused, comment) { load in
      load.memory.append(("list", base64(file)))
      try change(&load)
    }
  }

  private static let version = Version(1, 2, 3)
  private static let codec = testName("com.acme.codec")

  mutating func addStatusDecisions() throws {
    try add("list-of-nothing", nil, "5.3: a list that refuses nothing of it") { _ in }
    try addLoad("list-not-shown", .statusRequired, "5 step 11: a list that covers the module was seen, and isn't shown")
    {
      $0.memory = [("seen", "com.acme. 3 \(hex(bytes(named: "list")))")]
    }
    try addLoad("list-of-others-not-shown", nil, "5.3: a list for another scope holds nobody up") {
      $0.memory = [("seen", "org.other. 3 \(hex(bytes(named: "list")))")]
    }
    try addLoad("number-for-grant", .statusRequired, "5 step 11: the grant demands a list, and there is none") {
      $0.grant.terms.minimumStatus = 1
    }
    try addLoad("number-for-package", .statusRequired, "5 step 11: the manifest demands a list, and there is none") {
      $0.package.manifest.minimumStatus = 1
    }
    try addLoad("number-0", nil, "5.3: without a list the number is 0") { load in
      load.grant.terms.minimumStatus = 0
      load.package.manifest.minimumStatus = 0
    }
    try add("number-reached", nil, "5 step 11: the number demanded is the list's", { _ in }) {
      $0.grant.terms.minimumStatus = 3
    }
    try add("number-not-reached", .statusRequired, "5 step 11: the number demanded is above the list's", { _ in }) {
      $0.grant.terms.minimumStatus = 4
    }
    try add("number-of-narrower-list", .statusRequired, "5.3: the list of the vendor's scope counts, and no other") {
      $0.list.scope = testScope("com.acme.codec")
    } _: {
      $0.grant.terms.minimumStatus = 3
    }

    let package = try PackageFront(LoadFixture().file()).packageID()
    try add("package-refused", .revoked, "5.3: the list refuses the package") { $0.list.packages = [package] }
    for (name, key) in [
      ("vendor", ChainFixture.module.links[0].key), ("product", ChainFixture.module.last),
      ("grant", ChainFixture.grant.last),
    ] {
      try add("\(name)-key-refused", .revoked, "5.3: the list refuses a key of one of the chains") {
        $0.list.keys = [key.thumbprint]
      }
    }
    try add("root-refused", nil, "5.3: roots are for fuses to revoke") { $0.list.keys = [TestKey.bootRoot.thumbprint] }
    for (name, lowest, highest, refused) in [
      ("version-refused", Self.version, Self.version, .revoked),
      ("versions-refused-up-to", Version(0, 0, 0), Self.version, .revoked),
      ("later-versions-refused", Version(1, 2, 4), Version(9, 0, 0), nil),
    ] as [(String, Version, Version, ErrorClass?)] {
      try add(name, refused, "5.3: the list refuses a range of versions") { list in
        guard let range = VersionRange(lowest, highest) else { return }
        list.list.versions = [.init(Self.codec, range)]
      }
    }
    try add("floor-reached", nil, "5.3: the security version is the lowest that the list demands") {
      $0.list.floors = [.init(Self.codec, 4)]
    }
    try add("floor-not-reached", .rollback, "5.3: the security version is below the one that the list demands") {
      $0.list.floors = [.init(Self.codec, 5)]
    }
    try add("floor-of-another-module", nil, "5.3: a floor is for its module") {
      $0.list.floors = [.init(testName("com.acme.other"), 5)]
    }
    try add("revoked-before-floor", .revoked, "5.3: revoked comes before rollback") { list in
      list.list.packages = [package]
      list.list.floors = [.init(Self.codec, 5)]
    }
    try add("required-before-revoked", .statusRequired, "5 step 11: a missing list comes before what lists refuse") {
      $0.list.packages = [package]
    } _: {
      $0.memory.append(("seen", "com. 3 \(hex(bytes(named: "list")))"))
    }
  }
}
