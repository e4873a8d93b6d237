import CBOR
import Cryptography
import ErrorClass
import FormatFixtures
import HuskFormat
import Testing

extension PackageFixture {
  /// Adds an edit of the manifest's entries before it is signed.
  mutating func edit(_ change: @escaping @Sendable (inout RawMap) -> Void) {
    let before = editManifest
    editManifest = { editMap(change)(before($0)) }
  }
}

/// A way to make a package one that must be refused, and the class; nil for what is allowed.
struct PackageCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let expected: ErrorClass?
  let change: @Sendable (inout PackageFixture) -> Void

  init(
    _ description: String, _ expected: ErrorClass?, _ change: @escaping @Sendable (inout PackageFixture) -> Void
  ) {
    testDescription = description
    self.expected = expected
    self.change = change
  }

  /// Changes one member of the manifest.
  init(_ description: String, _ expected: ErrorClass?, _ label: Int64, to value: [UInt8]) {
    self.init(description, expected) { $0.edit { $0.set(label, to: value) } }
  }
}

/// SPEC 4.4.
@Suite("Verifying a package")
struct PackageTests {
  @Test("gives the manifest, and who signed it")
  func verified() throws {
    for package in [PackageFixture.module(), .stage(.bootLoader), .stage(.bootDecryptor), .stage(.bootFirmware)] {
      let file = try package.file()
      let front = try PackageFront(file)
      #expect(file.count == Int(front.payloadOffset) + package.payload.count)
      #expect(front.declaredPayloadSize == UInt64(package.payload.count))
      let verified = try front.verify(
        role: package.manifest.role, fileSize: UInt64(file.count), with: .device)
      #expect(verified.value == package.manifest)
      #expect(verified.authority.key == package.chain.last.publicKey)
      #expect(verified.issuedAt == Moment.issued)
    }
  }

  @Test("tells the latest signed time, be it the manifest's or a certificate's")
  func issuedAt() throws {
    var package = PackageFixture.module()
    package.manifest.issuedAt = Moment.issued + 9
    package.chain.links[0].claims.issuedAt = Moment.issued + 3
    func issuedAt() throws -> UInt64 {
      let file = try package.file()
      return try PackageFront(file).verify(role: .module, fileSize: UInt64(file.count), with: .device).issuedAt
    }
    #expect(try issuedAt() == Moment.issued + 9)
    package.chain.links[1].claims.issuedAt = Moment.issued + 10
    #expect(try issuedAt() == Moment.issued + 10)
  }

  @Test("needs as much of the file as it says beforehand")
  func prefix() throws {
    let package = PackageFixture.module()
    let file = try package.file()
    let size = try PackageFront.size(fromPrefix: Array(file.prefix(PackageFront.prefixSize)))
    #expect(size <= file.count)
    let front = try PackageFront(Array(file.prefix(size)))
    #expect(Int(front.payloadOffset) <= size)
    #expect(throws: Never.self) { try front.verify(role: .module, fileSize: UInt64(file.count), with: .device) }
  }

  static let huge: [UInt8] = [0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0]
  static let largest: [UInt8] = [0x1b] + [UInt8](repeating: 0xff, count: 8)

