import CLoader
import ErrorClass

// Structs of the caller's that are filled in; each begins with its size (SPEC 12.2).

/// Fills in one struct.
///
/// - Parameters:
///   - own: as this version knows it.
///   - place: the caller's; its size is all that may be read of it, since it was perhaps compiled against an older header.
func write(_ own: UnsafeRawPointer, _ size: Int, to place: UnsafeMutableRawPointer) throws(ErrorClass) {
  guard loader_write_struct(place, place.load(as: Int.self), own, size) == 0 else { throw .invalidArgument }
}

/// Fills in an array of them, one after the other. The first one tells the size of all.
struct StructArray {
  private var place: UnsafeMutableRawPointer?
  private let size: Int

  /// - Parameters:
  ///   - count: how many there will be; the caller's `total` receives it.
  /// - Throws: `limitExceeded` if there is no room for them.
  init(
    _ first: UnsafeMutableRawPointer?, _ capacity: Int, count: Int, _ total: UnsafeMutablePointer<Int>
  ) throws(ErrorClass) {
    total.pointee = count
    guard count <= capacity else { throw .limitExceeded }
    place = first
    size = first?.load(as: Int.self) ?? 0
  }

  mutating func append(_ own: UnsafeRawPointer, _ ownSize: Int) throws(ErrorClass) {
    guard let place else { return }
    guard loader_write_struct(place, size, own, ownSize) == 0 else { throw .invalidArgument }
    self.place = place + size
  }
}
