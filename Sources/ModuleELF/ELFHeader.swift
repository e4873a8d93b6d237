/// The file header (Elf64_Ehdr), checked.
struct ELFHeader: Sendable {
  static let size = 64

  let machine: Machine
  let programHeaderOffset: UInt64
  let programHeaderCount: Int
  /// Zero when there are no section headers.
  let sectionHeaderOffset: UInt64
  let sectionHeaderEntrySize: UInt16
  let sectionHeaderCount: UInt16
  let sectionNamesIndex: UInt16

  init(_ source: some ByteSource) throws(ELFError) {
    if source.count == 0 { throw .empty }
    guard source.count >= 4, try source.bytes(at: 0, count: 4, of: .header) == [0x7F, 0x45, 0x4C, 0x46] else {
      throw .notELF
    }
    var fields = Fields(try source.bytes(at: 0, count: UInt64(Self.size), of: .header))

    fields.skip(4)
    let fileClass: UInt8 = fields.next()
    guard fileClass == 2 else { throw .wrongClass(fileClass) }
    let byteOrder: UInt8 = fields.next()
    guard byteOrder == 1 else { throw .wrongEndianness(byteOrder) }
    let identVersion: UInt8 = fields.next()
    guard identVersion == 1 else { throw .unsupportedVersion(UInt32(identVersion)) }
    let abi: UInt8 = fields.next()
    guard abi == 0 || abi == 3 else { throw .unsupportedABI(abi) }
    fields.skip(8)  // ABI version and padding

    let type: UInt16 = fields.next()
    switch type {
    case 3: break
    case 1: throw .notSharedObject(.relocatable)
    case 2: throw .notSharedObject(.executable)
    case 4: throw .notSharedObject(.core)
    default: throw .notSharedObject(.other(type))
    }
    let machineNumber: UInt16 = fields.next()
    guard let machine = Machine(rawValue: machineNumber) else { throw .unsupportedMachine(machineNumber) }
    self.machine = machine
    let version: UInt32 = fields.next()
    guard version == 1 else { throw .unsupportedVersion(version) }

    fields.skip(8)  // entry point
    programHeaderOffset = fields.next()
    sectionHeaderOffset = fields.next()
    fields.skip(4)  // processor flags: neither processor defines any
    let headerSize: UInt16 = fields.next()
    let programHeaderSize: UInt16 = fields.next()
    guard headerSize == UInt16(Self.size), programHeaderSize == UInt16(ProgramHeader.size) else {
      throw .malformed(.header)
    }
    let programHeaderCount: UInt16 = fields.next()
    guard programHeaderCount > 0 else { throw .malformed(.header) }
    guard programHeaderCount <= ELFLimits.programHeaders else { throw .limitExceeded(.programHeaders) }
    self.programHeaderCount = Int(programHeaderCount)
    sectionHeaderEntrySize = fields.next()
    sectionHeaderCount = fields.next()
    sectionNamesIndex = fields.next()
  }
}
