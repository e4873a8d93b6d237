/// A section as linkers, debuggers and strip see it (Elf64_Shdr).
public struct SectionHeader: Equatable, Sendable {
  static let size = 64

  public let name: [UInt8]
  /// sh_type; see ``SectionType``.
  public let type: UInt32
  public let flags: UInt64
  public let address: UInt64
  /// Place in the file.
  public let offset: UInt64
  /// Bytes in the file, except for ``SectionType/noBits``, which has none.
  public let size: UInt64
  /// For a symbol table: the index of its string table.
  public let link: UInt32
  public let entrySize: UInt64

  /// SHF_ALLOC: the section is loaded.
  public var isLoaded: Bool { flags & 0x2 != 0 }
  /// SHF_EXECINSTR: the section is code.
  public var isCode: Bool { flags & 0x4 != 0 }
  /// SHF_COMPRESSED: the bytes in the file are compressed.
  public var isCompressed: Bool { flags & 0x800 != 0 }
}

/// Values of sh_type that are of use here.
public enum SectionType {
  public static let progBits: UInt32 = 1
  public static let symbolTable: UInt32 = 2
  public static let stringTable: UInt32 = 3
  public static let noBits: UInt32 = 8
  public static let dynamicSymbols: UInt32 = 11
}

extension ELFFile {
  /// All sections, the empty first one included so that indexes hold; none if the section headers were stripped.
  public func sections() throws(ELFError) -> [SectionHeader] {
    if header.sectionHeaderOffset == 0 { return [] }
    guard header.sectionHeaderEntrySize == UInt16(SectionHeader.size), header.sectionHeaderCount > 0,
      header.sectionNamesIndex < header.sectionHeaderCount
    else { throw .malformed(.sectionHeaders) }
    guard header.sectionHeaderCount <= ELFLimits.sectionHeaders else { throw .limitExceeded(.sectionHeaders) }

    let size = UInt64(header.sectionHeaderCount) * UInt64(SectionHeader.size)
    let table = try source.bytes(at: header.sectionHeaderOffset, count: size, of: .sectionHeaders)
    let all = records(table, size: SectionHeader.size)
    let names = try sectionNames(all[Int(header.sectionNamesIndex)])
    var sections: [SectionHeader] = []
    for record in all {
      let section = try SectionHeader(record, names: names)
      // Type 0 marks an unused header, whose other fields mean nothing.
      if section.type != 0 && section.type != SectionType.noBits {
        try source.check(at: section.offset, count: section.size, of: .section)
      }
      sections.append(section)
    }
    return sections
  }

  /// The bytes of a section; none for one without bytes in the file.
  public func contents(of section: SectionHeader) throws(ELFError) -> [UInt8] {
    if section.type == SectionType.noBits { return [] }
    return try source.bytes(at: section.offset, count: section.size, of: .section)
  }

  /// The string table of the section names. Its own name isn't known yet, so only its place is read.
  private func sectionNames(_ record: ArraySlice<UInt8>) throws(ELFError) -> [UInt8] {
    let section = try SectionHeader(record, names: nil)
    guard section.type == SectionType.stringTable else { throw .malformed(.sectionHeaders) }
    return try contents(of: section)
  }
}

extension SectionHeader {
  fileprivate init(_ record: ArraySlice<UInt8>, names: [UInt8]?) throws(ELFError) {
    var fields = Fields(record)
    let nameIndex: UInt32 = fields.next()
    type = fields.next()
    flags = fields.next()
    address = fields.next()
    offset = fields.next()
    size = fields.next()
    link = fields.next()
    fields.skip(12)  // extra information and alignment
    entrySize = fields.next()
    if let names, type != 0 {
      name = [UInt8](try string(in: names, at: nameIndex, of: .sectionHeaders))
    } else {
      name = []
    }
  }
}
