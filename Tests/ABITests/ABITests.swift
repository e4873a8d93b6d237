import DeviceSupport
import Foundation
import TestSupport
import Testing

/// The interface of libhusk against the description that programs may rely on (SPEC 12.3).
@Suite("The binary interface", .enabled(if: devicesAvailable, "takes root and scripts/build-device.sh"))
struct ABITests {
  private static let file = packageRoot.appending(path: "Tests/ABITests/husk.abi")
  private static let header = packageRoot.appending(path: "Sources/CHusk/include/husk.h")

  /// Compilers for the processors that Husk is made for. One for another processor than this needs no library of it.
  private static let compilers = ["x86_64-linux-gnu-gcc", "aarch64-linux-gnu-gcc"]

  private func committed() throws -> Description {
    try Description(parsing: String(contentsOf: Self.file, encoding: .utf8))
  }

  private func headerText() throws -> String { try String(contentsOf: Self.header, encoding: .utf8) }

  /// What a shared library exports, with the versions.
  private func exports(_ library: URL) throws -> [String: String] {
    let outcome = try run("nm", ["-D", "--defined-only", "--with-symbol-versions", library.path])
    let symbols = outcome.stdout.matches(of: #/(?m)^[0-9a-f]+ [A-Z] (\w+)(?:@@?(\w+))?$/#).compactMap { match in
      match.output.2.map { (String(match.output.1), String($0)) }
    }
    return Dictionary(symbols, uniquingKeysWith: { first, _ in first })
  }

  /// What all shared libraries export: `NAME in LIBRARY`, with the versions.
  private func symbols() throws -> [String: String] {
    try Release.host.sharedLibraries.reduce(into: [:]) { symbols, library in
      for (name, version) in try exports(library) { symbols["\(name) in \(library.lastPathComponent)"] = version }
    }
  }

  private func current(_ compiler: String = compilers[0]) throws -> Description {
    try Description(header: headerText(), compiler: compiler, symbols: symbols())
  }

