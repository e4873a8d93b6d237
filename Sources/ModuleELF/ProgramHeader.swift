/// A segment as the loader sees it (Elf64_Phdr).
public struct ProgramHeader: Equatable, Sendable {
  static let size = 56

  /// p_type; see ``SegmentType``.
  public let type: UInt32
  /// p_flags; see the properties.
  public let flags: UInt32
  /// Place in the file.
  public let offset: UInt64
  /// Place in memory, relative to where the object is loaded.
  public let address: UInt64
  /// Bytes in the file.
  public let fileSize: UInt64
  /// Bytes in memory; those beyond `fileSize` are zero.
  public let memorySize: UInt64
  /// p_align.
  public let alignment: UInt64

  public var isExecutable: Bool { flags & 1 != 0 }
  public var isWritable: Bool { flags & 2 != 0 }

  init(_ record: ArraySlice<UInt8>) {
    var fields = Fields(record)
    type = fields.next()
    flags = fields.next()
    offset = fields.next()
    address = fields.next()
    fields.skip(8)  // physical address
    fileSize = fields.next()
    memorySize = fields.next()
    alignment = fields.next()
  }
}

/// Values of p_type that are of use here.
public enum SegmentType {
  public static let load: UInt32 = 1
  public static let dynamic: UInt32 = 2
  public static let interpreter: UInt32 = 3
  public static let note: UInt32 = 4
  public static let gnuStack: UInt32 = 0x6474_E551
  public static let gnuRelro: UInt32 = 0x6474_E552
}

extension ELFFile {
  /// The segments that are loaded, in ascending order of address and disjoint.
  public var loadSegments: [ProgramHeader] {
    programHeaders.filter { $0.type == SegmentType.load }
  }

  /// Where the `count` bytes that are loaded at `address` lie in the file; nil unless one segment holds them all.
  func fileOffset(of address: UInt64, count: UInt64) -> UInt64? {
    loadedOffset(of: address, count: count, in: programHeaders)
  }

  static func readProgramHeaders(_ source: Source, _ header: ELFHeader) throws(ELFError) -> [ProgramHeader] {
    let size = UInt64(header.programHeaderCount * ProgramHeader.size)
    let table = try source.bytes(at: header.programHeaderOffset, count: size, of: .programHeaders)
    let headers = records(table, size: ProgramHeader.size).map { ProgramHeader($0) }

    // An object whose segments overlapped would read differently to us and to a loader that maps them in turn.
    var end: UInt64?
    for segment in headers where segment.type == SegmentType.load {
      try source.check(at: segment.offset, count: segment.fileSize, of: .segment)
      let (segmentEnd, overflow) = segment.address.addingReportingOverflow(segment.memorySize)
      guard !overflow, segment.fileSize <= segment.memorySize, segment.address >= end ?? 0,
        isAligned(segment)
      else { throw .malformed(.programHeaders) }
      end = segmentEnd
    }
    if end == nil { throw .malformed(.programHeaders) }
    return headers
  }

  /// gABI, "Program Header": zero, or a power of two modulo which address and offset are the same.
  private static func isAligned(_ segment: ProgramHeader) -> Bool {
    if segment.alignment == 0 { return true }
    let mask = segment.alignment - 1
    return segment.alignment & mask == 0 && segment.address & mask == segment.offset & mask
  }
}

func loadedOffset(of address: UInt64, count: UInt64, in headers: [ProgramHeader]) -> UInt64? {
  for segment in headers where segment.type == SegmentType.load && address >= segment.address {
    let start = address - segment.address
    if start <= segment.fileSize, count <= segment.fileSize - start {
      // Can't overflow: the segment was checked to lie within the file.
      return segment.offset + start
    }
  }
  return nil
}
