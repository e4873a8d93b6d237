/// A 64-bit little-endian ELF shared object (System V gABI, "Object Files"), read from untrusted bytes.
///
/// Creating one checks the header, the program headers and the dynamic table; what the other functions read is
/// checked as it is read. Tables that lie about their place, size or content are errors, never traps. What the
/// dynamic linker would find through the segments is found through the segments here too, so that both see the
/// same names; the section headers, which the dynamic linker ignores, are read only where they are asked for.
public struct ELFFile<Source: ByteSource> {
  /// The bytes that the file is read from.
  public let source: Source
  /// The processor that the object is made for.
  public let machine: Machine
  /// All program headers, in file order.
  public let programHeaders: [ProgramHeader]
  /// The dynamic table that the dynamic linker uses.
  public let dynamicTable: DynamicTable

  let header: ELFHeader

  /// Reads and checks the header, the program headers and the dynamic table.
  ///
  /// - Throws: an ``ELFError`` that names what the file is, if it is not a shared object, or what is wrong in it.
  public init(_ source: Source) throws(ELFError) {
    self.source = source
    header = try ELFHeader(source)
    machine = header.machine
    programHeaders = try Self.readProgramHeaders(source, header)
    dynamicTable = try Self.readDynamicTable(source, programHeaders)
    if isExecutable { throw .notSharedObject(.executable) }
  }

  /// Whether the linker made a position-independent executable, which dlopen refuses, and which only its flags
  /// tell from a shared object.
  private var isExecutable: Bool {
    if (dynamicTable[.flags1] ?? 0) & DynamicFlags1.pie != 0 { return true }
    // Linkers of before that flag. An interpreter alone isn't proof: libc.so.6 can be run and has one.
    return dynamicTable[.debug] != nil && dynamicTable[.soname] == nil
      && programHeaders.contains { $0.type == SegmentType.interpreter }
  }
}

extension ELFFile: Sendable where Source: Sendable {}
