import ModuleELF
import Testing

@Suite("Tables that lie are errors")
struct LyingTableTests {
  let object: [UInt8]

  init() throws {
    object = try Samples.rich()
  }

  private func expect(_ error: ELFError, _ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(throws: error, sourceLocation: sourceLocation) { try readEverything(bytes) }
  }

  @Test("of the header")
  func header() {
    expect(.malformed(.header), object.with(UInt16(63), at: 52))
    expect(.malformed(.header), object.with(UInt16(55), at: 54))
    expect(.malformed(.header), object.with(UInt16(0), at: 56))
    expect(.limitExceeded(.programHeaders), object.with(UInt16(65), at: 56))
    expect(.truncated(.programHeaders), object.with(UInt64(object.count - 8), at: 32))
    expect(.malformed(.programHeaders), object.with(UInt64.max - 7, at: 32))
  }

  @Test("of the program headers")
  func segments() throws {
    let load = try object.programHeader(SegmentType.load)
    expect(.truncated(.segment), object.with(UInt64(object.count), at: load + 8))
    expect(.truncated(.segment), object.with(UInt64.max, at: load + 32))
    expect(.malformed(.segment), object.with(UInt64(0x1000), at: load + 8).with(UInt64.max, at: load + 32))
    expect(.malformed(.programHeaders), object.with(UInt64(1), at: load + 40))  // less memory than file
    expect(.malformed(.programHeaders), object.with(UInt64.max - 0xFFF, at: load + 16))  // wraps around
    expect(.malformed(.programHeaders), object.with(UInt64(3), at: load + 48))  // alignment
    expect(.malformed(.programHeaders), object.with(UInt64(1), at: load + 16))  // address against offset
    expect(.malformed(.programHeaders), object.with(UInt64(0x10_0000), at: load + 40))  // reaches into the next
    let dynamic = try object.programHeader(SegmentType.dynamic)
    let note = try object.programHeader(SegmentType.note)
    expect(.malformed(.programHeaders), object.with(SegmentType.dynamic, at: note))  // two of them
    expect(.malformed(.dynamicTable), object.with(UInt32(0), at: dynamic))  // none
  }

  @Test("of the dynamic table")
  func dynamicTable() throws {
    let segment = try object.programHeader(SegmentType.dynamic)
    let offset = object.load(UInt64.self, at: segment + 8)
    expect(.malformed(.dynamicTable), object.with(offset + 16, at: segment + 8))
    expect(.malformed(.dynamicTable), object.with(UInt64.max, at: segment + 16))
    expect(.malformed(.dynamicTable), object.with(UInt64.max, at: segment + 32))
    expect(.malformed(.dynamicTable), object.with(UInt64(0), at: segment + 32))
    // Not terminated within its segment.
    expect(.malformed(.dynamicTable), object.with(UInt64(32), at: segment + 32))
    // The same tag twice: the dynamic linker takes the last, other readers the first.
    let hash = try object.dynamicEntry(DynamicTag.gnuHash.rawValue)
    expect(.malformed(.dynamicTable), object.with(DynamicTag.soname.rawValue, at: hash))
  }

  @Test("of the dynamic strings")
  func dynamicStrings() throws {
    let soname = try object.dynamicEntry(DynamicTag.soname.rawValue) + 8
    let size = try object.dynamicEntry(DynamicTag.stringTableSize.rawValue) + 8
    expect(.malformed(.dynamicStrings), object.with(UInt64.max, at: soname))
    expect(.malformed(.dynamicStrings), object.with(object.load(UInt64.self, at: size), at: soname))
    expect(.malformed(.dynamicStrings), object.with(UInt64.max, at: size))
    let table = try object.dynamicEntry(DynamicTag.stringTable.rawValue) + 8
    expect(.malformed(.dynamicStrings), object.with(UInt64.max - 4, at: table))
    // A table that ends inside the name.
    expect(.malformed(.dynamicStrings), object.with(object.load(UInt64.self, at: soname) + 3, at: size))
  }

