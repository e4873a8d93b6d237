/// The limits of SPEC 11, and those of texts that the grammar sets, in bytes where not said otherwise.
public enum Limits {
  /// Certificates in a chain.
  public static let certificates = 6
  /// Roles in a certificate.
  public static let roles = 16
  public static let roleSize = 32
  public static let nameSize = 128
  public static let subjectSize = 64
  public static let signedManifest = 524_288
  public static let payload: UInt64 = 2_147_483_648
  /// The plaintext of a module.
  public static let sizeBound: UInt64 = 1_073_741_824
  /// Segments in a payload.
  public static let segments = 8192
  public static let grant = 65_536
  public static let identity = 65_536
  public static let chain = 65_536
  public static let statusList = 61_440
  /// Entries of each kind in a status list.
  public static let statusEntries = 256
  /// By how much a status list's number may exceed the one before.
  public static let statusJump: UInt64 = 65_536
  public static let storage = 61_952
  /// The last value of the mock monotonic counter.
  public static let counter: UInt64 = 1_048_576
  /// Records of floors in the mock register.
  public static let floorRecords: UInt64 = 4096
  /// The directory of a grant bundle.
  public static let bundleDirectory = 268_435_456
  public static let bundleParts = 1024
  public static let fuses = 32_768
  public static let handoff = 32_768
  public static let features = 1024
  /// Private writable memory of the decryptor, and of each of its workers.
  public static let decryptorMemory: UInt64 = 67_108_864
  /// Descriptors that the decryptor, and each of its workers, has open.
  public static let decryptorDescriptors: UInt64 = 256
  /// Times and numbers of bytes, epochs, sequences and status lists stay below this, so that they fit signed integers everywhere.
  public static let number: UInt64 = 1 << 63
}
