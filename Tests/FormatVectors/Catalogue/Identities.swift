import COSE
import CBOR
import DICE
import ErrorClass
import FormatFixtures
import HuskFormat
import TestSupport

/// SPEC 6.5: identities.
extension Catalogue {
  private mutating func add(
    _ name: String, _ refused: ErrorClass?, _ comment: String, at place: Place? = nil, root: TestKey = .deviceRoot,
    _ change: (inout IdentityFixture) -> Void = { _ in }, edit: Edit = { $0 }
  ) throws {
    var identity = IdentityFixture()
    change(&identity)
    var settings = Settings()
    settings.roots = [(root.thumbprint, false)]
    var vector = Vector(.identity, Self.expectation(refused), comment)
    vector.object = edit(try identity.file())
    if refused == nil {
      vector.add("device-id", hex(identity.silicon.last.thumbprint))
      vector.add("grant-key-thumbprint", hex(TestGrantKey.device.thumbprint))
    }
    for root in [TestKey("other boot root"), .bootRoot] { vector.add("boot-root", hex(root.thumbprint)) }
    try add(name, vector, settings, at: place)
  }

  private static let roles = [Role.bootLoader, .bootDecryptor]

  private static func layers(_ mode: DICE.Mode) -> [LayerFixture] {
    [LayerFixture("bootloader", .bootLoader, mode: mode), LayerFixture("decryptor", .bootDecryptor, mode: mode)]
  }

  private static func claims(_ lifecycle: Lifecycle) -> DeviceKeyClaims {
    DeviceKeyClaims(grantKey: TestGrantKey.device.publicKey, lifecycle: lifecycle, keyEpoch: 2, generation: 0)
  }

  mutating func addIdentities() throws {
    try add("plain", nil, "an identity, as it should be")
    let whole = try IdentityFixture().file().count
    try add("trailing-byte", .malformed, "1.1: a byte follows the outermost item", at: .byte(whole), edit: { $0 + [0] })
    try add(
      "cut-off", .malformed, "1.1: the file ends within the last signature", at: .byte(whole - 66),
      edit: { $0.dropLast() })
    try add(
      "two-items", .malformed, "6: an identity has three items", at: .byte(8), edit: { $0[..<8] + [0x82] + $0[9...] })
    try add("one-layer", .malformed, "6: there are two layers", at: .foundLast([0x81, 0xd2, 0x84, 0x43])) {
      $0.layers.removeLast()
    }
    try add("three-layers", .malformed, "6: there are two layers", at: .foundLast([0x83, 0xd2, 0x84, 0x43])) {
      $0.layers.append(LayerFixture("third", .bootFirmware))
    }

    try add("unknown-root", .untrustedRoot, "6.5 step 2: the silicon's root isn't trusted") {
      $0.silicon.root = .stranger
    }
    try add("boot-root-for-device-root", .untrustedRoot, "3.2: the two anchors are never mixed", root: .bootRoot)
    try add("silicon-without-role", .roleMismatch, "6.5 step 2: the chain may not certify silicon") { identity in
      for index in 0...1 { identity.silicon.links[index].claims.roles = [.module] }
    }
    try add("silicon-expired", .expired, "6.5 step 2: a silicon certificate has expired") {
      $0.silicon.links[0].claims.notAfter = 1
    }
    try add("silicon-forged", .signatureInvalid, "6.5 step 2: another key signed a silicon certificate") {
      $0.silicon.links[1].signer = .stranger
    }

    let claims = Place.found([0xa4, 8, 0xa1, 1, 0xa3])
    for (label, name) in [(8, "grant-key"), (-70_011, "lifecycle"), (-70_012, "key-epoch"), (-70_013, "generation")]
      as [(Int64, String)]
    {
      try add(
        "without-\(name)", .malformed, "6: \(name) is left out",
        at: .found(label == 8 ? [0xa3, 0x3a, 0, 1, 0x11, 0x7a] : [0xa3, 8, 0xa1])
      ) {
        $0.editClaims = editMap { $0.remove(label) }
      }
    }
    try add("lifecycle-unknown", .malformed, "6.4: a life cycle that there isn't", at: .found([0x19, 0x70, 0])) {
      $0.editClaims = editMap { $0.set(-70_011, to: [0x19, 0x70, 0]) }
    }
    try add("key-epoch-2-63", .limitExceeded, "11: epochs are below 2^63", at: .found(.tooLarge)) {
      $0.editClaims = editMap { $0.set(-70_012, to: .tooLarge) }
    }
    try add(
      "generation-as-text", .malformed, "6: the generation is a number",
      at: .found([0x3a, 0, 1, 0x11, 0x7c, 0x61, 0x31], plus: 5)
    ) {
      $0.editClaims = editMap { $0.set(-70_013, to: [0x61, 0x31]) }
    }
    try add("grant-key-that-signs", .malformed, "2.1: the grant key is X25519", at: claims.behind(4)) {
      $0.editClaims = editMap { $0.set(8, to: [0xa1, 1] + COSEKey.encode(TestKey.stranger.publicKey)) }
    }
    try add("unknown-claim", .malformed, "1.1: a label that isn't listed", at: .found([0xa5, 8, 0xa1])) {
      $0.editClaims = editMap { $0.set(9, to: [0]) }
    }
  }

