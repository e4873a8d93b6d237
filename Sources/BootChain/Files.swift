import CLinux
public import ErrorClass
public import HuskFormat
import SecretBytes

/// Reads and parses the signed front of a package file.
public func readPackageFront(_ file: Int32, fileSize: UInt64) throws(ErrorClass) -> PackageFront {
  try readPackageFrontBytes(file, fileSize: fileSize).front
}

/// The same, and the bytes that were read to parse it: it ends among them.
public func readPackageFrontBytes(
  _ file: Int32, fileSize: UInt64
) throws(ErrorClass) -> (front: PackageFront, bytes: [UInt8]) {
  try readPackageFront(fileSize: fileSize) { (count) throws(ErrorClass) in
    guard let bytes = readFile(file, at: 0, count: count) else { throw .io }
    return bytes
  }
}

/// The same for a file that is read otherwise.
///
/// - Parameter read: reads so many bytes from the file's beginning.
/// - Returns: the front, and the bytes that were read to parse it: it ends among them.
func readPackageFront(
  fileSize: UInt64, _ read: (Int) throws(ErrorClass) -> [UInt8]
) throws(ErrorClass) -> (front: PackageFront, bytes: [UInt8]) {
  let prefix = try read(Int(clamping: min(fileSize, UInt64(PackageFront.prefixSize))))
  let frontSize: Int
  do throws(FormatError) {
    frontSize = try PackageFront.size(fromPrefix: prefix)
  } catch {
    throw error.errorClass
  }
  let bytes = try read(Int(clamping: min(fileSize, UInt64(frontSize))))
  do throws(FormatError) {
    return (try PackageFront(bytes), bytes)
  } catch {
    throw error.errorClass
  }
}

/// A memory file for an executable image: readable by nobody, so that what runs from it isn't dumpable (SPEC 7.3).
struct MemoryFile: ~Copyable {
  let descriptor: Int32

  init() throws(ErrorClass) {
    descriptor = linux_memory_file_executable("stage")
    // EACCES: memory files that can be executed are forbidden (SPEC 15.5).
    guard descriptor >= 0 else { throw linux_errno() == EACCES ? .internal : .outOfMemory }
  }

  deinit { close(descriptor) }

  borrowing func write(_ bytes: [UInt8], at offset: UInt64) throws(ErrorClass) {
    guard linux_pwrite_all(descriptor, bytes, bytes.count, offset) == 0 else { throw .outOfMemory }
  }

  borrowing func read(at offset: UInt64, count: Int) throws(ErrorClass) -> [UInt8] {
    guard let bytes = readFile(descriptor, at: offset, count: count) else { throw .io }
    return bytes
  }

  borrowing func seal() throws(ErrorClass) {
    guard linux_seal(descriptor) == 0, linux_is_sealed(descriptor) == 1 else { throw .internal }
  }
}

/// Reads exactly `count` bytes of a file at `offset`; nil if they aren't there or can't be read.
public func readFile(_ file: Int32, at offset: UInt64, count: Int) -> [UInt8]? {
  var isComplete = false
  let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
    let read = linux_pread_all(file, buffer.baseAddress, count, offset)
    used = max(read, 0)
    isComplete = read == count
  }
  return isComplete ? bytes : nil
}

/// Reads a secret of `count` bytes straight into protected memory; throws `malformed` if fewer are there.
///
/// - Parameter read: fills the buffer and returns how many bytes it got.
func readSecret(
  count: Int, _ read: (UnsafeMutableRawPointer?, Int) -> Int
) throws(ErrorClass) -> SecretBytes {
  var secret: SecretBytes
  do throws(SecretBytesError) {
    secret = try SecretBytes(count: count)
  } catch {
    throw .outOfMemory
  }
  let got = try secret.withMutableBytes { (bytes) throws(ErrorClass) in read(bytes.baseAddress, bytes.count) }
  guard got == count else { throw .malformed }
  return secret
}
