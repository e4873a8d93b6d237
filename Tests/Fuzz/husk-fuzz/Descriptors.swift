import CLinux

/// A new memory file that holds some bytes; the caller closes it.
func makeMemoryFile(_ bytes: [UInt8]) -> Int32 {
  let descriptor = linux_memory_file_module("input")
  expect(
    descriptor >= 0 && linux_pwrite_all(descriptor, bytes, bytes.count, 0) == 0, "there is no memory file to be had")
  return descriptor
}

/// A memory file that holds some bytes: what clients pass to the decryptor.
struct InputFile: ~Copyable {
  let descriptor: Int32

  init(_ bytes: [UInt8]) {
    descriptor = makeMemoryFile(bytes)
  }

  deinit { close(descriptor) }

  /// For who opens files by name.
  var path: String { "/proc/self/fd/\(descriptor)" }
}

/// Two connected ends of a channel.
struct SocketPair: ~Copyable {
  let near: Int32
  let far: Int32

  init() {
    var (near, far): (Int32, Int32) = (-1, -1)
    expect(linux_socket_pair(&near, &far) == 0, "there are no sockets to be had")
    (self.near, self.far) = (near, far)
  }

  deinit {
    close(near)
    close(far)
  }
}
