import BootChain
import CLinux
import COSE
import Cryptography
import ErrorClass
import FormatFixtures
import HuskFormat
import SecretBytes
import SecureStorage
import SecureWorld

@testable import Decryptor

/// The device that inputs come to: the one that the vectors' grants are for (SPEC 13.3).
enum FuzzedDevice {
  nonisolated(unsafe) private static let keys = Box()

  /// What can't be copied, for as long as the process lives.
  private final class Box {
    let keys: DeviceKeys

    init() {
      guard let key = try? X25519PrivateKey(secret(named: "device")) else { preconditionFailure("a key is a key") }
      keys = DeviceKeys(grantKey: key, state: .fixture, identity: [1, 2, 3])
    }
  }

  static func withKeys<Result>(_ body: (borrowing DeviceKeys) -> Result) -> Result { body(keys.keys) }

  static let context = DecisionContext(
    machine: 62,
    boot: BootState(
      bootRoots: ChainVerifier.fuzzing.anchors, lifecycle: .secured,
      floors: Floors(loader: 0, decryptor: 0, firmware: 0),
      keyEpoch: 0, time: ChainVerifier.fuzzing.time.lowerBound, hasTrustedClock: false, silicon: []),
    clock: nil, memory: SecureState(generation: 0), bindings: ScopeBindings(), lists: StatusShelf(), user: 0)

  /// Loads a module as a worker of the decryptor does; returns its bytes, nil if it is refused.
  static func load(_ package: [UInt8], _ grant: [UInt8]) -> [UInt8]? {
    let package = InputFile(package)
    let grant = InputFile(grant)
    let files = (package.descriptor, grant.descriptor)
    return withKeys { keys in
      decision { () throws(ErrorClass) in
        let result = try LoadRequest(package: files.0, grant: files.1, isOnTrial: false)
          .perform(keys, context, progress: nil)
        defer { close(result.file) }
        expect(linux_is_sealed(result.file) == 1, "a module leaves unsealed")
        let size = linux_regular_file_size(result.file)
        expect(size == Int64(result.module.size), "a module has another size than is said")
        guard let bytes = readFile(result.file, at: 0, count: Int(size)) else { throw .io }
        return bytes
      }
    }
  }

  /// Checks a file as a worker of the decryptor does.
  static func check(_ bytes: [UInt8], segments: Range<UInt64> = 0..<0) -> Bool {
    let file = InputFile(bytes)
    let descriptor = file.descriptor
    return withKeys { keys in
      decision { () throws(ErrorClass) in
        try FileCheck(descriptor).perform(keys.state, context, segments: segments)
      }
    } != nil
  }

  /// The value, or nil if it is refused; but both decisions (SPEC 15.4) come to the same.
  private static func decision<Value>(_ body: () throws(ErrorClass) -> Value) -> Value? {
    do throws(ErrorClass) {
      return try body()
    } catch {
      expect(error != .internal, "a second decision isn't the first")
      return nil
    }
  }

  /// Everything that a package's payload decrypts to, under a grant for this device.
  static func plaintext(of package: [UInt8], under grant: [UInt8]) -> [UInt8]? {
    let file = InputFile(package)
    let descriptor = file.descriptor
    guard
      let front = attempt({ () throws(FormatError) in try PackageFront(package) }),
      let manifest = attempt({ () throws(FormatError) in try Manifest(parsing: front.object.payload) }),
      let terms = attempt({ () throws(FormatError) in try GrantFile(grant).verify(with: .fuzzing) })
    else { return nil }
    return withKeys { keys in
      try? {
        let contentKey = try terms.value.unwrap(with: keys.grantKey)
        var plaintext: [UInt8] = []
        _ = try PackagePayload(file: descriptor, offset: front.payloadOffset, manifest: manifest)
          .decrypt(with: contentKey) { (bytes) throws(ErrorClass) in
            plaintext += bytes.withUnsafeBytes { Array($0) }
          } afterSegment: { _ in
          }
        return plaintext
      }()
    }
  }
}
