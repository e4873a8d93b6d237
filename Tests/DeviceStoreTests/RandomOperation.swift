import DeviceStore
import ErrorClass

/// Something that is done with a storage, and what can be told of how it went.
enum RandomOperation {
  case write(StoragePath, at: UInt64, [UInt8])
  case resize(StoragePath, UInt64)
  case read(StoragePath, at: UInt64, Int)
  case rename(StoragePath, StoragePath)
  case remove(StoragePath)
  case makeDirectory(StoragePath)
  case synchronizeDirectory(StoragePath)
  case names(StoragePath)
  case replace(StoragePath, [UInt8])

  init(using generator: inout some RandomNumberGenerator) {
    let places: [StoragePath] = ["a", "b", "c", "a/a", "a/b", "b/a", "b/b", "a/a/a", "a/a/b", "b/b/c"]
    func place() -> StoragePath { places.randomElement(using: &generator) ?? "a" }
    func number() -> UInt64 { [0, 1, 100, 4095, 4096, 9000].randomElement(using: &generator) ?? 0 }
    func bytes() -> [UInt8] {
      testBytes(
        [0, 1, 5, 5000].randomElement(using: &generator) ?? 0, seed: Int.random(in: 0...255, using: &generator))
    }
    self =
      switch Int.random(in: 0..<12, using: &generator) {
      case 0...2: .write(place(), at: number(), bytes())
      case 3: .resize(place(), number())
      case 4: .read(place(), at: number(), Int(number()))
      case 5, 6: .rename(place(), place())
      case 7: .remove(place())
      case 8: .makeDirectory(place())
      case 9: .synchronizeDirectory(place())
      case 10: .names(place())
      default: .replace(place(), bytes())
      }
  }

  func perform(on storage: any Storage) -> Result<[[UInt8]], ErrorClass> {
    do throws(ErrorClass) {
      return .success(try telling(of: storage))
    } catch {
      return .failure(error)
    }
  }

  private func telling(of storage: some Storage) throws(ErrorClass) -> [[UInt8]] {
    switch self {
    case .write(let path, let offset, let bytes):
      let file = try StoredFile(path, .writing, on: storage)
      try file.write(bytes, at: offset)
      try file.synchronize()
      return [[UInt8(truncatingIfNeeded: try file.size())]]
    case .resize(let path, let size):
      try StoredFile(path, .writing, on: storage).resize(to: size)
      return []
    case .read(let path, let offset, let count):
      return [try StoredFile(path, .reading, on: storage).read(at: offset, count: count)]
    case .rename(let path, let target): try storage.rename(path, to: target)
    case .remove(let path): try storage.remove(path)
    case .makeDirectory(let path): try storage.makeDirectory(path)
    case .synchronizeDirectory(let path): try storage.synchronizeDirectory(path)
    case .names(let path): return try storage.names(in: path)
    case .replace(let path, let bytes): try DeviceStoreTests.replace(path, with: bytes, on: storage)
    }
    return []
  }
}