  @Test("of the section headers")
  func sections() throws {
    expect(.truncated(.sectionHeaders), object.with(UInt64(object.count), at: 40))
    expect(.malformed(.sectionHeaders), object.with(UInt64.max - 7, at: 40))
    expect(.malformed(.sectionHeaders), object.with(UInt16(0), at: 60))
    expect(.malformed(.sectionHeaders), object.with(UInt16(63), at: 58))
    expect(.malformed(.sectionHeaders), object.with(UInt16(0xFFFF), at: 62))
    expect(.malformed(.sectionHeaders), object.with(UInt16(1), at: 62))  // not a string table
    expect(.limitExceeded(.sectionHeaders), object.with(UInt16(4097), at: 60))
    let section = try object.sectionHeader(SectionType.progBits)
    expect(.truncated(.section), object.with(UInt64(object.count), at: section + 32))
    expect(.malformed(.sectionHeaders), object.with(UInt32.max, at: section))
  }

  @Test("of the symbol tables")
  func symbols() throws {
    let table = try object.sectionHeader(SectionType.symbolTable)
    expect(.malformed(.symbolTable), object.with(UInt64(23), at: table + 56))
    expect(.malformed(.symbolTable), object.with(UInt32(0xFFFF), at: table + 40))
    expect(.malformed(.symbolTable), object.with(UInt64(25), at: table + 32))
    let firstName = Int(object.load(UInt64.self, at: table + 24)) + 24
    expect(.malformed(.symbolTable), object.with(UInt32.max, at: firstName))

    expect(.malformed(.symbolTable), object.with(UInt64(16), at: try object.dynamicEntry(11) + 8))
    let hash = try object.dynamicEntry(DynamicTag.gnuHash.rawValue) + 8
    expect(.malformed(.symbolHash), object.with(UInt64.max, at: hash))
    // In the first segment addresses are offsets. More buckets than the file could hold:
    let hashTable = Int(object.load(UInt64.self, at: hash))
    expect(.malformed(.symbolHash), object.with(UInt32.max, at: hashTable))
    // A first symbol beyond all that are listed:
    expect(.malformed(.symbolHash), object.with(UInt32.max, at: hashTable + 4))
    // Fewer symbols in the section headers than in the hash table:
    let dynamicSymbols = try object.sectionHeader(SectionType.dynamicSymbols)
    expect(.malformed(.symbolHash), object.with(UInt64(24), at: dynamicSymbols + 32))
  }

  @Test("of the notes")
  func notes() throws {
    let segment = try object.programHeader(SegmentType.note)
    let note = Int(object.load(UInt64.self, at: segment + 8))
    expect(.malformed(.notes), object.with(UInt32.max, at: note))
    expect(.malformed(.notes), object.with(UInt32.max, at: note + 4))
    expect(.malformed(.notes), object.with(UInt64(11), at: segment + 32))
    expect(.limitExceeded(.notes), object.with(ELFLimits.noteSegment + 1, at: segment + 32))
    expect(.truncated(.notes), object.with(UInt64(object.count), at: segment + 8))
  }

  @Test("accepts names up to the limit and none longer")
  func nameLimits() throws {
    func named(_ length: Int) throws -> [UInt8] {
      try Toolchain.build(
        Samples.source, Samples.cleanFlags + ["-Wl,-soname," + String(repeating: "n", count: length)])
    }
    #expect(try elf(named(ELFLimits.libraryName)).soname()?.count == ELFLimits.libraryName)
    expect(.limitExceeded(.dynamicStrings), try named(ELFLimits.libraryName + 1))
  }
}

/// Everything that the module can be asked to read.
func readEverything(_ bytes: [UInt8]) throws(ELFError) {
  let file = try elf(bytes)
  _ = try file.soname()
  _ = try file.needed()
  _ = try file.rpath()
  _ = try file.runpath()
  _ = try file.buildID()
  _ = try file.controlFlowProtection()
  _ = try file.dynamicSymbols()
  _ = try file.symbolTable()
  for section in try file.sections() { _ = try file.contents(of: section) }
}
