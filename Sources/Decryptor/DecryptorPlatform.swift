import BootChain
import DeviceStore
import ErrorClass
import HuskFormat
import SecureStorage

/// What the decryptor has of the platform: its secret provider, and the two files of its storage (SPEC 7.6, 7.8).
struct DecryptorPlatform: ~Copyable, StorageMedium {
  var provider: ProviderClient

  /// The files were opened elsewhere.
  private let disk = POSIXStorage(root: -1)

  init(provider: consuming ProviderClient) {
    self.provider = provider
  }

  /// What is damaged beyond recognition isn't this device's, like what is larger than any storage file.
  mutating func read(_ file: Int) throws(ErrorClass) -> [UInt8] {
    do throws(ErrorClass) {
      let handle = Platform.Descriptor.storage[file]
      let size = try disk.size(of: handle)
      return size <= UInt64(Limits.storage) ? try disk.read(handle, at: 0, count: Int(size)) : []
    } catch {
      throw .io
    }
  }

  mutating func write(_ bytes: [UInt8], to file: Int) throws(ErrorClass) {
    do throws(ErrorClass) {
      let handle = Platform.Descriptor.storage[file]
      try disk.write(bytes.span.bytes, to: handle, at: 0)
      try disk.resize(handle, to: UInt64(bytes.count))
      try disk.synchronize(handle)
    } catch {
      throw .io
    }
  }

  mutating func counter() throws(ErrorClass) -> UInt64 {
    try provider.counter()
  }

  mutating func increment() throws(ErrorClass) -> UInt64 {
    try provider.incrementCounter()
  }
}
