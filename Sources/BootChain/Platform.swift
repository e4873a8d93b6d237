import CLinux
import Cryptography
public import ErrorClass

/// Constants of the mock platform (SPEC 7.3).
public enum Platform {
  /// The user and group id that the decryptor has for its own.
  public static let decryptorUser: UInt32 = 64901
  /// The user and group id of a firmware when the platform says nothing else.
  public static let firmwareUser: UInt32 = 64902

  /// How many seconds later than the bootloader's the hardware's watchdog ends a trial (SPEC 7.11).
  static let watchdogMargin: UInt32 = 5

  /// The descriptors that a stage finds.
  public enum Descriptor {
    /// Bootloader.
    public static let handoff: Int32 = 3
    /// Bootloader.
    public static let flash: Int32 = 4
    /// Bootloader: the monotonic counter.
    public static let counter: Int32 = 5
    /// Bootloader, if there is one.
    public static let service: Int32 = 6
    /// Decryptor: the socket to its secret provider.
    public static let provider: Int32 = 3
    /// Decryptor: the socket to its client, or the one that clients connect to.
    public static let socket: Int32 = 4
    /// Decryptor: the two files of its secure storage (SPEC 7.8), if they could be opened.
    public static let storage: [Int32] = [5, 6]
    /// Fuse provider: the listening socket, from the service manager.
    public static let listener: Int32 = 3
  }
}

/// What every stage does first: no core dump, no inspection, no new code, no configuration file of libcrypto's, and a heap
/// for libcrypto whose pages are protected.
///
/// - Parameter children: whether what this process forks and executes may make no new code either. Not before a firmware,
///   which may be a program that compiles as it runs.
public func startStage(binding children: Bool = false) throws(ErrorClass) {
  guard linux_set_dumpable(0) == 0 else { throw .internal }
  // Where the kernel can.
  _ = linux_refuse_new_code(children ? 1 : 0)
  do throws(CryptographyError) {
    guard try LibraryHeap.current().isProtected else { throw CryptographyError.libraryFailure(.initialization) }
  } catch {
    throw .internal
  }
}
