import BootChain
import CLinux
import COSE
import Cryptography
import DeviceSupport
import ErrorClass
import FormatFixtures
import HuskFormat
import SecretBytes
import SecureStorage
import SecureWorld
import TestSupport

@testable import Decryptor

/// Loading (SPEC 9.1) as a worker of the decryptor does it, with a device that a vector describes.
struct VectorDevice: ~Copyable {
  private let keys: DeviceKeys
  private let context: DecisionContext

  private init(keys: consuming DeviceKeys, context: DecisionContext) {
    self.keys = keys
    self.context = context
  }

  static func describedBy(_ vector: Vector, _ verifier: ChainVerifier) throws -> VectorDevice {
    VectorDevice(keys: try keys(vector), context: try context(vector, verifier))
  }

  private static func keys(_ vector: Vector) throws -> DeviceKeys {
    let grantKey = try X25519PrivateKey(secret(bytes(fromHex: vector.required("grant-key"))))
    guard let number = UInt16(exactly: try vector.requiredNumber("lifecycle")),
      let lifecycle = Lifecycle(rawValue: number)
    else { throw VectorError.unknown("lifecycle") }
    let state = DeviceState(
      deviceID: bytes(fromHex: try vector.required("device")),
      grantKeyThumbprint: TestGrantKey.thumbprint(of: grantKey.publicKey), lifecycle: lifecycle)
    return DeviceKeys(grantKey: grantKey, state: state, identity: [])
  }

  private static func context(_ vector: Vector, _ verifier: ChainVerifier) throws -> DecisionContext {
    var memory = SecureState(generation: 0)
    for words in try vector.words("remembered", count: 4...5) {
      guard let name = Name(words[0].utf8), let sequence = UInt64(words[1]), let time = UInt64(words[3]),
        let floor = UInt64(words.count > 4 ? words[4] : "0")
      else { throw VectorError.unknown("remembered") }
      try memory.record(
        SecureState.Load(
          name, sequence: sequence, securityVersion: floor, vendorScope: scope(words[2]), time: time, isOnTrial: false))
    }
    for mark in Verdict.marks(of: vector) { try memory.recordUnchecked(mark) }
    var lists = StatusShelf()
    for list in try vector.base64("list") {
      let file = try StatusListFile(list)
      let verified = try file.verify(with: verifier)
      let mark = try file.mark(of: verified)
      try memory.record(mark, of: verified.authority.vendorScope)
      lists.put(mark, payload: Array(file.object.payload))
    }
    var bindings = ScopeBindings()
    if let text = vector.value("bound") { try bindings.bind(0, to: scope(text)) }
    guard let machine = UInt16(exactly: try vector.requiredNumber("machine")) else {
      throw VectorError.unknown("machine")
    }
    return DecisionContext(
      machine: machine,
      boot: BootState(
        bootRoots: verifier.anchors, lifecycle: .secured, floors: Floors(loader: 0, decryptor: 0, firmware: 0),
        keyEpoch: 0, time: verifier.time.lowerBound, hasTrustedClock: verifier.time.trustedClock != nil, silicon: []),
      clock: verifier.time.trustedClock.map { time in
        ProviderAnswer(request: 1, message: ProviderReply(id: 1, result: .value(time)).encoded())
      },
      memory: memory, bindings: bindings, lists: lists, user: 0)
  }

  private static func scope(_ text: String) throws -> Scope {
    guard let scope = Scope(text == "-" ? [] : Array(text.utf8)) else { throw VectorError.unknown("scope") }
    return scope
  }

  /// The whole load; returns the module.
  borrowing func load(_ package: Int32, _ grant: Int32) throws(ErrorClass) -> [UInt8] {
    let result = try LoadRequest(package: package, grant: grant, isOnTrial: false)
      .perform(keys, context, progress: nil)
    defer { close(result.file) }
    guard let bytes = readFile(result.file, at: 0, count: Int(result.module.size)) else { throw .io }
    return bytes
  }

  /// Step 4 of SPEC 9.1 alone, on a package and a grant that were decided on: everything that the decryption releases,
  /// up to the first failure.
  borrowing func release(
    _ package: Int32, _ front: PackageFront, _ manifest: Manifest, _ grant: Grant
  ) -> [UInt8] {
    var released: [UInt8] = []
    do {
      let contentKey = try grant.unwrap(with: keys.grantKey)
      let file = linux_memory_file_module("module")
      defer { close(file) }
      var unpacker = try ModuleUnpacker(file: file, sizeBound: manifest.sizeBound)
      _ = try PackagePayload(file: package, offset: front.payloadOffset, manifest: manifest)
        .decrypt(with: contentKey) { (plaintext) throws(ErrorClass) in
          released += plaintext.withUnsafeBytes { Array($0) }
          try unpacker.take(plaintext)
        } afterSegment: { _ in
        }
    } catch {
      // Why is for the load itself to say.
    }
    return released
  }
}

extension Verdict {
  /// The classes with which a load fails before anything is decrypted are all but these.
  private static let payloadClasses: [ErrorClass] = [
    .digestMismatch, .decryptionFailed, .decompressionFailed, .sizeMismatch,
  ]

  static func ofLoading(_ vector: Vector, by verifier: ChainVerifier) throws -> Verdict {
    let device = try VectorDevice.describedBy(vector, verifier)
    guard let grant = try vector.base64("grant").first else { throw VectorError.missing("grant") }
    return try withFile(vector.object) { packageFile in
      try withFile(grant) { grantFile in
        var verdict = Verdict(.success)
        var module: [UInt8]?
        do throws(ErrorClass) {
          module = try device.load(packageFile, grantFile)
        } catch {
          verdict.result = .refused(error)
          guard payloadClasses.contains(error) else { return verdict }
        }
        // It was decided on, so that both verify; but for a package whose file is of another size.
        guard
          let front = try? PackageFront(vector.object),
          let manifest = try? front.verify(role: .module, fileSize: UInt64(vector.object.count), with: verifier),
          let terms = try? GrantFile(grant).verify(with: verifier)
        else { return verdict }
        let released = device.release(packageFile, front, manifest.value, terms.value)
        verdict.add("released", "\(released.count) \(hex(try SHA256.hash(released.span.bytes)))")
        if let module { verdict.add("module", "\(module.count) \(hex(try SHA256.hash(module.span.bytes)))") }
        return verdict
      }
    }
  }
}
