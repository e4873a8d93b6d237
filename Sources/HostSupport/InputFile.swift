import CLinux
import Glibc
public import SecretBytes

/// An open file to read from; `-` is standard input.
public struct InputFile: ~Copyable {
  public let path: String
  /// For reading only; stays this value's.
  public let descriptor: Int32
  /// In bytes; nil for what isn't a regular file (a pipe, say).
  public let size: UInt64?

  public init(_ path: String) throws(FileError) {
    try self.init(path, 0)
  }

  /// Opens a file that must be a regular one, and waits for nobody; `-` is a file of that name.
  public static func regular(_ path: String) throws(FileError) -> InputFile {
    let file = try InputFile(path == "-" ? "./-" : path, O_NONBLOCK)
    guard file.size != nil else { throw FileError(path, .notRegularFile) }
    return file
  }

  private init(_ path: String, _ flags: Int32) throws(FileError) {
    self.path = path
    if path == "-" {
      descriptor = STDIN_FILENO
    } else {
      // Unlike devices, tools wait for whoever writes to a pipe.
      descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags)
      guard descriptor >= 0 else { throw FileError(path: path, errno: linux_errno()) }
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let code = linux_errno()
      if path != "-" { close(descriptor) }
      throw FileError(path: path, errno: code)
    }
    if isKind(status, S_IFDIR) {
      if path != "-" { close(descriptor) }
      throw FileError(path, .isDirectory)
    }
    size = isKind(status, S_IFREG) ? UInt64(clamping: status.st_size) : nil
  }

  deinit {
    if path != "-" { close(descriptor) }
  }

  /// Reads everything; throws `empty` or `tooLarge` beyond `limit` bytes.
  public borrowing func readAll(atMost limit: Int) throws(FileError) -> [UInt8] {
    if let size, size > UInt64(limit) { throw FileError(path, .tooLarge(limit: limit)) }
    // A pipe's size isn't known, a file's is only a hint: read until the end comes.
    var bytes: [UInt8] = []
    var wanted = Int(clamping: (size ?? 65_535) + 1)
    while true {
      let have = bytes.count
      var failure: Int32 = 0
      let piece = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, used in
        let count = linux_read_all(descriptor, buffer.baseAddress, wanted)
        if count < 0 { failure = linux_errno() }
        used = max(count, 0)
      }
      guard failure == 0 else { throw FileError(path: path, errno: failure) }
      if have == 0 { bytes = piece } else { bytes += piece }
      guard bytes.count <= limit else { throw FileError(path, .tooLarge(limit: limit)) }
      if piece.count < wanted { break }
      wanted = max(65_536, bytes.count)
    }
    guard !bytes.isEmpty else { throw FileError(path, .empty) }
    return bytes
  }

  /// Reads up to `count` bytes from where the file stands; fewer only at its end.
  public borrowing func read(upTo count: Int) throws(FileError) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
      let read = linux_read_all(descriptor, buffer.baseAddress, count)
      if read < 0 { failure = linux_errno() }
      used = max(read, 0)
    }
    guard failure == 0 else { throw FileError(path: path, errno: failure) }
    return bytes
  }

  /// Reads up to `count` bytes of a regular file from `offset` on; fewer only at its end.
  public borrowing func read(at offset: UInt64, upTo count: Int) throws(FileError) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
      let read = linux_pread_all(descriptor, buffer.baseAddress, count, offset)
      if read < 0 { failure = linux_errno() }
      used = max(read, 0)
    }
    guard failure == 0 else { throw FileError(path: path, errno: failure) }
    return bytes
  }

  /// Reads everything into protected memory, past which nothing of it is left.
  public borrowing func readSecret(atMost limit: Int) throws(FileError) -> SecretBytes {
    var failure: FileError?
    var count = 0
    do throws(SecretBytesError) {
      var buffer = try SecretBytes(count: limit + 1)
      count = try buffer.withMutableBytes { (buffer) throws(SecretBytesError) in
        linux_read_all(descriptor, buffer.baseAddress, buffer.count)
      }
      if count < 0 { failure = FileError(path: path, errno: linux_errno()) }
      if count == 0 { failure = FileError(path, .empty) }
      if count > limit { failure = FileError(path, .tooLarge(limit: limit)) }
      if failure == nil {
        return try buffer.withBytes { (bytes) throws(SecretBytesError) in
          try SecretBytes(copying: bytes.extracting(0..<count))
        }
      }
    } catch {
      failure = FileError(path, .system(ENOMEM))
    }
    throw failure ?? FileError(path, .empty)
  }
}

/// Whether a file is of a kind such as S_IFDIR.
func isKind(_ status: stat, _ kind: Int32) -> Bool {
  Int32(bitPattern: status.st_mode) & S_IFMT == kind
}

/// Reads a whole file, or standard input for `-`.
public func readFile(_ path: String, atMost limit: Int) throws(FileError) -> [UInt8] {
  try InputFile(path).readAll(atMost: limit)
}
