public import HuskFormat

/// The stages of the boot chain that are packages in flash (SPEC 7.2).
public enum Stage: CaseIterable, Equatable, Sendable {
  case bootloader
  case decryptor
  case firmware

  public var name: StaticString {
    switch self {
    case .bootloader: "bootloader"
    case .decryptor: "decryptor"
    case .firmware: "firmware"
    }
  }

  /// Its package's name in a slot, and where an update is staged.
  public var fileName: StaticString {
    switch self {
    case .bootloader: "bootloader.husk"
    case .decryptor: "decryptor.husk"
    case .firmware: "firmware.husk"
    }
  }

  /// The role that its package must be signed under.
  public var role: Role {
    switch self {
    case .bootloader: .bootLoader
    case .decryptor: .bootDecryptor
    case .firmware: .bootFirmware
    }
  }
}
