/// A symbol (Elf64_Sym).
public struct Symbol: Equatable, Sendable {
  static let size = 24

  /// The name, a part of the string table that all symbols of the table share.
  public let name: ArraySlice<UInt8>
  /// The low half of st_info.
  public let type: UInt8
  /// The high half of st_info.
  public let binding: UInt8
  /// The low bits of st_other.
  public let visibility: UInt8
  /// st_shndx.
  public let section: UInt16

  /// Whether this object defines it, rather than needing it.
  public var isDefined: Bool { section != 0 }
  /// STB_LOCAL: a name of this object alone, such as a static function's.
  public var isLocal: Bool { binding == 0 }
  /// STT_FUNC or STT_GNU_IFUNC.
  public var isFunction: Bool { type == 2 || type == 10 }
  /// STT_FILE: the name of a source file.
  public var isFile: Bool { type == 4 }
  /// Whether other objects can find code or data by it: defined, not local, of default or protected visibility.
  /// Absolute symbols (SHN_ABS) aren't counted: they are the names of symbol versions.
  public var isExported: Bool { isDefined && section != 0xFFF1 && !isLocal && (visibility == 0 || visibility == 3) }
}

extension ELFFile {
  /// The symbols of the dynamic linker (DT_SYMTAB), the empty first one included.
  ///
  /// Their number is nowhere written: it follows from the hash tables or, if there are section headers, from the
  /// one for this table, which must not contradict them.
  public func dynamicSymbols() throws(ELFError) -> [Symbol] {
    guard let address = dynamicTable[.symbolTable] else { return [] }
    if let size = dynamicTable[.symbolEntrySize], size != UInt64(Symbol.size) { throw .malformed(.symbolTable) }
    let size = try dynamicSymbolCount(tableAddress: address) * UInt64(Symbol.size)
    guard let offset = fileOffset(of: address, count: size), let strings = try dynamicStringTable() else {
      throw .malformed(.symbolTable)
    }
    return try symbols(
      source.bytes(at: offset, count: size, of: .symbolTable),
      strings: source.bytes(at: strings.offset, count: strings.size, of: .dynamicStrings))
  }

  /// The symbols of debuggers and linkers (.symtab), the empty first one included; nil if they were stripped.
  public func symbolTable() throws(ELFError) -> [Symbol]? {
    let sections = try sections()
    guard let table = sections.first(where: { $0.type == SectionType.symbolTable }) else { return nil }
    guard table.entrySize == UInt64(Symbol.size), table.size % table.entrySize == 0, table.link < sections.count,
      sections[Int(table.link)].type == SectionType.stringTable
    else { throw .malformed(.symbolTable) }
    return try symbols(contents(of: table), strings: contents(of: sections[Int(table.link)]))
  }

  private func symbols(_ table: [UInt8], strings: [UInt8]) throws(ELFError) -> [Symbol] {
    var symbols: [Symbol] = []
    for record in records(table, size: Symbol.size) {
      var fields = Fields(record)
      let nameIndex: UInt32 = fields.next()
      let info: UInt8 = fields.next()
      let other: UInt8 = fields.next()
      symbols.append(
        Symbol(
          name: try string(in: strings, at: nameIndex, of: .symbolTable), type: info & 0xF, binding: info >> 4,
          visibility: other & 0x3, section: fields.next()))
    }
    return symbols
  }

  /// At most 2^32, and so safe to multiply.
  private func dynamicSymbolCount(tableAddress: UInt64) throws(ELFError) -> UInt64 {
    let table = try sections().first { $0.type == SectionType.dynamicSymbols && $0.address == tableAddress }
    let sectionCount = table.map { $0.size / UInt64(Symbol.size) }
    if let address = dynamicTable[.hash] {
      let hashCount = try sysvHashCount(address)
      if let sectionCount, sectionCount != hashCount { throw .malformed(.symbolHash) }
      return hashCount
    }
    guard let address = dynamicTable[.gnuHash] else {
      guard let sectionCount, sectionCount <= UInt64(UInt32.max) else { throw .malformed(.symbolTable) }
      return sectionCount
    }
    // The GNU table lists exported symbols only; after it has been emptied, needed ones are beyond its end.
    let hashCount = try gnuHashCount(address)
    guard let sectionCount else { return hashCount }
    guard sectionCount >= hashCount, sectionCount <= UInt64(UInt32.max) else { throw .malformed(.symbolHash) }
    return sectionCount
  }

  /// gABI, "Hash Table": the number of chains is the number of symbols.
  private func sysvHashCount(_ address: UInt64) throws(ELFError) -> UInt64 {
    try UInt64(word(at: address, index: 1))
  }

  /// One more than the last symbol of the last chain; chains are in the order of their buckets.
  private func gnuHashCount(_ address: UInt64) throws(ELFError) -> UInt64 {
    let bucketCount = try UInt64(word(at: address, index: 0))
    let firstSymbol = try UInt64(word(at: address, index: 1))
    let filterSize = try UInt64(word(at: address, index: 2))
    let buckets = 4 + 2 * filterSize  // in words, as are all indexes here
    var last: UInt64 = 0
    for bucket in 0..<bucketCount {
      last = max(last, try UInt64(word(at: address, index: buckets + bucket)))
    }
    if last == 0 { return firstSymbol }
    guard last >= firstSymbol else { throw .malformed(.symbolHash) }
    // The lowest bit marks the end of a chain.
    while try word(at: address, index: buckets + bucketCount + last - firstSymbol) & 1 == 0 { last += 1 }
    guard last < UInt64(UInt32.max) else { throw .malformed(.symbolHash) }
    return last + 1
  }

  /// The word at an index, which is below 2^36, of a loaded table.
  private func word(at address: UInt64, index: UInt64) throws(ELFError) -> UInt32 {
    let (place, overflow) = address.addingReportingOverflow(index * 4)
    guard !overflow, let offset = fileOffset(of: place, count: 4) else { throw .malformed(.symbolHash) }
    var fields = Fields(try source.bytes(at: offset, count: 4, of: .symbolHash))
    return fields.next()
  }
}
