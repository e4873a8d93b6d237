import CBOR
import CLinux
import COSE
import Cryptography
import DeviceSupport
import ErrorClass
import FormatFixtures
import GrantBundle
import HostSupport
import HuskFormat
import SecretBytes
import TestSupport

@testable import DeviceStore
@testable import SecureStorage

/// What comes of a vector's object.
struct Verdict: Equatable {
  var result: Vector.Expectation
  /// The place of a fault that was found while parsing.
  var byte: Int?
  /// What else the vector's headers tell of it, such as the hash of a module.
  var facts: [Vector.Header] = []

  init(_ result: Vector.Expectation) {
    self.result = result
  }

  init(_ error: FormatError) {
    result = .refused(error.errorClass)
    byte = error.offset
  }

  mutating func add(_ name: String, _ value: String) {
    facts.append(Vector.Header(name: name, value: value))
  }

  /// The headers that are facts.
  static let factNames: Set = [
    "key", "package", "content-key", "released", "module", "device-id", "grant-key-thumbprint", "number", "extract",
    "state", "sequence-number",
  ]

  /// What a vector says that should come of it.
  init(expectedBy vector: Vector) throws {
    result = try vector.expectation
    byte = try vector.number("byte").map { Int($0) }
    facts = vector.headers.filter { Self.factNames.contains($0.name) }
  }

  /// Does with the object what is to be done with one of its kind.
  init(of vector: Vector) throws {
    try self.init(of: vector, by: Settings(vector).verifier)
  }

  /// - Parameter verifier: instead of the one that the vector describes.
  init(of vector: Vector, by verifier: ChainVerifier) throws {
    self.init(.success)
    do throws(FormatError) {
      switch (try? vector.kind, vector.object) {
      case (.chain, let object): try verifyChain(object, vector, verifier)
      case (.package, let object): try verifyPackage(object, vector, verifier)
      case (.grant, let object): try verifyGrant(object, vector, verifier)
      case (.identity, let object): try verifyIdentity(object, vector, verifier)
      case (.statusList, let object): try verifyStatusList(object, vector, verifier)
      case (.bundle, let object): try verifyBundle(object, vector, verifier)
      default: break
      }
    } catch {
      self.init(error)
    }
    switch try vector.kind {
    case .load: self = try .ofLoading(vector, by: verifier)
    case .storage: try openStorage(vector)
    case .control: readControl(vector.object)
    default: break
    }
  }
}

// MARK: What is verified

extension Verdict {
  private mutating func verifyChain(
    _ object: [UInt8], _ vector: Vector, _ verifier: ChainVerifier
  ) throws(FormatError) {
    let authority = try verifier.verify(CertificateChain(file: object), role: Self.role(of: vector))
    add("key", hex(authority.keyThumbprint))
  }

  private mutating func verifyPackage(
    _ object: [UInt8], _ vector: Vector, _ verifier: ChainVerifier
  ) throws(FormatError) {
    add("package", hex(try Self.verify(package: object, as: Self.role(of: vector), verifier).packageID()))
  }

  /// SPEC 4.4, all steps.
  @discardableResult
  static func verify(
    package: [UInt8], as role: Role, _ verifier: ChainVerifier
  ) throws(FormatError) -> PackageFront {
    let front = try PackageFront(package)
    let manifest = try front.verify(role: role, fileSize: UInt64(package.count), with: verifier).value
    for index in 0..<manifest.segments.count {
      let range = manifest.segments.range(of: index)
      let start = Int(front.payloadOffset)
      let segment = Array(package[(start + Int(range.lowerBound))..<(start + Int(range.upperBound))])
      try manifest.check(segment: segment.span.bytes, at: index)
    }
    return front
  }

  private mutating func verifyGrant(
    _ object: [UInt8], _ vector: Vector, _ verifier: ChainVerifier
  ) throws(FormatError) {
    let grant = try GrantFile(object).verify(with: verifier)
    guard let text = vector.value("grant-key"), let key = try? X25519PrivateKey(secret(bytes(fromHex: text))) else {
      return
    }
    let contentKey = try grant.value.unwrap(with: key)
    add("content-key", contentKey.withBytes { hex($0.withUnsafeBytes { Array($0) }) })
  }

