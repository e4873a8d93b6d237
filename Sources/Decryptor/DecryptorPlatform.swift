import BootChain
import CLinux
import ErrorClass
import HuskFormat
import SecureStorage

/// What the decryptor has of the platform: its secret provider, and the two files of its storage (SPEC 7.6, 7.8).
struct DecryptorPlatform: ~Copyable, StorageMedium {
  var provider: ProviderClient

  /// What is damaged beyond recognition isn't this device's, like what is larger than any storage file.
  mutating func read(_ file: Int) throws(ErrorClass) -> [UInt8] {
    let descriptor = Platform.Descriptor.storage[file]
    let size = linux_regular_file_size(descriptor)
    guard size >= 0 else { throw .io }
    guard size <= Int64(Limits.storage) else { return [] }
    guard let bytes = readFile(descriptor, at: 0, count: Int(size)) else { throw .io }
    return bytes
  }

  mutating func write(_ bytes: [UInt8], to file: Int) throws(ErrorClass) {
    guard linux_replace_durably(Platform.Descriptor.storage[file], bytes, bytes.count) == 0 else { throw .io }
  }

  mutating func counter() throws(ErrorClass) -> UInt64 {
    try provider.counter()
  }

  mutating func increment() throws(ErrorClass) -> UInt64 {
    try provider.incrementCounter()
  }
}
