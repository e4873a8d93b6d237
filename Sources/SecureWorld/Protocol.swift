/// The protocol between the normal world and the decryptor (SPEC 8).
public enum SecureWorldProtocol {
  public static let version: UInt64 = 1
  /// The most bytes that a message has.
  public static let maximumMessage = 65_536
  /// How long the decryptor works on one request, in milliseconds.
  public static let deadline: Int64 = 30_000
}

/// What can be asked of the decryptor.
public enum Operation: UInt64, Sendable {
  case hello = 0
  case load = 1
  case identity = 2
  case protections = 3
  case statusList = 4
  /// This boot is healthy (SPEC 7.11).
  case confirm = 5
  /// What is staged is to be on trial (SPEC 7.11).
  case tryStaged = 6
  case check = 7

  /// How many descriptors the request carries.
  public var descriptorCount: Int {
    switch self {
    case .hello, .identity, .protections, .confirm, .tryStaged: 0
    case .statusList, .check: 1
    case .load: 2
    }
  }
}
