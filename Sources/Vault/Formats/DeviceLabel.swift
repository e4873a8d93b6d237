import HostSupport

/// Names of batches and tags (SPEC 14.1): people select devices by what they see.
public enum DeviceLabel {
  /// In bytes.
  static let longest = 64

  public static func isAllowed(_ name: String) -> Bool {
    (1...longest).contains(name.utf8.count) && isVisible(name)
  }
}
