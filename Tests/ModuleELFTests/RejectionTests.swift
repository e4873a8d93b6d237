import ModuleELF
import Testing

@Suite("What is not a shared object is told apart")
struct RejectionTests {
  let object: [UInt8]

  init() throws {
    object = try Toolchain.build(Samples.source, Samples.cleanFlags)
  }

  @Test("rejects an empty file, text and what is too short to tell")
  func notELF() {
    #expect(throws: ELFError.empty) { try elf([]) }
    #expect(throws: ELFError.notELF) { try elf(Array("#!/bin/sh\n".utf8)) }
    #expect(throws: ELFError.notELF) { try elf(Array(repeating: 0, count: 4096)) }
    #expect(throws: ELFError.notELF) { try elf([0x7F, 0x45, 0x4C]) }
    #expect(throws: ELFError.truncated(.header)) { try elf([0x7F, 0x45, 0x4C, 0x46]) }
  }

  @Test("rejects another class, byte order, version and operating system")
  func identification() {
    #expect(throws: ELFError.wrongClass(1)) { try elf(object.with(UInt8(1), at: 4)) }
    #expect(throws: ELFError.wrongClass(0)) { try elf(object.with(UInt8(0), at: 4)) }
    #expect(throws: ELFError.wrongEndianness(2)) { try elf(object.with(UInt8(2), at: 5)) }
    #expect(throws: ELFError.unsupportedVersion(0)) { try elf(object.with(UInt8(0), at: 6)) }
    #expect(throws: ELFError.unsupportedVersion(2)) { try elf(object.with(UInt32(2), at: 20)) }
    #expect(throws: ELFError.unsupportedABI(9)) { try elf(object.with(UInt8(9), at: 7)) }
    #expect(throws: Never.self) { try elf(object.with(UInt8(3), at: 7)) }
  }

  @Test("rejects other types of ELF file by name")
  func types() throws {
    #expect(throws: ELFError.notSharedObject(.core)) { try elf(object.with(UInt16(4), at: 16)) }
    #expect(throws: ELFError.notSharedObject(.other(0xFE00))) { try elf(object.with(UInt16(0xFE00), at: 16)) }
    let relocatable = try Toolchain.build(Samples.source, ["-c"])
    #expect(throws: ELFError.notSharedObject(.relocatable)) { try elf(relocatable) }
  }

  @Test(
    "rejects executables, position-independent or not, static or not",
    arguments: ["-pie", "-no-pie", "-static", "-static-pie"])
  func executables(flag: String) throws {
    let executable = try Toolchain.build("int main(void) { return 0; }", [flag])
    #expect(throws: ELFError.notSharedObject(.executable)) { try elf(executable) }
  }

  @Test("recognises a position-independent executable of a linker that didn't flag it")
  func oldExecutable() throws {
    let executable = try Toolchain.build("int main(void) { return 0; }", ["-pie", "-fPIE"])
    let flags = try executable.dynamicEntry(DynamicTag.flags1.rawValue) + 8
    #expect(throws: ELFError.notSharedObject(.executable)) { try elf(executable.with(UInt64(1), at: flags)) }
  }

  @Test("takes a shared object that has an interpreter, as libc does")
  func libraryWithInterpreter() throws {
    let library = try elf(Toolchain.systemLibrary("libc.so.6"))
    #expect(library.programHeaders.contains { $0.type == SegmentType.interpreter })
    #expect(try library.soname() == Array("libc.so.6".utf8))
  }

  @Test("knows two processors and reports the number of another")
  func machines() throws {
    #expect(try elf(object).machine == .x86_64)
    #expect(try elf(object.with(UInt16(183), at: 18)).machine == .aarch64)
    #expect(throws: ELFError.unsupportedMachine(40)) { try elf(object.with(UInt16(40), at: 18)) }
  }

  @Test("says what is wrong in words")
  func descriptions() {
    #expect("\(ELFError.notSharedObject(.relocatable))" == "a relocatable object file, not a shared object")
    #expect("\(ELFError.truncated(.dynamicTable))" == "the file ends before its dynamic table does")
  }
}
