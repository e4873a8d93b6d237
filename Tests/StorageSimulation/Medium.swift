/// What lies on a simulated storage, and what of it is durable: no better than SPEC 7.9 promises.
struct Medium: Sendable {
  typealias Number = Int

  var files: [Number: File] = [:]
  var directories: [Number: Directory] = [root: Directory()]
  private var next = 1

  static let root: Number = 0

  struct File: Sendable {
    /// What survives any power cut.
    private(set) var durable: [UInt8] = []
    /// What whoever reads it sees.
    private(set) var content: [UInt8] = []
    /// What became of the one on its way to the other; a write of many blocks is many changes.
    private(set) var pending: [Change] = []
  }

  enum Change: Sendable {
    case write(Int, ArraySlice<UInt8>)
    case resize(Int)
  }

  /// Names, each with what it led to since the directory was made durable: first what is durable, last what is so now.
  struct Directory: Sendable {
    private(set) var names: [[UInt8]: [Number?]] = [:]
  }

  mutating func makeFile() -> Number {
    defer { next += 1 }
    files[next] = File()
    return next
  }

  mutating func makeDirectory() -> Number {
    defer { next += 1 }
    directories[next] = Directory()
    return next
  }
}

extension Medium.File {
  /// A file with a content that is durable.
  init(_ content: [UInt8]) {
    durable = content
    self.content = content
  }

  /// In bytes, as file systems and flash have them.
  private static let blockSize = 4096

  mutating func write(_ bytes: [UInt8], at offset: Int) {
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, (offset + start) / Self.blockSize * Self.blockSize + Self.blockSize - offset)
      change(.write(offset + start, bytes[start..<end]))
      start = end
    }
  }

  mutating func resize(to size: Int) {
    change(.resize(size))
  }

  mutating func synchronize() {
    durable = content
    pending = []
  }

  private mutating func change(_ change: Medium.Change) {
    change.apply(to: &content)
    pending.append(change)
  }
}

extension Medium.Change {
  func apply(to content: inout [UInt8]) {
    switch self {
    case .write(let offset, let bytes):
      if bytes.isEmpty { return }
      grow(&content, to: offset + bytes.count)
      // Bytes at once: a test build would take them one by one.
      content.withUnsafeMutableBytes { content in
        bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: content[offset...]).copyMemory(from: $0) }
      }
    case .resize(let size):
      grow(&content, to: size)
      content.removeLast(content.count - size)
    }
  }

  /// The first bytes of a write; what isn't a write can't be torn.
  func torn(at count: Int) -> Medium.Change {
    guard case .write(let offset, let bytes) = self else { return self }
    return .write(offset, bytes.prefix(count))
  }

  private func grow(_ content: inout [UInt8], to size: Int) {
    if content.count < size { content += [UInt8](repeating: 0, count: size - content.count) }
  }
}

extension Medium.Directory {
  /// Nil if the name leads nowhere.
  subscript(_ name: [UInt8]) -> Medium.Number? {
    get { names[name]?.last ?? nil }
    set { names[name, default: [nil]].append(newValue) }
  }

  /// What there is now.
  var listed: [[UInt8]] { names.compactMap { $0.value.last.flatMap { $0 } == nil ? nil : $0.key } }

  mutating func synchronize() {
    names = names.compactMapValues { states in states.last.flatMap { $0 }.map { [$0] } }
  }

  /// Leaves of each name one of the states that it had.
  mutating func settle(_ choose: (_ name: [UInt8], _ states: [Medium.Number?]) -> Medium.Number?) {
    for name in names.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      guard let states = names[name] else { continue }
      names[name] = choose(name, states).map { [$0] }
    }
  }
}
