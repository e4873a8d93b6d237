/// How a vendor stands to a device (SPEC 14.4).
public enum DeviceStatus: Int64, CaseIterable, Sendable {
  case active = 1
  /// For a time.
  case suspended = 2
  /// To come back to the maker.
  case recalled = 3
  /// Came back, and is as good as new.
  case refurbished = 4
  /// Has another owner.
  case resold = 5
  /// For ever.
  case decommissioned = 6

  /// Whether a device in this state may get grants.
  public var allowsGrants: Bool {
    switch self {
    case .active, .refurbished, .resold: true
    case .suspended, .recalled, .decommissioned: false
    }
  }

  /// The word that commands use.
  public var name: String { "\(self)" }
}
