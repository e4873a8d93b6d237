import CBOR
import ErrorClass
import FormatFixtures
import HuskFormat
import Testing

/// Objects of each kind, with something left out or changed: whatever it is, it is refused, and nothing traps.
@Suite("Hostile input")
struct HostileInputTests {
  struct Object: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    /// Parses and verifies.
    let accept: @Sendable ([UInt8]) throws(FormatError) -> Void
  }

  static let objects: [Object] = {
    do {
      var module = PackageFixture.module(payload: testBytes(57))
      module.chain = ChainFixture(root: .bootRoot, [LinkFixture("key", [.module])])
      let payload = module.payload
      var grant = GrantFixture()
      grant.chain = ChainFixture(root: .bootRoot, [LinkFixture("key", [.grant])])
      grant.terms.issuer = grant.chain.last.thumbprint
      var identity = IdentityFixture()
      identity.silicon.links.removeFirst()
      var chain = CBOREncoder()
      FileLabel.chain.encode(to: &chain)
      chain.encode(encoded: try ChainFixture.module.encoded())
      return [
        Object(testDescription: "package", bytes: try module.front()) { bytes throws(FormatError) in
          _ = try PackageFront(bytes).verify(
            role: .module, fileSize: UInt64(bytes.count + payload.count), with: .device)
        },
        Object(testDescription: "chain", bytes: chain.bytes) { bytes throws(FormatError) in
          _ = try ChainVerifier.device.verify(CertificateChain(file: bytes), role: .module)
        },
        Object(testDescription: "grant", bytes: try grant.file()) { bytes throws(FormatError) in
          _ = try GrantFile(bytes).verify(with: .device)
        },
        Object(testDescription: "identity", bytes: try identity.file()) { bytes throws(FormatError) in
          _ = try IdentityFile(bytes).verify(by: .vendor)
        },
      ]
    } catch {
      preconditionFailure("\(error)")
    }
  }()

  private func outcome(_ object: Object, _ bytes: [UInt8]) -> ErrorClass? {
    refusal { () throws(FormatError) in try object.accept(bytes) }
  }

  @Test("unchanged, it is accepted", arguments: objects)
  func control(_ object: Object) {
    #expect(outcome(object, object.bytes) == nil)
  }

  @Test("cut off anywhere, it is malformed", arguments: objects)
  func truncated(_ object: Object) {
    for length in object.bytes.indices {
      #expect(outcome(object, Array(object.bytes[..<length])) == .malformed, "\(length)")
    }
  }

  @Test("with any bit changed, it is refused", arguments: objects)
  func flipped(_ object: Object) {
    for bit in 0..<object.bytes.count * 8 {
      var bytes = object.bytes
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      let outcome = outcome(object, bytes)
      #expect(outcome != nil && outcome != .internal && outcome != .outOfMemory, "bit \(bit)")
    }
  }

  @Test("with any byte removed, repeated or made 0, 0x7f, 0x80 or 0xff, it is refused", arguments: objects)
  func bytes(_ object: Object) {
    for index in object.bytes.indices {
      let byte = object.bytes[index]
      var shorter = object.bytes
      shorter.remove(at: index)
      var longer = object.bytes
      longer.insert(byte, at: index)
      var changes = [shorter, longer]
      for value in [0, 0x7f, 0x80, 0xff] as [UInt8] where value != byte {
        var changed = object.bytes
        changed[index] = value
        changes.append(changed)
      }
      for bytes in changes { #expect(outcome(object, bytes) != nil, "byte \(index)") }
    }
  }

  @Test("with another byte behind it, it is refused", arguments: objects)
  func trailing(_ object: Object) {
    // What follows a package's front is its payload.
    guard object.testDescription != "package" else { return }
    for byte in [0, 0x40, 0xf6, 0xff] as [UInt8] { #expect(outcome(object, object.bytes + [byte]) == .malformed) }
  }

  @Test("of one kind, it isn't one of another", arguments: objects)
  func confused(_ object: Object) {
    for other in Self.objects where other.testDescription != object.testDescription {
      #expect(outcome(other, object.bytes) == .malformed)
    }
  }
}
