import ModuleELF

extension ELFFile {
  /// Whether nothing that is read lies in the pages of code, as far as the object tells: no header, no other segment, and
  /// no table that the dynamic table points to (SPEC 9.2, step 5). What its functions read besides, nobody can tell.
  var hasSeparateCode: Bool {
    let code = loadSegments.filter { $0.isExecutable }
    return code.allSatisfy { text in
      let pages = text.pages
      let others = programHeaders.filter { $0 != text && $0.type != SegmentType.gnuStack && $0.memorySize > 0 }
      return text.offset != 0 && !text.isWritable && !others.contains { $0.pages.overlaps(pages) }
        && !dynamicTable.entries.contains { tablePointers.contains($0.tag) && pages.contains($0.value) }
    }
  }
}

/// Tags of the dynamic table (gABI, "Dynamic Section") whose values are the addresses of tables.
private let tablePointers: Set<UInt64> = [
  4, 5, 6, 7, 17, 23, 25, 26, 0x6FFF_FEF5, 0x6FFF_FFF0, 0x6FFF_FFFC, 0x6FFF_FFFE,
]

extension ProgramHeader {
  /// The addresses of the pages that the segment lies in. An ELF file's segments don't wrap around.
  fileprivate var pages: Range<UInt64> {
    let page = max(alignment, 4096)
    let end = address.addingReportingOverflow(memorySize).partialValue
    let roundedEnd = end.addingReportingOverflow(page - 1).partialValue / page * page
    let start = address / page * page
    return start..<max(start, roundedEnd)
  }
}
