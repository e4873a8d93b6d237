/// The dynamic table (gABI, "Dynamic Section"): what the object tells the dynamic linker.
public struct DynamicTable: Equatable, Sendable {
  /// The entries before the terminating DT_NULL.
  public let entries: [DynamicEntry]

  /// The value of the tag, or of its first entry if the tag can have several; nil if there is none.
  public subscript(tag: DynamicTag) -> UInt64? {
    entries.first { $0.tag == tag.rawValue }?.value
  }

  /// The values of all the tag's entries, in order.
  public func all(_ tag: DynamicTag) -> [UInt64] {
    entries.filter { $0.tag == tag.rawValue }.map { $0.value }
  }
}

/// One entry (Elf64_Dyn): a tag, and an address, a size, a number, or a place in the string table.
public struct DynamicEntry: Equatable, Sendable {
  static let size = 16

  public let tag: UInt64
  public let value: UInt64
}

/// The tags that are of use here. All but DT_NEEDED may occur only once.
public enum DynamicTag: UInt64, CaseIterable, Sendable {
  case needed = 1
  case hash = 4
  case stringTable = 5
  case symbolTable = 6
  case stringTableSize = 10
  case symbolEntrySize = 11
  case soname = 14
  case rpath = 15
  case debug = 21
  case textRelocations = 22
  case bindNow = 24
  case initArray = 25
  case initArraySize = 27
  case runpath = 29
  case flags = 30
  case gnuHash = 0x6FFF_FEF5
  case flags1 = 0x6FFF_FFFB
}

/// Bits of DT_FLAGS.
enum DynamicFlags {
  static let textRelocations: UInt64 = 0x4
  static let bindNow: UInt64 = 0x8
}

/// Bits of DT_FLAGS_1.
enum DynamicFlags1 {
  static let now: UInt64 = 0x1
  static let pie: UInt64 = 0x0800_0000
}

extension ELFFile {
  /// The name that the object gives itself (DT_SONAME), at most ``ELFLimits/libraryName`` bytes.
  public func soname() throws(ELFError) -> [UInt8]? {
    try dynamicString(.soname, limit: ELFLimits.libraryName)
  }

  /// The names of the libraries that the object needs (DT_NEEDED), in order.
  public func needed() throws(ELFError) -> [[UInt8]] {
    var names: [[UInt8]] = []
    for index in dynamicTable.all(.needed) {
      names.append(try dynamicString(at: index, limit: ELFLimits.libraryName))
    }
    return names
  }

  /// Where needed libraries are looked for first (DT_RPATH), colon-separated.
  public func rpath() throws(ELFError) -> [UInt8]? {
    try dynamicString(.rpath, limit: ELFLimits.searchPath)
  }

  /// Where needed libraries are looked for (DT_RUNPATH), colon-separated.
  public func runpath() throws(ELFError) -> [UInt8]? {
    try dynamicString(.runpath, limit: ELFLimits.searchPath)
  }

  /// Whether loading has to make code writable (DT_TEXTREL, DF_TEXTREL).
  public var hasTextRelocations: Bool {
    dynamicTable[.textRelocations] != nil || (dynamicTable[.flags] ?? 0) & DynamicFlags.textRelocations != 0
  }

  /// Whether the object asks for all its symbols to be bound at load (DT_BIND_NOW, DF_BIND_NOW, DF_1_NOW).
  public var bindsNow: Bool {
    dynamicTable[.bindNow] != nil || (dynamicTable[.flags] ?? 0) & DynamicFlags.bindNow != 0
      || (dynamicTable[.flags1] ?? 0) & DynamicFlags1.now != 0
  }

  /// Reads the table through its address, as the dynamic linker does.
  static func readDynamicTable(_ source: Source, _ headers: [ProgramHeader]) throws(ELFError) -> DynamicTable {
    var found: ProgramHeader?
    for header in headers where header.type == SegmentType.dynamic {
      if found != nil { throw .malformed(.programHeaders) }
      found = header
    }
    // The offset is redundant; an object in which it disagrees would read differently to other tools.
    guard let segment = found,
      let offset = loadedOffset(of: segment.address, count: segment.fileSize, in: headers),
      offset == segment.offset
    else { throw .malformed(.dynamicTable) }
    let size = UInt64(DynamicEntry.size)
    guard segment.fileSize / size <= ELFLimits.dynamicEntries else { throw .limitExceeded(.dynamicTable) }

    let table = try source.bytes(at: offset, count: segment.fileSize, of: .dynamicTable)
    var entries: [DynamicEntry] = []
    var isTerminated = false
    for record in records(table, size: DynamicEntry.size) {
      var fields = Fields(record)
      let entry = DynamicEntry(tag: fields.next(), value: fields.next())
      isTerminated = entry.tag == 0
      if isTerminated { break }
      entries.append(entry)
    }
    guard isTerminated else { throw .malformed(.dynamicTable) }

    let dynamicTable = DynamicTable(entries: entries)
    for tag in DynamicTag.allCases where tag != .needed && dynamicTable.all(tag).count > 1 {
      throw .malformed(.dynamicTable)
    }
    return dynamicTable
  }

  /// The whole dynamic string table: its place in the file and its size. Nil when the object has none.
  func dynamicStringTable() throws(ELFError) -> (offset: UInt64, size: UInt64)? {
    guard let address = dynamicTable[.stringTable] else { return nil }
    guard let size = dynamicTable[.stringTableSize] else { throw .malformed(.dynamicTable) }
    guard let offset = fileOffset(of: address, count: size) else { throw .malformed(.dynamicStrings) }
    return (offset, size)
  }

  private func dynamicString(_ tag: DynamicTag, limit: Int) throws(ELFError) -> [UInt8]? {
    guard let index = dynamicTable[tag] else { return nil }
    return try dynamicString(at: index, limit: limit)
  }

  /// Reads one string without reading the table, which can be megabytes.
  private func dynamicString(at index: UInt64, limit: Int) throws(ELFError) -> [UInt8] {
    guard let table = try dynamicStringTable(), index < table.size else { throw .malformed(.dynamicStrings) }
    let count = min(table.size - index, UInt64(limit) + 1)
    let bytes = try source.bytes(at: table.offset + index, count: count, of: .dynamicStrings)
    guard let end = bytes.firstIndex(of: 0) else {
      throw bytes.count > limit ? .limitExceeded(.dynamicStrings) : .malformed(.dynamicStrings)
    }
    return [UInt8](bytes[..<end])
  }
}
