import Foundation
import ModuleELF
import Testing

@Suite("Reads what readelf reads")
struct AgreementTests {
  static let libraries = [
    "libc.so.6", "libm.so.6", "libz.so.1", "liblz4.so.1", "libsqlite3.so.0", "libcrypto.so.3", "libgcc_s.so.1",
    "libstdc++.so.6",
  ]

  @Test("for system libraries", arguments: libraries)
  func systemLibrary(name: String) throws {
    try compare(Toolchain.systemLibrary(name))
  }

  @Test("for each kind of hash table", arguments: ["sysv", "gnu", "both"])
  func hashStyles(style: String) throws {
    let object = try Toolchain.build(
      "int zero(void); int one(void) { return zero(); } int two(void) { return 2; } int three = 3;",
      ["-shared", "-fPIC", "-Wl,--hash-style=\(style)", "-Wl,-rpath,/opt/x:$ORIGIN"])
    try compare(object)
    // Without section headers, the hash table alone tells how many symbols there are.
    #expect(try elf(object.withoutSections).dynamicSymbols() == elf(object).dynamicSymbols())
  }

  @Test("for an object with every kind of table")
  func rich() throws {
    try compare(Samples.rich())
  }

  @Test("reads the dynamic names without section headers")
  func withoutSections() throws {
    let file = try elf(Samples.rich().withoutSections)
    #expect(try file.sections().isEmpty)
    #expect(try file.symbolTable() == nil)
    #expect(try file.soname().map(text) == "libprobe.so")
    #expect(try file.runpath().map(text) == "/opt/probe")
  }

  private func compare(_ bytes: [UInt8]) throws {
    let file = try elf(bytes)
    let dynamic = try Toolchain.inspect(bytes, "readelf", ["-dW"]).split(separator: "\n")
    func values(_ tag: String) -> [String] {
      dynamic.filter { $0.contains("(\(tag))") }.compactMap { line in
        guard let start = line.firstIndex(of: "["), let end = line.lastIndex(of: "]") else { return nil }
        return String(line[line.index(after: start)..<end])
      }
    }
    #expect(try file.soname().map(text) == values("SONAME").first)
    #expect(try file.needed().map { text($0) } == values("NEEDED"))
    #expect(try file.rpath().map(text) == values("RPATH").first)
    #expect(try file.runpath().map(text) == values("RUNPATH").first)
    // readelf counts the terminating entry.
    #expect(dynamic.contains { $0.contains("contains \(file.dynamicTable.entries.count + 1) entries") })

    let symbols = try Toolchain.inspect(bytes, "readelf", ["-sW"]).split(separator: "\n")
    func count(_ table: String) -> Int? {
      symbols.first { $0.contains("'\(table)'") }?.split(separator: " ").compactMap { Int($0) }.first
    }
    #expect(try file.dynamicSymbols().count == count(".dynsym"))
    #expect(try file.symbolTable()?.count == count(".symtab"))

    let notes = try Toolchain.inspect(bytes, "readelf", ["-nW"])
    let buildID = try file.buildID().map { $0.map { String(format: "%02x", $0) }.joined() }
    #expect(notes.contains("Build ID:") == (buildID != nil))
    if let buildID { #expect(notes.contains("Build ID: \(buildID)")) }
    let protection = try file.controlFlowProtection()
    #expect(notes.contains("IBT") == protection.indirectBranchTracking)
    #expect(notes.contains("SHSTK") == protection.shadowStack)

    let header = try Toolchain.inspect(bytes, "readelf", ["-hW"])
    let sections = try file.sections()
    #expect(header.contains("Number of program headers:         \(file.programHeaders.count)\n"))
    #expect(header.contains("Number of section headers:         \(sections.count)\n"))
  }
}
