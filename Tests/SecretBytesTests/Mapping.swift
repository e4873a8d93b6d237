import Foundation

/// What the kernel says of the mapping that holds an address.
struct Mapping {
  var name: Substring?
  /// `dd` is "not in core dumps".
  var flags: Set<Substring> = []

  init?(at address: UInt) throws {
    // A whole-file read takes only the first few pages of a file in /proc.
    let handle = try FileHandle(forReadingFrom: URL(filePath: "/proc/self/smaps"))
    let text = String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self)
    var isInside = false
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard let first = words.first else { continue }
      let range = first.split(separator: "-").compactMap { UInt($0, radix: 16) }
      if range.count == 2 {
        isInside = range[0] <= address && address < range[1]
        name = words.dropFirst(5).first
      }
      if isInside, first == "VmFlags:" {
        flags = Set(words.dropFirst())
        return
      }
    }
    return nil
  }
}
