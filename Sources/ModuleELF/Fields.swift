/// Walks the fields of a fixed-size record, little-endian.
///
/// Callers hand over as many bytes as the record has, so what a file claims can't lead it astray.
struct Fields {
  private let bytes: ArraySlice<UInt8>
  private var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  init(_ bytes: [UInt8]) {
    self.init(bytes[...])
  }

  mutating func next<Value: FixedWidthInteger & UnsignedInteger>() -> Value {
    var value: Value = 0
    for index in 0..<Value.bitWidth / 8 {
      value |= Value(truncatingIfNeeded: bytes[position + index]) << Value(truncatingIfNeeded: 8 * index)
    }
    position += Value.bitWidth / 8
    return value
  }

  mutating func skip(_ count: Int) {
    position += count
  }
}

extension ByteSource {
  /// Reads a range that a file's table names, after checking that the file has it.
  func bytes(at offset: UInt64, count: UInt64, of part: ELFPart) throws(ELFError) -> [UInt8] {
    try check(at: offset, count: count, of: part)
    guard let size = Int(exactly: count) else { throw .limitExceeded(part) }
    if size == 0 { return [] }
    var bytes = [UInt8](repeating: 0, count: size)
    guard bytes.withUnsafeMutableBytes({ read(at: offset, into: $0) }) else { throw .unreadable }
    return bytes
  }

  /// Checks that the file has the range that a table names.
  func check(at offset: UInt64, count: UInt64, of part: ELFPart) throws(ELFError) {
    let (end, overflow) = offset.addingReportingOverflow(count)
    if overflow { throw .malformed(part) }
    if end > self.count { throw .truncated(part) }
  }
}

/// Splits a table into its records.
func records(_ table: [UInt8], size: Int) -> [ArraySlice<UInt8>] {
  stride(from: 0, to: table.count - table.count % size, by: size).map { table[$0..<$0 + size] }
}

/// The zero-terminated string that begins at `index` of a string table.
func string(in table: [UInt8], at index: UInt32, of part: ELFPart) throws(ELFError) -> ArraySlice<UInt8> {
  guard let start = Int(exactly: index), start < table.count else { throw .malformed(part) }
  let longest = table[start..<start + min(table.count - start, ELFLimits.symbolName + 1)]
  guard let end = longest.firstIndex(of: 0) else {
    throw longest.count > ELFLimits.symbolName ? .limitExceeded(part) : .malformed(part)
  }
  return table[start..<end]
}
