import CLinux

/// Overwrites memory with zeros, in a way that no optimiser removes.
public func wipe(_ buffer: UnsafeMutableRawBufferPointer) {
  secret_memory_wipe(buffer.baseAddress, buffer.count)
}