  @Test("is what its description says, on every processor", arguments: compilers)
  func isDescribed(compiler: String) throws {
    let description = try current(compiler)
    let committed = try committed()
    let violations = description.violations(after: committed)
    #expect(violations.isEmpty, "\(violations.joined(separator: "\n"))")
    if ProcessInfo.processInfo.environment["HUSK_WRITE_ABI"] == "1", violations.isEmpty {
      try Data(description.text.utf8).write(to: Self.file)
    }
    #expect(
      try self.committed() == description,
      "once the version is raised as it must be, write the description: \(Description.writing)")
  }

  @Test("has a symbol for each function that the header declares for a library, and no other, all of one version")
  func symbolsAndFunctions() throws {
    let description = try current()
    let header = try Header(headerText())
    for (library, isComplete) in zip(Release.host.sharedLibraries, [false, true]) {
      let exported = try exports(library)
      let declared = header.functions.map(\.name).filter { isComplete || !header.storeFunctions.contains($0) }
      #expect(exported.keys.sorted() == declared.sorted())
      #expect(Set(exported.values) == ["HUSK_\(description.version.major)"])
    }
  }

  // MARK: - That it would be noticed

  private func mutated(_ edits: [(String, String)], symbols: [String: String]? = nil) throws -> Description {
    var text = try headerText()
    for (old, new) in edits {
      try #require(text.contains(old), "the header doesn't say: \(old)")
      text = text.replacing(old, with: new, maxReplacements: 1)
    }
    return try Description(header: text, compiler: Self.compilers[0], symbols: symbols ?? self.symbols())
  }

  private static let raiseMinor = ("#define HUSK_VERSION_MINOR 4", "#define HUSK_VERSION_MINOR 5")
  private static let raiseMajor = [
    ("#define HUSK_VERSION_MAJOR 0", "#define HUSK_VERSION_MAJOR 1"),
    ("#define HUSK_VERSION_MINOR 4", "#define HUSK_VERSION_MINOR 0"),
  ]

  @Test(
    "may grow in a minor version, and not without one",
    arguments: [
      ("  HUSK_E_CANCELLED = 72, ", "  HUSK_E_CANCELLED = 72, HUSK_E_NEW = 99, "),
      (
        "  uint64_t flags;            /* HUSK_MODULE_ bits; a later minor version may add some */\n",
        "  uint64_t flags;\n  uint64_t more;\n"
      ),
      (
        "HUSK_EXPORT const char *husk_version(void);",
        "HUSK_EXPORT const char *husk_version(void);\ntypedef int husk_new;"
      ),
      ("#define HUSK_INHERITED_SOCKET 3", "#define HUSK_INHERITED_SOCKET 3\n#define HUSK_OTHER_SOCKET 4"),
    ])
  func additions(old: String, new: String) throws {
    let before = try current()
    let violations = try mutated([(old, new)]).violations(after: before)
    #expect(!violations.isEmpty && violations.allSatisfy { $0.hasSuffix("raise HUSK_VERSION_MINOR") }, "\(violations)")
    #expect(try mutated([(old, new), Self.raiseMinor]).violations(after: before) == [])
  }

  @Test(
    "may not change what there was, but in a major version",
    arguments: [
      // A constant has another value.
      ("  HUSK_E_NOT_FOUND = 65,", "  HUSK_E_NOT_FOUND = 165,"),
      ("#define HUSK_INHERITED_SOCKET 3", "#define HUSK_INHERITED_SOCKET 5"),
      // A constant is gone.
      ("  HUSK_E_STATUS_REQUIRED = 30, ", "  "),
      // A member is gone, new in the middle, of another type, or of another name.
      ("  uint64_t epoch;            /* the key epoch of the module */\n", ""),
      ("  const char *allow_soname;\n", "  uint64_t early;\n  const char *allow_soname;\n"),
      ("  int64_t not_before; ", "  uint64_t not_before; "),
      ("  uint64_t module_size; ", "  uint64_t byte_count; "),
      // A function has another type, or a type is another.
      ("int package_fd, int grant_fd,", "int package_fd, long grant_fd,"),
      ("HUSK_EXPORT void husk_unload(", "HUSK_EXPORT int husk_unload("),
      ("typedef int32_t husk_status;", "typedef int64_t husk_status;"),
      ("typedef int (*husk_progress_callback)(void *user,", "typedef int (*husk_progress_callback)(int user,"),
      // A macro is gone.
      ("#define HUSK_MODULE_INFO_INIT ", "#define HUSK_INFO_INIT "),
    ])
  func breaks(old: String, new: String) throws {
    let before = try current()
    for edits in [[(old, new)], [(old, new), Self.raiseMinor]] {
      let violations = try mutated(edits).violations(after: before)
      #expect(violations.contains { $0.hasSuffix("raise HUSK_VERSION_MAJOR") }, "\(violations)")
    }
    #expect(try mutated([(old, new)] + Self.raiseMajor).violations(after: before) == [])
  }

  @Test("may not lose a symbol or give it another version")
  func symbolChanges() throws {
    let before = try current()
    var symbols = try symbols()
    symbols["husk_open in libhusk.so"] = "HUSK_9"
    #expect(try mutated([], symbols: symbols).violations(after: before).count == 1)
    symbols["husk_open in libhusk.so"] = nil
    #expect(try mutated([Self.raiseMinor], symbols: symbols).violations(after: before).count == 1)
  }

  @Test("goes from version to version in steps")
  func steps() throws {
    let before = try current()
    let patch = ("#define HUSK_VERSION_PATCH 0", "#define HUSK_VERSION_PATCH 1")
    #expect(try mutated([patch]).violations(after: before) == [])
    #expect(try before.violations(after: mutated([patch])).count == 1)
    #expect(try mutated([Self.raiseMinor, patch]).violations(after: before).count == 1)
    #expect(try mutated([Self.raiseMajor[0]]).violations(after: before).count == 1)
  }

  @Test("is read as a whole: a declaration that isn't understood is an error")
  func notUnderstood() throws {
    for new in ["extern int husk_global;", "typedef union husk_u { int a; } husk_u;", "enum { HUSK_NEW };"] {
      #expect(throws: Header.NotUnderstood.self) {
        try mutated([("typedef int32_t husk_status;", "typedef int32_t husk_status;\n\(new)")])
      }
    }
  }
}