  /// Changes of a module's package.
  static let cases: [PackageCase] = [
    PackageCase("unchanged", nil) { _ in },

    // Step 2.
    PackageCase("version 0", .unsupportedVersion, 1, to: [0]),
    PackageCase("version 2", .unsupportedVersion, 1, to: [2]),
    PackageCase("version 2^64 - 1", .unsupportedVersion, 1, to: largest),
    PackageCase("version 2 with labels and values of its own", .unsupportedVersion) { package in
      package.edit { map in
        map.set(1, to: [2])
        map.set(3, to: [0x80])
        for label in 14..<50 { map.set(Int64(label), to: [0xf6]) }
      }
    },
    PackageCase("version 2, signed by nobody known", .unsupportedVersion) { package in
      package.edit { $0.set(1, to: [2]) }
      package.chain.root = .stranger
    },
    PackageCase("version 2, but not well formed", .malformed) { package in
      package.edit { map in
        map.set(1, to: [2])
        map.set(14, to: [0x18, 0])
      }
    },
    PackageCase("version 2, with a byte behind it", .malformed) { package in
      package.editManifest = { editMap { $0.set(1, to: [2]) }($0) + [0] }
    },
    PackageCase("a name of one label", .malformed, 3, to: [0x63] + Array("com".utf8)),
    PackageCase(
      "a name of 129 bytes", .malformed, 3, to: [0x78, 129] + Array("a.".utf8) + [UInt8](repeating: 0x61, count: 127)),
    PackageCase("a name with a slash", .malformed, 3, to: [0x6a] + Array("com.acme/x".utf8)),
    PackageCase("an empty role", .malformed, 2, to: [0x60]),
    PackageCase("a role of 33 letters", .malformed, 2, to: [0x78, 33] + [UInt8](repeating: 0x61, count: 33)),
    PackageCase("a version of two numbers", .malformed, 4, to: [0x82, 1, 2]),
    PackageCase("a version of four numbers", .malformed, 4, to: [0x84, 1, 2, 3, 4]),
    PackageCase("a version number of 2^32", .malformed, 4, to: [0x83, 1, 2, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0]),
    PackageCase("the greatest version", nil, 4, to: [0x83] + [0x1a, 0xff, 0xff, 0xff, 0xff] * 3),
    PackageCase("the greatest security version", nil, 5, to: largest),
    PackageCase("a machine of 2^16", .malformed, 6, to: [0x1a, 0, 1, 0, 0]),
    PackageCase("another machine", nil, 6, to: [0x18, 183]),
    PackageCase("an issue time of 2^63", .limitExceeded, 7, to: huge),
    PackageCase("a payload size of 2^63", .limitExceeded, 8, to: huge),
    PackageCase("a size bound of 2^63", .limitExceeded, 9, to: huge),
    PackageCase("a segment size of 2^63", .limitExceeded, 10, to: huge),
    PackageCase("an epoch of 2^63", .limitExceeded, 12, to: huge),
    PackageCase("a status number of 2^63", .limitExceeded, 13, to: huge),
    PackageCase("a status number", nil, 13, to: [1]),
    PackageCase("text that may be execute-only", nil, 14, to: [0xf5]),
    PackageCase("text that may not be execute-only, which is said by nothing", .malformed, 14, to: [0xf4]),
    PackageCase("text that may be execute-only, as a number", .malformed, 14, to: [1]),

    // Step 2, by 3.4.
    PackageCase("unknown root", .untrustedRoot) { $0.chain.root = .stranger },
    PackageCase("a chain for another role", .roleMismatch) { $0.chain.links[1].claims.roles = [.grant] },
    PackageCase("typ of a grant", .roleMismatch) { $0.type = Grant.type },
    PackageCase("typ of a certificate", .roleMismatch) { $0.type = CertificateClaims.type },
    PackageCase("signed by a key outside the chain", .signatureInvalid) { $0.signer = .stranger },
    PackageCase("signed by the root", .signatureInvalid) { $0.signer = .bootRoot },
    PackageCase("signed by the certificate above", .signatureInvalid) { $0.signer = $0.chain.links[0].key },
    PackageCase("signed with another algorithm", .malformed) { $0.signer = TestKey(.es256) },
    PackageCase("a name outside the scope", .scopeViolation) { $0.manifest.name = testName("com.acmex.codec") },
    PackageCase("a name that is the scope without its dot", .scopeViolation) {
      $0.manifest.name = testName("com.acme")
    },
    PackageCase("a scope of one other name", .scopeViolation) { package in
      package.chain.links[1].claims.scope = testScope("com.acme.codecs")
    },
    PackageCase("a scope of this name", nil) { $0.chain.links[1].claims.scope = testScope("com.acme.codec") },

    // Step 2, the manifest's own role.
    PackageCase("another role inside", .roleMismatch) { $0.manifest.role = .bootLoader },
    PackageCase("a role inside that isn't a package's", .roleMismatch) { $0.manifest.role = .grant },
    PackageCase("an unknown role inside", .roleMismatch) { $0.manifest.role = testRole("station") },

    // Step 3.
    PackageCase("a module without epoch", .malformed) { $0.manifest.epoch = nil },
    PackageCase("a segment size that isn't a multiple of chunks", .malformed) { $0.setSegmentSize(16_401) },
    PackageCase("a segment size of one chunk", nil) { $0.setSegmentSize(16_400) },
    PackageCase("a segment size of 64 chunks", nil) { $0.setSegmentSize(1_049_600) },
    PackageCase("a segment size of 65 chunks", .malformed) { $0.setSegmentSize(1_066_000) },
    PackageCase("a segment size of less than a chunk", .malformed) { $0.setSegmentSize(8200) },
    PackageCase("a segment size of zero", .malformed) { $0.manifest.segmentSize = 0 },
    PackageCase("a digest too few", .malformed) { $0.manifest.digests.removeLast(32) },
    PackageCase("a digest too many", .malformed) { $0.manifest.digests += [UInt8](repeating: 0, count: 32) },
    PackageCase("a byte of digest too few", .malformed) { $0.manifest.digests.removeLast() },
    PackageCase("no digests", .malformed) { $0.manifest.digests = [] },
    PackageCase("8193 digests", .limitExceeded) { $0.manifest.digests = [UInt8](repeating: 0, count: 8193 * 32) },
    PackageCase("8193 segments", .limitExceeded) { $0.manifest.payloadSize = 56 + 8192 * 16_400 + 1 },
    PackageCase("a payload of more than 2 GiB", .limitExceeded) { $0.manifest.payloadSize = 1 << 31 + 1 },
    PackageCase("a payload of 2^63 - 1 bytes", .limitExceeded) { $0.manifest.payloadSize = 1 << 63 - 1 },
    PackageCase("a payload that is all header", .malformed) { package in
      package.payload = testBytes(56)
      package.setSegmentSize(16_400)
    },
    PackageCase("a payload of one byte besides its header", nil) { package in
      package.payload = testBytes(57)
      package.setSegmentSize(16_400)
    },
    PackageCase("a bound of 1 GiB", nil) { $0.manifest.sizeBound = 1 << 30 },
    PackageCase("a bound of more", .limitExceeded) { $0.manifest.sizeBound = 1 << 30 + 1 },

    // Step 4.
    PackageCase("a payload head of one byte less", .sizeMismatch) { package in
      package.declaredPayloadSize = package.manifest.payloadSize - 1
    },
    PackageCase("a payload head of one byte more", .sizeMismatch) { package in
      package.declaredPayloadSize = package.manifest.payloadSize + 1
    },
    PackageCase("a payload head of 2^64 - 1", .sizeMismatch) { $0.declaredPayloadSize = .max },
    PackageCase("a byte behind the payload", .sizeMismatch) { $0.payload.append(0) },
    PackageCase("a byte of payload missing", .sizeMismatch) { $0.payload.removeLast() },
    PackageCase("no payload", .sizeMismatch) { $0.payload = [] },
  ]

