import Foundation

/// A test vector (SPEC 13.3), as far as seeds are made of it.
struct VectorFile {
  /// Of the object: `grant`, for example.
  let kind: String
  let object: [UInt8]
  private let headers: [(name: String, value: String)]

  init(_ text: String) throws {
    let parts = text.split(separator: "\n\n", maxSplits: 1, omittingEmptySubsequences: false)
    headers = parts[0].split(separator: "\n").compactMap { line in
      let words = line.split(separator: ": ", maxSplits: 1)
      return words.count == 2 ? (String(words[0]), String(words[1])) : nil
    }
    let lines = parts.dropFirst().first?.split(separator: "\n") ?? []
    guard let kind = headers.first(where: { $0.name == "object" })?.value,
      let data = Data(base64Encoded: lines.joined())
    else { throw CocoaError(.fileReadCorruptFile) }
    self.kind = kind
    object = [UInt8](data)
  }

  /// What headers of a name hold in base64.
  func base64(_ name: String) -> [[UInt8]] {
    headers.filter { $0.name == name }.compactMap { Data(base64Encoded: $0.value) }.map { [UInt8]($0) }
  }
}

extension FuzzTarget {
  /// Writes the seeds that come of all vectors in a directory, each once.
  func writeSeeds(of vectors: String, to directory: String) throws {
    var seeds: Set<[UInt8]> = []
    for path in try FileManager.default.subpathsOfDirectory(atPath: vectors) where path.hasSuffix(".txt") {
      let text = try String(contentsOfFile: "\(vectors)/\(path)", encoding: .utf8)
      seeds.formUnion(try self.seeds(VectorFile(text)))
    }
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    // In an order of their own, so that the same vectors give the same files.
    for (index, seed) in seeds.sorted(by: isBefore).enumerated() {
      try Data(seed).write(to: URL(filePath: "\(directory)/seed-\(index)"))
    }
  }
}

private func isBefore(_ one: [UInt8], _ other: [UInt8]) -> Bool {
  one.count == other.count ? one.lexicographicallyPrecedes(other) : one.count < other.count
}
