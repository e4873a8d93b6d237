public import DeviceStore

/// Where in the flash directory what the boot chain keeps lies (SPEC 7.2, 7.8, 7.11).
public enum BootPath {
  public static let slots = StoragePath("boot")
  /// The folder of the control files.
  public static let control = StoragePath("boot/control")
  /// Where the normal world puts an update.
  public static let staging = StoragePath("update")
  static let storage = StoragePath("storage")

  public static func slot(_ slot: Slot) -> StoragePath {
    slots.appending(slot.name)
  }

  public static func package(_ stage: Stage, in slot: Slot) -> StoragePath {
    self.slot(slot).appending(stage.fileName)
  }

  public static func staged(_ stage: Stage) -> StoragePath {
    staging.appending(stage.fileName)
  }
}
