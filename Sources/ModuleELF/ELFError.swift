/// Why a file is not a shared object that Husk can work with.
public enum ELFError: Error, Equatable, Sendable {
  /// The file has no bytes.
  case empty
  /// The file doesn't begin as an ELF file does.
  case notELF
  /// EI_CLASS is given; only 64-bit objects (2) are read.
  case wrongClass(UInt8)
  /// EI_DATA is given; only little-endian objects (1) are read.
  case wrongEndianness(UInt8)
  /// The ELF version is given; there is only version 1.
  case unsupportedVersion(UInt32)
  /// EI_OSABI is given; Linux's loader takes System V (0) and GNU (3).
  case unsupportedABI(UInt8)
  /// A well-begun ELF file of another kind.
  case notSharedObject(ELFKind)
  /// e_machine is given; see ``Machine`` for those known.
  case unsupportedMachine(UInt16)
  /// The file ends before the part does.
  case truncated(ELFPart)
  /// The part contradicts itself or another part.
  case malformed(ELFPart)
  /// The part is larger or more numerous than ``ELFLimits`` allows.
  case limitExceeded(ELFPart)
  /// The ``ByteSource`` failed.
  case unreadable
}

/// What an ELF file is when it is not a shared object.
public enum ELFKind: Equatable, Sendable {
  /// ET_REL: a compiler's output, before linking.
  case relocatable
  /// ET_EXEC, or ET_DYN that the linker made as a position-independent executable.
  case executable
  /// ET_CORE: a memory dump.
  case core
  /// Another e_type.
  case other(UInt16)
}

/// The parts of a file that an ``ELFError`` can point at.
public enum ELFPart: Equatable, Sendable {
  case header
  case programHeaders
  case segment
  case dynamicTable
  case dynamicStrings
  case sectionHeaders
  case section
  case symbolTable
  case symbolHash
  case notes
}

/// Bounds on what is read, far beyond what linkers produce.
public enum ELFLimits {
  public static let programHeaders = 64
  public static let dynamicEntries = 4096
  public static let sectionHeaders = 4096
  /// Bytes of a SONAME or a NEEDED name: they are file names (NAME_MAX).
  public static let libraryName = 255
  /// Bytes of an RPATH or RUNPATH.
  public static let searchPath = 4095
  /// Bytes of a symbol or section name. C++ templates make long ones.
  public static let symbolName = 65_535
  /// Bytes of one note segment.
  public static let noteSegment: UInt64 = 65_536
}

#if !hasFeature(Embedded)
  extension ELFError: CustomStringConvertible {
    /// What is wrong, to be read after the file's name and a colon.
    public var description: String {
      switch self {
      case .empty: "the file is empty"
      case .notELF: "not an ELF file"
      case .wrongClass(1): "a 32-bit object; only 64-bit ones are supported"
      case .wrongClass(let value): "unknown ELF class \(value)"
      case .wrongEndianness(2): "a big-endian object; only little-endian ones are supported"
      case .wrongEndianness(let value): "unknown ELF byte order \(value)"
      case .unsupportedVersion(let value): "unknown ELF version \(value)"
      case .unsupportedABI(let value): "made for another operating system (OS/ABI \(value))"
      case .notSharedObject(let kind): "\(kind), not a shared object"
      case .unsupportedMachine(let value): "made for an unsupported processor (e_machine \(value))"
      case .truncated(let part): "the file ends before its \(part) does"
      case .malformed(let part): "its \(part) is malformed"
      case .limitExceeded(let part): "its \(part) exceeds the limits"
      case .unreadable: "the file could not be read"
      }
    }
  }

  extension ELFKind: CustomStringConvertible {
    public var description: String {
      switch self {
      case .relocatable: "a relocatable object file"
      case .executable: "an executable"
      case .core: "a core dump"
      case .other(let type): "an ELF file of type \(type)"
      }
    }
  }

  extension ELFPart: CustomStringConvertible {
    public var description: String {
      switch self {
      case .header: "ELF header"
      case .programHeaders: "program header table"
      case .segment: "segment data"
      case .dynamicTable: "dynamic table"
      case .dynamicStrings: "dynamic string table"
      case .sectionHeaders: "section header table"
      case .section: "section data"
      case .symbolTable: "symbol table"
      case .symbolHash: "symbol hash table"
      case .notes: "note segment"
      }
    }
  }
#endif