  @Test("gives the class of SPEC 4.4", arguments: cases)
  func classes(_ packageCase: PackageCase) throws {
    var package = PackageFixture.module()
    packageCase.change(&package)
    #expect(try package.refusal(as: .module) == packageCase.expected)
  }

  static let stageCases: [PackageCase] = [
    PackageCase("unchanged", nil) { _ in },
    PackageCase("with an epoch", .malformed) { $0.manifest.epoch = 1 },
    PackageCase("with text that may be execute-only", .malformed) { $0.manifest.mayBeExecuteOnly = true },
    PackageCase("with a smaller bound", .malformed) { $0.manifest.sizeBound -= 1 },
    PackageCase("with a greater bound", .malformed) { $0.manifest.sizeBound += 1 },
    PackageCase("with segments of any size", nil) { $0.setSegmentSize(20_001) },
    PackageCase("with segments too small", .malformed) { $0.setSegmentSize(16_399) },
    PackageCase("with segments too large", .malformed) { $0.setSegmentSize(1_049_601) },
    PackageCase("of one byte", nil) { package in
      package.payload = [1]
      package.manifest.sizeBound = 1
      package.setSegmentSize(16_400)
    },
    PackageCase("of nothing", .malformed) { package in
      package.payload = []
      package.manifest.sizeBound = 0
      package.setSegmentSize(16_400)
    },
    PackageCase("of as much as a payload may have", .sizeMismatch) { package in
      package.manifest.segmentSize = 1_049_600
      package.manifest.payloadSize = 1 << 31
      package.manifest.sizeBound = 1 << 31
      package.manifest.digests = [UInt8](repeating: 0, count: package.manifest.segments.count * 32)
    },
  ]

