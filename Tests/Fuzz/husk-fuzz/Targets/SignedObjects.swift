import COSE
import Cryptography
import DICE
import FormatFixtures
import HuskFormat
import SecretBytes

extension FuzzTarget {
  /// Certificate chains.
  static let chain = FuzzTarget(name: "chain") { bytes in
    guard let chain = attempt({ () throws(FormatError) in try CertificateChain(file: bytes) }) else { return true }
    for index in chain.certificates.indices {
      guard let claims = attempt({ () throws(FormatError) in try chain.unverifiedClaims(at: index) }) else { continue }
      expect(
        claims.encoded() == Array(chain.certificates[index].payload), "a certificate isn't written as it was read")
    }
    let roles: [Role] = [.module, .grant, .status, .silicon, .bootLoader]
    for role in roles
    where attempt({ () throws(FormatError) in try ChainVerifier.fuzzing.verify(chain, role: role) }) != nil {
      SignedParts.check(chain)
    }
    guard
      let anew = attempt({ () throws(FormatError) in try CertificateChain(encoded: chain.signedAnew()) })
    else { return true }
    for role in roles {
      guard
        let authority = attempt({ () throws(FormatError) in try ChainVerifier.fuzzing.verify(anew, role: role) })
      else { continue }
      checkNarrowing(anew, authority, role)
    }
    return true
  } seeds: {
    $0.kind == "chain" ? [$0.object] : []
  }

  /// What holds of every chain that verifies, said anew (SPEC 3.3).
  private static func checkNarrowing(_ chain: CertificateChain, _ authority: ChainVerifier.Authority, _ role: Role) {
    var scope = Scope.everything
    var depth = Limits.certificates
    for index in chain.certificates.indices {
      guard let claims = attempt({ () throws(FormatError) in try chain.unverifiedClaims(at: index) }) else {
        return expect(false, "a certificate of a verified chain doesn't parse")
      }
      expect(claims.roles.contains(role), "a role came from nowhere")
      expect(scope.contains(claims.scope), "a scope was widened")
      expect(claims.depth < depth, "a chain is deeper than allowed")
      expect(claims.notAfter.map { $0 >= Moment.present } ?? true, "a certificate has expired")
      scope = claims.scope
      depth = claims.depth
    }
    expect(authority.scope == scope && authority.keys.count == chain.certificates.count, "an authority is another's")
  }

  /// Manifests, and whether their numbers make sense once they are verified.
  static let manifest = FuzzTarget(name: "manifest") { bytes in
    guard let manifest = attempt({ () throws(FormatError) in try Manifest(parsing: bytes[...]) }) else { return true }
    expect(manifest.encoded() == bytes, "a manifest isn't written as it was read")
    let chain = ChainFixture(root: .bootRoot, [LinkFixture("key", [manifest.role])])
    guard
      let encoded = try? chain.encoded(), let signed = try? chain.last.sign(bytes, type: Manifest.type)
    else { return true }
    let front = PackageFront.encode(chain: encoded, signedManifest: signed, payloadSize: manifest.payloadSize)
    guard let parsed = attempt({ () throws(FormatError) in try PackageFront(front) }),
      let verified = attempt({ () throws(FormatError) in
        try parsed.verify(
          role: manifest.role, fileSize: parsed.payloadOffset + manifest.payloadSize, with: .fuzzing)
      })
    else { return true }
    expect(verified.value == manifest, "what was verified is something else")
    let segments = manifest.segments
    expect(segments.count * Manifest.digestSize == manifest.digests.count, "a segment has no digest")
    var end: UInt64 = 0
    for index in 0..<segments.count {
      let range = segments.range(of: index)
      expect(range.lowerBound == end && !range.isEmpty, "segments don't lie one behind the other")
      expect(range.count <= Int(segments.segmentSize + segments.header), "a segment is too long")
      end = range.upperBound
    }
    expect(end == manifest.payloadSize, "segments don't end where the payload does")
    if manifest.isModule {
      let chunks = ChunkLayout(ciphertextByteCount: manifest.payloadSize)
      expect(chunks.map { $0.chunkCount > 0 } ?? true, "a payload has no chunk")
    }
    return true
  } seeds: { vector in
    guard vector.kind == "package" || vector.kind == "load",
      let front = attempt({ () throws(FormatError) in try PackageFront(vector.object) })
    else { return [] }
    return [Array(front.object.payload)]
  }

  /// Grants, down to the content key.
  static let grant = FuzzTarget(name: "grant") { bytes in
    guard let file = attempt({ () throws(FormatError) in try GrantFile(bytes) }) else { return true }
    if let terms = attempt({ () throws(FormatError) in try file.unverifiedTerms() }) {
      expect(file.object.payload.dropFirst().starts(with: terms.encoded()), "terms aren't written as they were read")
      let common = terms.common.encoded()
      expect(
        attempt { () throws(FormatError) in try CommonGrantTerms(encoded: common) } == terms.common,
        "common terms aren't read as they were written")
    }
    if let verified = attempt({ () throws(FormatError) in try file.verify(with: .fuzzing) }) {
      SignedParts.check(file.chain, file.object)
      _ = attempt { () throws(FormatError) in try verified.value.unwrap(with: TestGrantKey.device.key).count }
    }
    guard let again = attempt({ () throws(FormatError) in try GrantFile(file.signedAnew()) }),
      let verified = attempt({ () throws(FormatError) in try again.verify(with: .fuzzing) })
    else { return true }
    expect(verified.authority.scope.covers(verified.value.terms.module), "a grant is outside of its issuer's scope")
    if let size = attempt({ () throws(FormatError) in
      try verified.value.unwrap(with: TestGrantKey.device.key).count
    }) {
      expect(size == Grant.contentKeySize, "a content key has another size")
    }
    return true
  } seeds: { vector in
    switch vector.kind {
    case "grant": [vector.object]
    case "load": vector.base64("grant")
    default: []
    }
  }

  /// Identities, all layers of them.
  static let identity = FuzzTarget(name: "identity") { bytes in
    guard let file = attempt({ () throws(FormatError) in try IdentityFile(bytes) }) else { return true }
    if let claims = attempt({ () throws(FormatError) in try file.unverifiedClaims() }) {
      expect(claims.encoded() == Array(file.deviceKey.payload), "claims aren't written as they were read")
    }
    _ = attempt { () throws(FormatError) in try file.unverifiedDeviceID() }
    if attempt({ () throws(FormatError) in try file.verify(by: .fuzzing) }) != nil {
      SignedParts.check(file.silicon, file.dice[0].object, file.dice[1].object, file.deviceKey)
    }
    guard let again = attempt({ () throws(FormatError) in try IdentityFile(file.signedAnew()) }),
      let identity = attempt({ () throws(FormatError) in try again.verify(by: .fuzzing) })
    else { return true }
    expect(again.dice.allSatisfy { $0.mode == identity.value.lifecycle.mode }, "a layer is of another life cycle")
    return true
  } seeds: {
    $0.kind == "identity" ? [$0.object] : []
  }
}
