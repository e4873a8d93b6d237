import HuskFormat
public import ModuleELF

/// An ELF executable that may be packed as a boot stage (SPEC 4.3).
public struct StageExecutable: Sendable {
  public let bytes: [UInt8]
  public let machine: Machine

  /// - Parameter mayBeDynamic: whether it may need a dynamic linker: only a firmware may, since all of what the other
  ///   stages run must have been measured.
  /// - Throws: `stage`, `tooLarge`.
  public init(_ bytes: [UInt8], mayBeDynamic: Bool) throws(PackagingError) {
    guard UInt64(bytes.count) <= Limits.payload else { throw .tooLarge }
    do throws(ELFError) {
      _ = try ELFFile(ArraySource(bytes))
    } catch .notSharedObject(.executable) {
      guard let header = Header(bytes) else { throw .stage(.notExecutable(.malformed(.programHeaders))) }
      guard let machine = Machine(rawValue: header.machine) else {
        throw .stage(.notExecutable(.unsupportedMachine(header.machine)))
      }
      if header.hasInterpreter, !mayBeDynamic { throw .stage(.dynamic) }
      self.bytes = bytes
      self.machine = machine
      return
    } catch .notSharedObject(.relocatable) {
      throw .stage(.relocatable)
    } catch {
      throw .stage(.notExecutable(error))
    }
    throw .stage(.sharedObject)
  }

  /// What of the file header (Elf64_Ehdr) and the program headers matters here.
  private struct Header {
    let machine: UInt16
    let hasInterpreter: Bool

    /// Nil if the program headers lie outside the file.
    init?(_ bytes: [UInt8]) {
      let file = bytes.span.bytes
      guard file.byteCount >= 64 else { return nil }
      machine = file.unsafeLoadUnaligned(fromByteOffset: 18, as: UInt16.self)
      let table = file.unsafeLoadUnaligned(fromByteOffset: 32, as: UInt64.self)
      let entrySize = Int(file.unsafeLoadUnaligned(fromByteOffset: 54, as: UInt16.self))
      let count = Int(file.unsafeLoadUnaligned(fromByteOffset: 56, as: UInt16.self))
      guard entrySize == 56, count >= 1, let start = Int(exactly: table), start <= file.byteCount,
        count * entrySize <= file.byteCount - start
      else { return nil }
      let interpreter: UInt32 = 3  // PT_INTERP
      hasInterpreter = (0..<count).contains {
        file.unsafeLoadUnaligned(fromByteOffset: start + $0 * entrySize, as: UInt32.self) == interpreter
      }
    }
  }
}