  @Test("gives the class of SPEC 4.4 for a stage", arguments: stageCases)
  func stageClasses(_ packageCase: PackageCase) throws {
    var package = PackageFixture.stage(.bootDecryptor)
    packageCase.change(&package)
    #expect(try package.refusal() == packageCase.expected)
  }

  @Test("takes a package for no other role than its own")
  func roles() throws {
    let roles: [Role] = [.module, .bootLoader, .bootDecryptor, .bootFirmware]
    for own in roles {
      let package = own == .module ? PackageFixture.module() : .stage(own)
      for other in roles {
        #expect(try package.refusal(as: other) == (own == other ? nil : .roleMismatch))
      }
      // Even of a key that may sign all of them.
      var powerful = package
      powerful.chain = ChainFixture(root: .bootRoot, [LinkFixture("all", roles)])
      for other in roles {
        #expect(try powerful.refusal(as: other) == (own == other ? nil : .roleMismatch))
      }
    }
  }

  private static let labels: [Int64] = (1...11).map { $0 }
  static let breakages = Breakage.all(required: labels) + Breakage.values(of: labels + [12, 13])

  @Test("refuses a manifest that isn't in its one form", arguments: breakages)
  func broken(_ breakage: Breakage) throws {
    var package = PackageFixture.module()
    package.editManifest = breakage.edit
    #expect(try package.refusal() == .malformed)
  }

  /// Faults in the order in which SPEC 4.4 (with 3.4) finds them.
  private static let ordered: [PackageCase] = [
    PackageCase("version", .unsupportedVersion, 1, to: [2]),
    PackageCase("label", .malformed, 20, to: [0]),
    PackageCase("root", .untrustedRoot) { $0.chain.root = .stranger },
    PackageCase("certificate", .malformed) { $0.chain.links[1].edit = editMap { $0.remove(2) } },
    PackageCase("depth", .chainInvalid) { $0.chain.links[1].claims.depth = 1 },
    PackageCase("certificate's signature", .signatureInvalid) { $0.chain.links[1].signer = .deviceRoot },
    PackageCase("certificate's scope", .chainInvalid) { $0.chain.links[1].claims.scope = testScope("org.") },
    PackageCase("certificate's end", .expired) { $0.chain.links[1].claims.notAfter = 1 },
    PackageCase("certificate's role", .roleMismatch) { $0.chain.links[1].claims.roles = [.grant] },
    PackageCase("typ", .roleMismatch) { $0.type = Grant.type },
    PackageCase("signature", .signatureInvalid) { $0.signer = .deviceRoot },
    PackageCase("name", .scopeViolation) { $0.manifest.name = testName("net.acme") },
    PackageCase("role", .roleMismatch) { $0.manifest.role = .bootLoader },
    PackageCase("bound", .limitExceeded) { $0.manifest.sizeBound = 1 << 31 + 1 },
    PackageCase("digests", .malformed) { $0.manifest.digests.removeLast() },
    PackageCase("size", .sizeMismatch) { $0.declaredPayloadSize = 1 },
  ]

