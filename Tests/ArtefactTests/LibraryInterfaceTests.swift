import DeviceSupport
import Foundation
import TestSupport
import Testing

@Suite("libhusk, from outside", .enabled(if: devicesAvailable, "\(needsArtefacts)"))
struct LibraryInterfaceTests {
  /// The functions that husk.h declares.
  private func declared() throws -> [String] {
    try String(contentsOf: Release.host.header, encoding: .utf8)
      .matches(of: #/(?m)^HUSK_EXPORT [a-z_ *]*?(husk_[a-z_]+)\(/#).map { String($0.output.1) }.sorted()
  }

  @Test("exports the functions of its header and nothing else")
  func exports() throws {
    let functions = try declared()
    #expect(functions.count == 13)
    #expect(try Inspection("libhusk.so").definedSymbols(dynamic: true) == functions)
    #expect(try Inspection("libhusk.a").definedSymbols(dynamic: false) == functions)
  }

  @Test("is a shared object that names its interface, and whose tables nobody can write to")
  func sharedObject() throws {
    let entries = try Inspection("libhusk.so").dynamicEntries()
    #expect(entries.contains("SONAME libhusk.so.0"))
    #expect(entries.contains("FLAGS BIND_NOW"))
    #expect(entries.contains("FLAGS_1 Flags: NOW"))
    #expect(!entries.contains { $0.hasPrefix("TEXTREL") || $0.hasPrefix("RPATH") || $0.hasPrefix("RUNPATH") })
  }

  enum Language: String, CaseIterable, Sendable {
    case c11 = "gcc -x c -std=c11"
    case cxx = "g++ -x c++ -std=c++11"
  }

  @Test("serves C and C++ programs that have its header and one of its files", arguments: Language.allCases)
  func programs(language: Language) throws {
    let scratch = try Scratch()
    let folder = scratch.directory
    for file in ["husk.h", "libhusk.a", "libhusk.so"] {
      try FileManager.default.copyItem(
        at: Release.host.folder.appending(path: file.hasPrefix("lib") ? "lib" : "include").appending(path: file),
        to: folder.appending(path: file))
    }
    try FileManager.default.createSymbolicLink(
      at: folder.appending(path: "libhusk.so.0"), withDestinationURL: URL(filePath: "libhusk.so", relativeTo: folder))
    let compiler = language.rawValue.split(separator: " ").map(String.init)
    for library in ["libhusk.a", "libhusk.so"] {
      let program = folder.appending(path: "hello").path
      try require(
        compiler[0],
        compiler.dropFirst() + [
          "-Wall", "-Wextra", "-pedantic", "-Werror", "-I", folder.path,
          packageRoot.appending(path: "Tests/Programs/hello.c").path, "-x", "none",
          folder.appending(path: library).path, "-o", program,
        ])
      let outcome = try run(program, environment: ["LD_LIBRARY_PATH": folder.path])
      #expect(outcome.stdout == "0.2.0: invalid argument\n", "\(outcome)")
      #expect(outcome.status == 0)
      #expect(
        try Inspection(file: URL(filePath: program)).needed().contains("libhusk.so.0") == (library == "libhusk.so"))
    }
  }
}