  private mutating func verifyIdentity(
    _ object: [UInt8], _ vector: Vector, _ verifier: ChainVerifier
  ) throws(FormatError) {
    let bootRoots = vector.values("boot-root").map { bytes(fromHex: $0) }
    let identity = try IdentityFile(object).verify(with: verifier, bootRoots: bootRoots).value
    add("device-id", hex(identity.deviceID))
    add("grant-key-thumbprint", hex(identity.grantKeyThumbprint))
  }

  /// SPEC 5.3: verified, and compared with what was seen before.
  private mutating func verifyStatusList(
    _ object: [UInt8], _ vector: Vector, _ verifier: ChainVerifier
  ) throws(FormatError) {
    let file = try StatusListFile(object)
    let list = try file.verify(with: verifier)
    var state = SecureState(generation: 0)
    let mark = try file.mark(of: list)
    do throws(ErrorClass) {
      for seen in Self.marks(of: vector) { try state.recordUnchecked(seen) }
      try state.record(mark, of: list.authority.vendorScope)
    } catch {
      throw FormatError(error, in: .statusList)
    }
    add("number", "\(list.value.number)")
  }

  /// SPEC 5.3, without what was seen before.
  init(ofStatusList object: [UInt8], by verifier: ChainVerifier) {
    self.init(.success)
    do throws(FormatError) {
      _ = try StatusListFile(object).verify(with: verifier)
    } catch {
      self.init(error)
    }
  }

  private mutating func verifyBundle(
    _ object: [UInt8], _ vector: Vector, _ verifier: ChainVerifier
  ) throws(FormatError) {
    do {
      let entries = try withFile(object) { file in
        try BundleReader("/proc/self/fd/\(file)").grants(of: bytes(fromHex: vector.required("device")))
      }
      for entry in entries {
        let grant = try entry.checkedFile()
        _ = try GrantFile(grant).verify(with: verifier)
        add("extract", hex(try SHA256.hash(grant.span.bytes)))
      }
    } catch let error as FormatError {
      throw error
    } catch ObjectFileError.format(_, let error) {
      throw error
    } catch {
      throw FormatError(.internal, in: .bundle)
    }
  }

  static func role(of vector: Vector) -> Role {
    vector.value("role").flatMap { Role($0.utf8) } ?? .module
  }

  static func marks(of vector: Vector) -> [StatusMark] {
    vector.values("seen").compactMap { value in
      let words = value.split(separator: " ")
      guard words.count == 3, let scope = Scope(words[0].utf8), let number = UInt64(words[1]) else { return nil }
      return StatusMark(scope: scope, number: number, digest: bytes(fromHex: words[2]))
    }
  }
}

// MARK: What a device keeps

extension Verdict {
  /// SPEC 7.8, one file of two.
  private mutating func openStorage(_ vector: Vector) throws {
    let key = try secret(bytes(fromHex: vector.required("storage-key")))
    guard let content = try SealedState.open(vector.object, key: key), let state = content.state,
      content.counter == (try vector.requiredNumber("counter"))
    else { return self = Verdict(.ignored) }
    add("state", hex(state.encoded()))
  }

  /// SPEC 7.10, one file of two.
  private mutating func readControl(_ object: [UInt8]) {
    guard object.count <= ControlRecord.maximumSize, let record = ControlRecord(object) else {
      return self = Verdict(.ignored)
    }
    add("sequence-number", "\(record.sequence)")
    // What was read is written as it was.
    if record.encoded() != object { result = .ignored }
  }
}

extension SecureState {
  /// A mark as a device has it that saw many lists, of which this is the latest.
  mutating func recordUnchecked(_ mark: StatusMark) throws(ErrorClass) {
    var number: UInt64 = 0
    while number < mark.number {
      number += min(Limits.statusJump, mark.number - number)
      let digest = number == mark.number ? mark.digest : [UInt8](repeating: 0, count: 32)
      try record(StatusMark(scope: mark.scope, number: number, digest: digest), of: mark.scope)
    }
  }
}