  @Test("gives the class of the first fault, of any two")
  func order() throws {
    for (index, first) in Self.ordered.enumerated() {
      for second in Self.ordered[index...] {
        var package = PackageFixture.module()
        second.change(&package)
        first.change(&package)
        #expect(
          try package.refusal(as: .module) == first.expected, "\(first.testDescription), \(second.testDescription)")
      }
    }
  }

  // MARK: The container

  @Test("refuses a container of another shape")
  func container() throws {
    let package = PackageFixture.module()
    let front = try package.front()
    let parse = { (bytes: [UInt8]) in refusal { () throws(FormatError) in _ = try PackageFront(bytes) } }
    #expect(parse(front) == nil)
    for index in 0..<FileLabel.sequenceLabelSize {
      var changed = front
      changed[index] ^= 1
      #expect(parse(changed) == .malformed, "label byte \(index)")
    }
    #expect(parse([]) == .malformed)

    // The signed manifest: 12 bytes of label, 3 bytes of head.
    #expect(front[12] == 0x59)
    let signed = Array(front[15..<(15 + Int(front[13]) << 8 + Int(front[14]))])
    func container(_ signed: [UInt8], payloadHead: [UInt8] = [0x19, 0, 0]) -> [UInt8] {
      Array(front[..<12]) + RawMap.item { $0.encode(bytes: signed) } + RawMap.item { $0.encode(bytesHead: 300) }
    }
    #expect(parse(container(signed)) == nil)
    #expect(parse(container(signed + [0])) == .malformed)
    #expect(parse(container(signed.dropLast())) == .malformed)
    #expect(parse(container([0x83] + signed.dropFirst() + [0])) == .malformed)
    #expect(parse(container([0x81] + signed.dropFirst())) == .malformed)
    #expect(parse(Array(front[..<12]) + signed + [0x40]) == .malformed, "not in a byte string")
    #expect(parse(Array(container(signed).dropLast(3)) + [0x80]) == .malformed, "payload that is no byte string")
    #expect(parse(Array(container(signed).dropLast(3)) + [0x5f]) == .malformed, "payload of indefinite length")
    #expect(parse(Array(container(signed).dropLast(3)) + [0x58, 5]) == .malformed, "long head")
  }

  @Test("has a limit for the signed manifest, whatever the file's first bytes promise")
  func limit() throws {
    let label = RawMap.item { FileLabel.package.encode(to: &$0) }
    let size = { (count: UInt64) in
      refusal { () throws(FormatError) in
        _ = try PackageFront.size(fromPrefix: label + RawMap.item { $0.encode(bytesHead: count) })
      }
    }
    #expect(size(524_288) == nil)
    for count in [524_289, 1 << 32, 1 << 63 - 1, 1 << 63, .max] as [UInt64] { #expect(size(count) == .limitExceeded) }
    let file = label + RawMap.item { $0.encode(bytes: [UInt8](repeating: 0, count: 524_289)) }
    #expect(refusal { () throws(FormatError) in _ = try PackageFront(file) } == .limitExceeded)
    for length in 0..<label.count + 1 {
      let prefix = Array(label.prefix(length))
      #expect(refusal { () throws(FormatError) in _ = try PackageFront.size(fromPrefix: prefix) } == .malformed)
    }
  }

  @Test("compares sizes that would overflow")
  func overflow() throws {
    let package = PackageFixture.module()
    let front = try PackageFront(package.front())
    for size in [0, 1, .max] as [UInt64] {
      let refused = refusal { () throws(FormatError) in
        _ = try front.verify(role: .module, fileSize: size, with: .device)
      }
      #expect(refused == .sizeMismatch)
    }
  }

  @Test("binds the payload's encryption to name, epoch, version and machine")
  func context() {
    let manifest = PackageFixture.module().manifest
    let expected = RawMap.item { item in
      item.beginArray(5)
      item.encode(text: "husk-payload")
      item.encode(text: "com.acme.codec")
      item.encode(unsigned: 7)
      item.beginArray(3)
      for part in [1, 2, 3] as [UInt64] { item.encode(unsigned: part) }
      item.encode(unsigned: 62)
    }
    #expect(manifest.payloadContext == expected)
  }
}

private func * (bytes: [UInt8], count: Int) -> [UInt8] {
  (0..<count).flatMap { _ in bytes }
}
