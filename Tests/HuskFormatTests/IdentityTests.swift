import CBOR
import COSE
import Cryptography
import DICE
import ErrorClass
import FormatFixtures
import HuskFormat
import Testing

/// A way to make an identity one that must be refused, and the class; nil for what is allowed.
struct IdentityCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let expected: ErrorClass?
  let verifier: ChainVerifier
  let change: @Sendable (inout IdentityFixture) -> Void

  init(
    _ description: String, _ expected: ErrorClass?, by verifier: ChainVerifier = .vendor,
    _ change: @escaping @Sendable (inout IdentityFixture) -> Void
  ) {
    testDescription = description
    self.expected = expected
    self.verifier = verifier
    self.change = change
  }
}

/// SPEC 6.5.
@Suite("Verifying an identity")
struct IdentityTests {
  @Test("gives what a vendor needs")
  func verified() throws {
    let fixture = IdentityFixture()
    let file = try IdentityFile(fixture.file())
    let identity = try file.verify(by: .vendor).value
    #expect(identity.deviceID == fixture.silicon.last.thumbprint)
    #expect(identity.grantKey == TestGrantKey.device.publicKey)
    #expect(identity.grantKeyThumbprint == TestGrantKey.device.thumbprint)
    #expect(identity.lifecycle == .secured)
    #expect(identity.keyEpoch == 2)
    #expect(identity.measurements == fixture.layers.map(\.inputs.code))
    #expect(try file.unverifiedClaims() == fixture.claims)
  }

  @Test("is the same file for the same device: nothing in it is random")
  func stable() throws {
    #expect(try IdentityFixture().file() == IdentityFixture().file())
  }

