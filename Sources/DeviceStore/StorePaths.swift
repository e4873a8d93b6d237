/// Where a module store keeps what (SPEC 9.3).
public enum StorePaths {
  public static var modules: StoragePath { "modules" }
  public static var grants: StoragePath { "grants" }
  public static var statusLists: StoragePath { "status" }
  /// Stages that are to be tried (SPEC 7.11).
  public static var staged: StoragePath { "update" }

  /// What the process that has the store open holds.
  static var lock: StoragePath { modules.appending("lock") }

  /// What a file is written to until it is known what it is.
  static var front: StoragePath { modules.appending(".front") }

  @inline(never)
  public static func module(_ name: [UInt8]) -> StoragePath { modules.appending(name) }

  @inline(never)
  public static func package(_ module: [UInt8], _ slot: Slot) -> StoragePath {
    self.module(module).appending(slot == .a ? "0.husk" : "1.husk")
  }

  /// A module's package that is being received.
  @inline(never)
  static func part(of module: [UInt8]) -> StoragePath { self.module(module).appending(partName) }

  static var partName: StaticString { ".part" }

  @inline(never)
  public static func grants(of module: [UInt8]) -> StoragePath { grants.appending(module) }

  @inline(never)
  public static func grant(_ module: [UInt8], epoch: UInt64) -> StoragePath {
    grants(of: module).appending(decimal(epoch) + bytes(".grant"))
  }

  @inline(never)
  public static func statusList(_ scope: [UInt8]) -> StoragePath { statusLists.appending(scope + bytes(".status")) }

  /// The names that stages have in `update`, and in a boot slot.
  static var stages: [[UInt8]] { [bytes("bootloader"), bytes("decryptor"), bytes("firmware")] }

  /// The name of the stage with a role; nil if it isn't one's.
  @inline(never)
  static func stage(role: [UInt8]) -> [UInt8]? {
    if role == bytes("boot.loader") { return stages[0] }
    if role == bytes("boot.decryptor") { return stages[1] }
    return role == bytes("boot.firmware") ? stages[2] : nil
  }

  @inline(never)
  static func staged(_ stage: [UInt8]) -> StoragePath { staged.appending(stage + bytes(".husk")) }

  /// A stage's package that is being received.
  @inline(never)
  static func part(ofStage stage: [UInt8]) -> StoragePath { staged.appending([dot] + stage) }

  /// Whether it may be a module's name: one that stays in the directory it is looked up in (SPEC 1.3).
  @inline(never)
  public static func isName(_ name: [UInt8]) -> Bool {
    guard (3...128).contains(name.count), name.first != dot, name.contains(dot) else { return false }
    return name.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), dot, UInt8(ascii: "-"),
        UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }

  /// The epoch that a grant's file is named after; nil for any other name.
  @inline(never)
  static func epoch(ofGrant name: [UInt8]) -> UInt64? {
    var epoch: UInt64 = 0
    var digits = 0
    for digit in name {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit), digits < 19 else { break }
      epoch = epoch * 10 + UInt64(digit - UInt8(ascii: "0"))
      digits += 1
    }
    return digits > 0 && name == decimal(epoch) + bytes(".grant") ? epoch : nil
  }

  static let dot = UInt8(ascii: ".")

  @inline(never)
  static func bytes(_ text: StaticString) -> [UInt8] { text.withUTF8Buffer { Array($0) } }

  private static func decimal(_ number: UInt64) -> [UInt8] {
    (number < 10 ? [] : decimal(number / 10)) + [UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10)]
  }
}
