import DeviceStore
import ErrorClass

/// The class with which something is refused; nil if it isn't.
func refusal(_ body: () throws(ErrorClass) -> Void) -> ErrorClass? {
  do throws(ErrorClass) {
    try body()
    return nil
  } catch {
    return error
  }
}

/// Puts a file there, with all that makes it durable.
func put(_ content: [UInt8], _ path: StoragePath, on storage: some Storage) throws(ErrorClass) {
  let file = try StoredFile(path, .writing, on: storage)
  try file.resize(to: 0)
  try file.write(content, at: 0)
  try file.synchronize()
  try storage.synchronizeDirectory(path.directory)
}

func replace(_ path: StoragePath, with content: [UInt8], on storage: some Storage) throws(ErrorClass) {
  try storage.replace(path) { (file) throws(ErrorClass) in try file.write(content, at: 0) }
}

func content(_ path: StoragePath, on storage: some Storage) throws(ErrorClass) -> [UInt8] {
  try storage.content(of: path, atMost: 1 << 20)
}

/// Bytes that differ from those of other seeds, too.
func testBytes(_ count: Int, seed: Int = 0) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: ($0 &+ seed) &* 167 ^ $0 >> 8 &* 13 ^ seed) }
}