  static let cases: [IdentityCase] = [
    IdentityCase("unchanged", nil) { _ in },

    // Step 2.
    IdentityCase("unknown root", .untrustedRoot) { $0.silicon.root = .stranger },
    IdentityCase("a boot root isn't a device root", .untrustedRoot, by: .device) { _ in },
    IdentityCase("another role than silicon", .roleMismatch) { identity in
      for index in 0...1 { identity.silicon.links[index].claims.roles = [.module] }
    },
    IdentityCase("silicon certificate expired", .expired) { $0.silicon.links[0].claims.notAfter = 1 },
    IdentityCase("silicon certificate not yet valid", .notYetValid) { identity in
      identity.silicon.links[1].claims.notBefore = Moment.present + 1
    },
    IdentityCase("silicon certificate forged", .signatureInvalid) { $0.silicon.links[1].signer = .stranger },
    IdentityCase("a scope on silicon", nil) { $0.silicon.links[1].claims.scope = testScope("com.") },

    // Step 3.
    IdentityCase("another UDS", .signatureInvalid) { $0.uds = bytes(named: "other") },
    IdentityCase("silicon certificate of another device", .signatureInvalid) { identity in
      identity.silicon.links[1] = LinkFixture("device 2", [.silicon])
    },
    IdentityCase("bootloader certificate forged", .signatureInvalid) { $0.layers[0].signer = .stranger },
    IdentityCase("decryptor certificate forged", .signatureInvalid) { $0.layers[1].signer = .stranger },
    IdentityCase("decryptor certificate by the UDS", .signatureInvalid) { $0.layers[1].signer = $0.silicon.last },
    IdentityCase("the layers' claims exchanged", .chainInvalid) { identity in
      identity.layers[0].edit = { _ in claims(of: 1) }
      identity.layers[1].edit = { _ in claims(of: 0) }
    },
    IdentityCase("a DICE certificate with a typ", .roleMismatch) { $0.layers[0].type = CertificateClaims.type },
    IdentityCase("another issuer name", .chainInvalid) { $0.layers[0].edit = renaming(1) },
    IdentityCase("another subject name", .chainInvalid) { $0.layers[0].edit = renaming(2) },
    IdentityCase("another subject name at last", .chainInvalid) { $0.layers[1].edit = renaming(2) },
    IdentityCase("a key for another use", .chainInvalid) { identity in
      identity.layers[1].edit = editMap { $0.set(-4_670_553, to: [0x41, 0x80]) }
    },
    IdentityCase("a code hash changed by whoever may sign it", nil) { identity in
      identity.layers[1].edit = editMap { map in
        map.set(-4_670_545, to: RawMap.item { $0.encode(bytes: [UInt8](repeating: 9, count: 64)) })
      }
    },
    IdentityCase("an unknown mode", .malformed) { identity in
      identity.layers[1].edit = editMap { $0.set(-4_670_551, to: [0x41, 4]) }
    },
    IdentityCase("a DICE certificate with a label more", .malformed) { identity in
      identity.layers[0].edit = editMap { $0.set(3, to: [0]) }
    },

    // Step 4.
    IdentityCase("device key certified by another", .signatureInvalid) { $0.signer = .stranger },
    IdentityCase("device key certified by the UDS", .signatureInvalid) { $0.signer = $0.silicon.last },
    IdentityCase("device key certificate of another typ", .roleMismatch) { $0.type = CertificateClaims.type },
    IdentityCase("key epoch of 2^63", .limitExceeded) { identity in
      identity.editClaims = editMap { $0.set(-70_012, to: PackageTests.huge) }
    },
    IdentityCase("unknown life cycle", .malformed) { identity in
      identity.editClaims = editMap { $0.set(-70_011, to: [0x19, 0x70, 0]) }
    },
    IdentityCase("a grant key that signs", .malformed) { identity in
      identity.editClaims = editMap { $0.set(8, to: [0xa1, 1] + COSEKey.encode(TestKey.stranger.publicKey)) }
    },
    IdentityCase("a grant key and its id", .malformed) { identity in
      identity.editClaims = editMap { map in
        map.set(8, to: [0xa2] + (map.value(8) ?? []).dropFirst() + [3, 0x41, 0])
      }
    },

    // Step 5.
    IdentityCase("one layer in debug", .chainInvalid) {
      $0.layers[0] = LayerFixture("bootloader", .bootLoader, mode: .debug)
    },
    IdentityCase("the other layer in debug", .chainInvalid) {
      $0.layers[1] = LayerFixture("decryptor", .bootDecryptor, mode: .debug)
    },
    IdentityCase("in debug, but claiming to be secured", .chainInvalid) { $0.layers = layers(.debug) },
    IdentityCase("not configured, but claiming to be secured", .chainInvalid) { $0.layers = layers(.notConfigured) },
    IdentityCase("in recovery, but claiming to be secured", .chainInvalid) { $0.layers = layers(.recovery) },
    IdentityCase("in debug, and saying so", nil) { identity in
      identity.layers = layers(.debug)
      identity.claims = claims(.debug)
    },
    IdentityCase("secured, but claiming to be in debug", .chainInvalid) { $0.claims = claims(.debug) },

    // Step 6.
    IdentityCase("started under another root that the vendor trusts", nil) { identity in
      identity.layers = roles.map { LayerFixture("stage", $0, bootRoot: TestKey("other boot root")) }
    },
    IdentityCase("genuine silicon with a stranger's boot root", .untrustedRoot) { identity in
      identity.layers = roles.map { LayerFixture("stage", $0, bootRoot: .stranger) }
    },
    IdentityCase("a stranger's decryptor behind the right bootloader", .untrustedRoot) { identity in
      identity.layers[1] = LayerFixture("decryptor", .bootDecryptor, bootRoot: .stranger)
    },
    IdentityCase("a stranger's bootloader before the right decryptor", .untrustedRoot) { identity in
      identity.layers[0] = LayerFixture("bootloader", .bootLoader, bootRoot: .stranger)
    },
    IdentityCase("a firmware in the decryptor's place", .untrustedRoot) { identity in
      identity.layers[1] = LayerFixture("decryptor", .bootFirmware)
    },

    // Order.
    IdentityCase("unknown root and malformed claims", .malformed) { identity in
      identity.silicon.root = .stranger
      identity.editClaims = editMap { $0.remove(8) }
    },
    IdentityCase("unknown root and forged layers", .untrustedRoot) { identity in
      identity.silicon.root = .stranger
      identity.layers[0].signer = .stranger
    },
    IdentityCase("forged device key and wrong mode", .signatureInvalid) { identity in
      identity.signer = .stranger
      identity.layers = layers(.debug)
    },
    IdentityCase("forged layer with another name", .signatureInvalid) { identity in
      identity.layers[0].signer = .stranger
      identity.layers[0].edit = renaming(1)
    },
  ]

