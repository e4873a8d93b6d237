import CLinux
import CBOR
import COSE
import Compression
import Cryptography
import ErrorClass
import FormatFixtures
import HuskFormat
import SecretBytes

@testable import Decryptor

extension FuzzTarget {
  /// Packages as they come to a device, front and payload.
  static let package = FuzzTarget(name: "package") { bytes in
    guard let front = attempt({ () throws(FormatError) in try PackageFront(bytes) }) else {
      expect(!FuzzedDevice.check(bytes) || FileLabel.detect(bytes) != .package, "a check takes what doesn't parse")
      return true
    }
    for role: Role in [.module, .bootFirmware]
    where attempt({ () throws(FormatError) in
      try front.verify(role: role, fileSize: UInt64(bytes.count), with: .fuzzing)
    }) != nil {
      SignedParts.check(front.chain, front.object)
    }
    _ = FuzzedDevice.check(bytes, segments: 0..<2)
    guard var manifest = attempt({ () throws(FormatError) in try Manifest(parsing: front.object.payload) }),
      let start = Int(exactly: front.payloadOffset), start <= bytes.count
    else { return true }

    // The same, mostly with the payload that is there and its digests, and signed by whoever should have signed that.
    let payload = bytes[start...]
    if SegmentLayout.segmentSizes.contains(manifest.segmentSize), chance(bytes) {
      manifest.payloadSize = UInt64(payload.count)
      let segments = manifest.segments
      manifest.digests = (0..<segments.count).flatMap { index in
        let range = segments.range(of: index)
        let segment = Array(payload.dropFirst(Int(range.lowerBound)).prefix(range.count))
        return (try? SHA256.hash(segment.span.bytes)) ?? []
      }
    }
    let anew = front.signedAnew(manifest, payload: payload)
    _ = FuzzedDevice.check(anew, segments: 0..<1)
    guard let grant = Grants.matching(manifest) else { return true }
    if let module = FuzzedDevice.load(anew, grant) {
      expect(UInt64(module.count) <= manifest.sizeBound, "a module is larger than its manifest says")
    }
    return true
  } seeds: { vector in
    vector.kind == "package" || vector.kind == "load" ? [vector.object] : []
  }

  /// What comes out of the chunks of a package: a compressed module, and padding. Nobody but a vendor can bring this
  /// about, but the vendor's packager may be another one.
  static let payload = FuzzTarget(name: "payload", isCBOR: false) { bytes in
    guard let first = bytes.first else { return false }
    let bound: UInt64 = 1 << 20
    let file = linux_memory_file_module("module")
    defer { close(file) }
    // Chunks are full but for the last one; other sizes find what hides at the edges.
    let size = first == 0 ? ChunkedEncryption.chunkByteCount : 15 + Int(first) * 8
    let plaintext = Array(bytes.dropFirst())
    let result = attempt { () throws(ErrorClass) in
      var unpacker = try ModuleUnpacker(file: file, sizeBound: bound)
      for start in stride(from: 0, to: max(plaintext.count, 1), by: size) {
        try unpacker.take(Array(plaintext[start..<min(start + size, plaintext.count)]).span.bytes)
      }
      return try unpacker.finish()
    }
    let written = linux_regular_file_size(file)
    expect(written >= 0 && UInt64(written) <= bound, "more was written than the bound")
    if let result { expect(result == UInt64(written), "a module has another size than is said") }
    return true
  } seeds: { vector in
    guard vector.kind == "load", let grant = vector.base64("grant").first,
      let plaintext = FuzzedDevice.plaintext(of: vector.object, under: grant)
    else { return [] }
    return [[0] + plaintext, [1] + plaintext]
  }

  /// Status lists, and what a device remembers of them.
  static let statusList = FuzzTarget(name: "status-list") { bytes in
    guard let file = attempt({ () throws(FormatError) in try StatusListFile(bytes) }) else { return true }
    if let list = attempt({ () throws(FormatError) in try file.unverifiedList() }) {
      expect(list.encoded() == Array(file.object.payload), "a list isn't written as it was read")
    }
    if attempt({ () throws(FormatError) in try file.verify(with: .fuzzing) }) != nil {
      SignedParts.check(file.chain, file.object)
    }
    let anew = file.signedAnew()
    guard let again = attempt({ () throws(FormatError) in try StatusListFile(anew) }),
      let list = attempt({ () throws(FormatError) in try again.verify(with: .fuzzing) }),
      let mark = attempt({ () throws(FormatError) in try again.mark(of: list) })
    else { return true }
    expect(list.authority.scope.contains(mark.scope), "a list is outside of its issuer's scope")
    let shown = attempt { () throws(ErrorClass) in try ShownStatusList(anew, FuzzedDevice.context) }
    expect((shown != nil) == (mark.number <= Limits.statusJump), "a first list's number isn't bounded")
    // A load that is decided against the list.
    var knowledge = StatusKnowledge(marks: [mark], lists: [list.value])
    knowledge.marks.append(StatusMark(scope: testScope("com.acme."), number: 1, digest: mark.digest))
    Grants.decide(against: knowledge)
    return true
  } seeds: { vector in
    switch vector.kind {
    case "status-list": [vector.object]
    case "load": vector.base64("list")
    default: []
    }
  }
}

/// Grants of the vectors' vendors for modules that nobody thought of.
private enum Grants {
  nonisolated(unsafe) private static var made: [String: [UInt8]] = [:]

  /// A grant of the content key of the vectors, that fits a manifest.
  static func matching(_ manifest: Manifest) -> [UInt8]? {
    guard let epoch = manifest.epoch else { return nil }
    let name = "\(manifest.name.bytes) \(epoch)"
    if let grant = made[name] { return grant }
    var grant = GrantFixture()
    grant.chain = ChainFixture(root: .bootRoot, [LinkFixture("key", [.grant])])
    grant.terms.issuer = grant.chain.last.thumbprint
    grant.terms.module = manifest.name
    grant.terms.epoch = epoch
    if made.count > 64 { made = [:] }
    made[name] = try? grant.file()
    return made[name]
  }

  private static let usual: (Verified<Manifest>, Verified<Grant>, [UInt8])? = {
    guard let package = try? PackageFixture.module().file(), let grant = try? GrantFixture().file(),
      let front = attempt({ () throws(FormatError) in try PackageFront(package) }),
      let manifest = attempt({ () throws(FormatError) in
        try front.verify(role: .module, fileSize: UInt64(package.count), with: .fuzzing)
      }),
      let terms = attempt({ () throws(FormatError) in try GrantFile(grant).verify(with: .fuzzing) }),
      let id = attempt({ () throws(FormatError) in try front.packageID() })
    else { return nil }
    return (manifest, terms, id)
  }()

  /// Step 11 of SPEC 5 for the usual module.
  static func decide(against knowledge: StatusKnowledge) {
    guard let (manifest, grant, id) = usual else { return expect(false, "the usual module isn't as usual") }
    let refusal = refusal { () throws(FormatError) in
      try grant.authorize(
        manifest, packageID: id, on: .fixture, time: ChainVerifier.fuzzing.time,
        memory: ModuleMemory(sequence: 0, floor: 0), status: knowledge)
    }
    let list = knowledge.lists[0]
    guard list.scope.covers(manifest.value.name) else { return }
    let isNamed =
      list.packages.contains(id) || manifest.authority.keys.contains { list.keys.contains($0) }
      || grant.authority.keys.contains { list.keys.contains($0) }
    if isNamed { expect(refusal != nil, "what a list names is let pass") }
  }
}
