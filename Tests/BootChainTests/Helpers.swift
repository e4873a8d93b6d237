import BootChain
import CLinux
import Cryptography
import ErrorClass
import Foundation
import FormatFixtures
import HuskFormat
import SecretBytes

extension BootState {
  /// A secured device that trusts the boot root of the fixtures.
  static func fixture() throws -> BootState {
    BootState(
      bootRoots: .of(.bootRoot), lifecycle: .secured, floors: Floors(loader: 1, decryptor: 2, firmware: 3),
      keyEpoch: 2, time: Moment.present, hasTrustedClock: false, silicon: try IdentityFixture().silicon.encoded())
  }
}

/// The class with which something is refused; nil if it isn't.
func outcome(_ body: () throws(ErrorClass) -> Void) -> ErrorClass? {
  do throws(ErrorClass) {
    try body()
    return nil
  } catch {
    return error
  }
}

/// A folder that is removed with this value.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "husk-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  func path(_ name: String) -> String { url.appending(path: name).path }

  func write(_ bytes: [UInt8], to name: String) throws {
    try Data(bytes).write(to: url.appending(path: name))
  }

  deinit {
    try? FileManager.default.removeItem(at: url)
  }
}

extension SecretBytes {
  var bytes: [UInt8] { withBytes { $0.withUnsafeBytes { Array($0) } } }
}

func sha512(_ bytes: [UInt8]) throws -> [UInt8] {
  try SHA512.hash(bytes.span.bytes)
}