  private static let roles = [Role.bootLoader, .bootDecryptor]

  private static func layers(_ mode: DICE.Mode) -> [LayerFixture] {
    [LayerFixture("bootloader", .bootLoader, mode: mode), LayerFixture("decryptor", .bootDecryptor, mode: mode)]
  }

  private static func claims(_ lifecycle: Lifecycle) -> DeviceKeyClaims {
    DeviceKeyClaims(grantKey: TestGrantKey.device.publicKey, lifecycle: lifecycle, keyEpoch: 2, generation: 0)
  }

  private static func renaming(_ label: Int64) -> Edit {
    editMap { $0.set(label, to: [0x78, 40] + [UInt8](repeating: UInt8(ascii: "7"), count: 40)) }
  }

  /// The claims of a layer of an unchanged identity.
  private static func claims(of layer: Int) -> [UInt8] {
    guard let file = try? IdentityFile(IdentityFixture().file()) else { return [] }
    return Array(file.dice[layer].object.payload)
  }

  @Test("gives the class of SPEC 6.5", arguments: cases)
  func classes(_ identityCase: IdentityCase) throws {
    var identity = IdentityFixture()
    identityCase.change(&identity)
    #expect(try identity.refusal(by: identityCase.verifier) == identityCase.expected)
  }

  @Test("takes each life cycle with its own mode only", arguments: Lifecycle.allCases)
  func modes(_ lifecycle: Lifecycle) throws {
    let expected: DICE.Mode =
      switch lifecycle {
      case .secured: .normal
      case .debug, .recoverableDebug: .debug
      default: .notConfigured
      }
    #expect(lifecycle.mode == expected)
    for mode in [DICE.Mode.notConfigured, .normal, .debug, .recovery] {
      var identity = IdentityFixture()
      identity.claims = Self.claims(lifecycle)
      identity.layers = Self.layers(mode)
      #expect(try identity.refusal() == (mode == expected ? nil : .chainInvalid))
    }
  }

  private static let labels: [Int64] = [8, -70_011, -70_012]
  static let breakages = Breakage.all(required: labels) + Breakage.values(of: labels)

  @Test("refuses device-key claims that aren't in their one form", arguments: breakages)
  func broken(_ breakage: Breakage) throws {
    var identity = IdentityFixture()
    identity.editClaims = breakage.edit
    #expect(try identity.refusal() == .malformed)
  }

  @Test("refuses certificates in another order, or of another device")
  func exchanged() throws {
    func encode(_ object: Sign1) -> [UInt8] {
      RawMap.item { item in
        item.tag(Sign1.tag)
        item.beginArray(4)
        item.encode(bytes: object.protectedHeader)
        item.encodeMap { _ in }
        item.encode(bytes: object.payload)
        item.encode(bytes: object.signature)
      }
    }
    let fixture = IdentityFixture()
    let file = try IdentityFile(fixture.file())
    let mine = file.dice.map { encode($0.object) }
    var otherFixture = IdentityFixture()
    otherFixture.uds = bytes(named: "other")
    let others = try IdentityFile(otherFixture.file()).dice.map { encode($0.object) }
    func outcome(_ dice: [[UInt8]]) throws -> ErrorClass? {
      let encoded = IdentityFile.encode(
        silicon: try fixture.silicon.encoded(), dice: dice, deviceKey: encode(file.deviceKey))
      return refusal { () throws(FormatError) in _ = try IdentityFile(encoded).verify(by: .vendor) }
    }
    #expect(try outcome(mine) == nil)
    #expect(try outcome(mine.reversed()) == .signatureInvalid)
    #expect(try outcome([mine[0], others[1]]) == .signatureInvalid)
    #expect(try outcome([others[0], mine[1]]) == .signatureInvalid)
    #expect(try outcome([mine[0], mine[0]]) == .signatureInvalid)
  }

  @Test("refuses a file of another shape")
  func file() throws {
    var one = IdentityFixture()
    one.layers.removeLast()
    #expect(try one.refusal() == .malformed)
    var three = IdentityFixture()
    three.layers.append(LayerFixture("third", .bootFirmware))
    #expect(try three.refusal() == .malformed)
    let file = try IdentityFixture().file() + [0]
    #expect(refusal { () throws(FormatError) in _ = try IdentityFile(file) } == .malformed)
  }
}
