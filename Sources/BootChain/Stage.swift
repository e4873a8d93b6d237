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

  /// Where it lies, relative to the flash directory.
  public var path: StaticString {
    switch self {
    case .bootloader: "boot/bootloader.husk"
    case .decryptor: "boot/decryptor.husk"
    case .firmware: "boot/firmware.husk"
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
