/// What a key may sign (SPEC 3.1): a short text. Certificates may hold roles that this version doesn't know.
public struct Role: Equatable, Sendable {
  /// ASCII.
  public let bytes: [UInt8]

  public static let bootLoader = Role(literal: "boot.loader")
  public static let bootDecryptor = Role(literal: "boot.decryptor")
  public static let bootFirmware = Role(literal: "boot.firmware")
  public static let module = Role(literal: "module")
  public static let grant = Role(literal: "grant")
  public static let status = Role(literal: "status")
  public static let silicon = Role(literal: "silicon")

  /// The roles that this version knows.
  public static var known: [Role] { [.bootLoader, .bootDecryptor, .bootFirmware, .module, .grant, .status, .silicon] }

  /// Those that a package may have (SPEC 4).
  public static var ofPackages: [Role] { [.bootLoader, .bootDecryptor, .bootFirmware, .module] }

  /// Nil if it is empty or longer than SPEC 3.1 allows, or has a character outside `a`–`z`, `.` and `-`.
  public init?(_ bytes: some Collection<UInt8>) {
    guard (1...Limits.roleSize).contains(bytes.count) else { return nil }
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "."), UInt8(ascii: "-"): continue
      default: return nil
      }
    }
    self.bytes = Array(bytes)
  }

  private init(literal: StaticString) {
    bytes = literal.withUTF8Buffer { Array($0) }
  }
}
