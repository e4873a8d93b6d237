import CBOR
import ErrorClass

/// How much of a file is needed to have it checked, as far as the bytes that it begins with tell (SPEC 1.2, 4).
enum FileBeginning: Equatable {
  /// This many bytes tell more.
  case unknown(needed: Int)
  /// So many bytes of a package are its signed manifest and what frames it. A small one may end before.
  case package(front: Int)
  /// A grant or a status list, which is needed as a whole.
  case small

  /// - Throws: `malformed` for what is neither, `limitExceeded`.
  init(_ bytes: [UInt8]) throws(ErrorClass) {
    if Self.begins(bytes, with: Self.packageLabel) {
      guard bytes.count >= Self.packagePrefix else {
        self = .unknown(needed: Self.packagePrefix)
        return
      }
      var reader = CBORReader(bytes[Self.packageLabel.count...])
      let count: UInt64
      do throws(CBORError) {
        count = try reader.readBytesHead()
      } catch {
        throw .malformed
      }
      guard count <= Self.mostManifest else { throw .limitExceeded }
      self = .package(front: reader.position + Int(count) + Self.longestHead)
    } else if Self.begins(bytes, with: Self.grantLabel) || Self.begins(bytes, with: Self.statusListLabel) {
      self = bytes.count < Self.grantLabel.count ? .unknown(needed: Self.grantLabel.count) : .small
    } else {
      throw .malformed
    }
  }

  /// The most bytes that a grant or a status list has.
  static let mostSmall = 65_536

  private static let packageLabel: [UInt8] = [
    0xd9, 0xd9, 0xf8, 0xda, 0x48, 0x75, 0x73, 0x50, 0x43, 0x42, 0x4f, 0x52,
  ]
  private static let grantLabel: [UInt8] = [0xd9, 0xd9, 0xf7, 0xda, 0x48, 0x75, 0x73, 0x47]
  private static let statusListLabel: [UInt8] = [0xd9, 0xd9, 0xf7, 0xda, 0x48, 0x75, 0x73, 0x53]
  private static let mostManifest: UInt64 = 524_288
  /// Of a byte string's head.
  private static let longestHead = 9
  private static let packagePrefix = packageLabel.count + longestHead

  /// Whether two sequences are the same as far as both reach.
  private static func begins(_ bytes: [UInt8], with label: [UInt8]) -> Bool {
    bytes.prefix(label.count).elementsEqual(label.prefix(bytes.count))
  }
}
