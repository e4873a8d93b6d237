import ErrorClass
import SecureStorage

/// Flash and counter that tests can cut the power of, damage, and put back to an older copy.
final class Platform {
  var files: [[UInt8]] = [[], []]
  var counter: UInt64 = 0
  /// How many operations are left until the power goes; nil for never.
  var power: Int?
  /// Whether a write that the cut hits leaves half of the new bytes.
  var tears = false
  /// Whether a write that the cut hits is whole all the same.
  var failsLate = false
  private(set) var operations = 0
  /// What was ever in the files, the latest last.
  private(set) var history: [[UInt8]] = []
  /// Both files before the latest write.
  private(set) var former: [[UInt8]] = [[], []]

  var medium: Medium { Medium(platform: self) }

  struct Medium: StorageMedium {
    let platform: Platform

    mutating func read(_ file: Int) throws(ErrorClass) -> [UInt8] {
      try platform.use()
      return platform.files[file]
    }

    mutating func write(_ bytes: [UInt8], to file: Int) throws(ErrorClass) {
      do throws(ErrorClass) {
        try platform.use()
      } catch {
        if platform.tears {
          platform.files[file].replaceSubrange(..<min(20_000, platform.files[file].count), with: bytes[..<20_000])
        } else if platform.failsLate {
          platform.replace(file, with: bytes)
        }
        throw error
      }
      platform.replace(file, with: bytes)
    }

    mutating func counter() throws(ErrorClass) -> UInt64 {
      try platform.use()
      return platform.counter
    }

    mutating func increment() throws(ErrorClass) -> UInt64 {
      try platform.use()
      platform.counter += 1
      return platform.counter
    }
  }

  private func replace(_ file: Int, with bytes: [UInt8]) {
    former = files
    files[file] = bytes
    history.append(bytes)
  }

  private func use() throws(ErrorClass) {
    operations += 1
    guard let power else { return }
    guard power > 0 else { throw .io }
    self.power = power - 1
  }
}
