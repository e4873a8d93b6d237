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

/// Fills in an array of them, whose first one tells the size of all; `count` receives how many there are.
func write<Element: BitwiseCopyable>(
  _ elements: [Element], to first: UnsafeMutablePointer<Element>?, _ capacity: Int,
  _ count: UnsafeMutablePointer<Int>
) throws(ErrorClass) {
  count.pointee = elements.count
  guard elements.count <= capacity else { throw .limitExceeded }
  guard let first else { return }
  var place = UnsafeMutableRawPointer(first)
  let size = place.load(as: Int.self)
  for var element in elements {
    guard loader_write_struct(place, size, &element, MemoryLayout<Element>.size) == 0 else { throw .invalidArgument }
    place += size
  }
}