  mutating func addLayers() throws {
    try add("other-uds", .signatureInvalid, "6.5 step 3: the first layer is of another device") {
      $0.uds = bytes(named: "other")
    }
    try add("bootloader-forged", .signatureInvalid, "6.5 step 3: another key signed the first layer") {
      $0.layers[0].signer = .stranger
    }
    try add("decryptor-forged", .signatureInvalid, "6.5 step 3: another key signed the second layer") {
      $0.layers[1].signer = .stranger
    }
    try add("decryptor-by-uds", .signatureInvalid, "6.5 step 3: the UDS key signed the second layer") {
      $0.layers[1].signer = $0.silicon.last
    }
    try add("layer-with-typ", .roleMismatch, "2.2: a DICE certificate has no typ") {
      $0.layers[0].type = CertificateClaims.type
    }
    for (label, name) in [(1, "issuer"), (2, "subject")] as [(Int64, String)] {
      try add("other-\(name)", .chainInvalid, "6.5 step 3: the \(name) isn't the id of its key") {
        $0.layers[0].edit = editMap { $0.set(label, to: .item(String(repeating: "7", count: 40))) }
      }
    }
    try add("other-key-usage", .chainInvalid, "6.5 step 3: the key is for another use") {
      $0.layers[1].edit = editMap { $0.set(-4_670_553, to: [0x41, 0x80]) }
    }
    try add("unknown-mode", .malformed, "6.2: a mode that there isn't", at: .found([0x41, 4])) {
      $0.layers[1].edit = editMap { $0.set(-4_670_551, to: [0x41, 4]) }
    }
    try add(
      "layer-with-more", .malformed, "6.2: a claim that the profile hasn't here", at: .found([0xa9, 1, 0x78, 40])
    ) {
      $0.layers[0].edit = editMap { $0.set(3, to: [0]) }
    }
    try add(
      "code-hash-of-32-bytes", .malformed, "6.2: a code hash has 64 bytes",
      at: .found([0x3a, 0, 0x47, 0x44, 0x50, 0x58, 32], plus: 5)
    ) {
      $0.layers[0].edit = editMap { $0.set(-4_670_545, to: .item(bytes(named: "code"))) }
    }

    try add("device-key-forged", .signatureInvalid, "6.5 step 4: another key signed the device key") {
      $0.signer = .stranger
    }
    try add("device-key-by-uds", .signatureInvalid, "6.5 step 4: the UDS key signed the device key") {
      $0.signer = $0.silicon.last
    }
    try add("device-key-typ", .roleMismatch, "2.2: typ is that of a certificate") { $0.type = CertificateClaims.type }

    try add("debug", nil, "6.5 step 5: a device in debug that says so") { identity in
      identity.layers = Self.layers(.debug)
      identity.claims = Self.claims(.debug)
    }
    try add("assembly", nil, "6.5 step 5: a device that isn't configured yet") { identity in
      identity.layers = Self.layers(.notConfigured)
      identity.claims = Self.claims(.assembly)
    }
    try add("debug-as-secured", .chainInvalid, "6.5 step 5: in debug, but claiming to be secured") {
      $0.layers = Self.layers(.debug)
    }
    try add("secured-as-debug", .chainInvalid, "6.5 step 5: secured, but claiming to be in debug") {
      $0.claims = Self.claims(.debug)
    }
    try add("recovery", .chainInvalid, "6.5 step 5: no life cycle has the mode recovery") {
      $0.layers = Self.layers(.recovery)
    }
    try add("one-layer-in-debug", .chainInvalid, "6.5 step 5: both modes are the same") {
      $0.layers[1] = LayerFixture("decryptor", .bootDecryptor, mode: .debug)
    }

    try add("other-boot-root", nil, "6.5 step 6: another boot root that is trusted") { identity in
      identity.layers = Self.roles.map { LayerFixture("stage", $0, bootRoot: TestKey("other boot root")) }
    }
    try add("strangers-boot-root", .untrustedRoot, "6.5 step 6: genuine silicon, a stranger's boot root") { identity in
      identity.layers = Self.roles.map { LayerFixture("stage", $0, bootRoot: .stranger) }
    }
    try add("strangers-decryptor", .untrustedRoot, "6.5 step 6: a stranger's decryptor behind the right bootloader") {
      $0.layers[1] = LayerFixture("decryptor", .bootDecryptor, bootRoot: .stranger)
    }
    try add("firmware-for-decryptor", .untrustedRoot, "6.5 step 6: a firmware in the decryptor's place") {
      $0.layers[1] = LayerFixture("decryptor", .bootFirmware)
    }
    try add("root-before-layers", .untrustedRoot, "6.5: step 2 comes before step 3") { identity in
      identity.silicon.root = .stranger
      identity.layers[0].signer = .stranger
    }
    try add("signature-before-mode", .signatureInvalid, "6.5: step 4 comes before step 5") { identity in
      identity.signer = .stranger
      identity.layers = Self.layers(.debug)
    }
    try add("mode-before-boot-root", .chainInvalid, "6.5: step 5 comes before step 6") { identity in
      identity.layers = Self.roles.map { LayerFixture("stage", $0, mode: .debug, bootRoot: .stranger) }
    }
  }
}

extension Catalogue.Place {
  /// A number of bytes further on.
  func behind(_ distance: Int) -> Catalogue.Place {
    switch self {
    case .start: .byte(distance)
    case .end: .end
    case .byte(let offset): .byte(offset + distance)
    case .found(let bytes, let plus): .found(bytes, plus: plus + distance)
    case .foundLast(let bytes, let plus): .foundLast(bytes, plus: plus + distance)
    }
  }
}
