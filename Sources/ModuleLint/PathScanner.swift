/// Picks words out of a module's strings that tell where and from what it was built.
struct PathScanner {
  /// Absolute paths of a build machine, each once, in order of appearance.
  private(set) var buildPaths = UniqueList()
  /// Other names of source files, each once, in order of appearance.
  private(set) var sourceNames = UniqueList()

  /// Shorter runs of printable bytes are more often data than text.
  private static let shortestText = 6

  mutating func scan(_ bytes: [UInt8]) {
    var start = 0
    for end in 0...bytes.count where end == bytes.count || !isPrintable(bytes[end]) {
      if end - start >= Self.shortestText { scan(text: bytes[start..<end]) }
      start = end + 1
    }
  }

  private mutating func scan(text: ArraySlice<UInt8>) {
    var rest = text
    while let start = rest.firstIndex(where: isWordByte) {
      rest = rest[start...]
      let end = endOfWord(rest)
      judge(rest[..<end])
      rest = rest[end...]
    }
  }

  /// A colon belongs to a word only in a drive's name, as in `C:\`.
  private func endOfWord(_ text: ArraySlice<UInt8>) -> Int {
    var end = text.firstIndex { !isWordByte($0) } ?? text.endIndex
    if hasDrive(text) { end = text.dropFirst(2).firstIndex { !isWordByte($0) } ?? text.endIndex }
    return end
  }

  private mutating func judge(_ word: ArraySlice<UInt8>) {
    if hasDrive(word) {
      if word.count > 3 { buildPaths.append(word) }
    } else if word.first == UInt8(ascii: "/") {
      if isSourceFile(word) || buildRoots.contains(where: { word.count > $0.count && word.starts(with: $0) }) {
        buildPaths.append(word)
      }
    } else if isSourceFile(word) {
      sourceNames.append(word)
    }
  }
}

/// Strings without repetitions.
struct UniqueList {
  private(set) var items: [String] = []
  private var seen: Set<String> = []

  mutating func append(_ bytes: ArraySlice<UInt8>) {
    let item = printable(bytes)
    if seen.insert(item).inserted { items.append(item) }
  }
}

/// Where people and build services keep what they build; programs have no reason to name these at run time.
private let buildRoots = [
  "/home/", "/root/", "/Users/", "/build/", "/builds/", "/buildroot/", "/workspace/", "/workspaces/", "/github/",
  "/__w/", "/usr/src/", "/var/lib/jenkins/", "/mnt/",
].map { Array($0.utf8) }

private let sourceExtensions = [
  "c", "cc", "cpp", "cxx", "h", "hh", "hpp", "hxx", "m", "mm", "rs", "swift", "go", "zig", "cu", "asm",
].map { Array($0.utf8) }

/// Whether a word has a source file's extension, after a name of two characters or more.
private func isSourceFile(_ word: ArraySlice<UInt8>) -> Bool {
  guard let dot = word.lastIndex(of: UInt8(ascii: ".")), sourceExtensions.contains(Array(word[(dot + 1)...])) else {
    return false
  }
  return word[..<dot].suffix(2).allSatisfy { isNameByte($0) } && dot - word.startIndex >= 2
}

/// Whether a text begins like `C:\src`.
private func hasDrive(_ text: ArraySlice<UInt8>) -> Bool {
  let head = Array(text.prefix(3))
  return head.count == 3 && isLetter(head[0]) && head[1] == UInt8(ascii: ":") && head[2] == UInt8(ascii: "\\")
}

private func isLetter(_ byte: UInt8) -> Bool {
  (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
}

private func isNameByte(_ byte: UInt8) -> Bool {
  isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
}

private func isWordByte(_ byte: UInt8) -> Bool {
  isNameByte(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\")
    || byte == UInt8(ascii: "@") || byte == UInt8(ascii: "~")
}
