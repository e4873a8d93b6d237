import DeviceSupport
import Foundation
import TestSupport
import Testing

/// A copy of a release folder, used as an integrator would (SPEC 12.1).
@Suite("The release folder", .enabled(if: releasesAvailable, "\(needsReleases)"))
struct ReleaseFolderTests {
  private struct Copy {
    let release: Release
    let folder: URL
    private let scratch: Scratch

    init(of release: Release) throws {
      self.release = release
      scratch = try Scratch()
      // Blanks break what isn't quoted, but make can't have them.
      folder = scratch.directory.appending(path: "husk")
      try require("cp", ["-a", release.folder.path, folder.path])
    }

    func path(_ path: String) -> String { folder.appending(path: path).path }

    func pkgConfig(_ arguments: String..., package: String = "husk") throws -> [String] {
      let outcome = try run(
        "pkg-config", arguments + [package],
        environment: ["PATH": "/usr/bin:/bin", "PKG_CONFIG_PATH": path("lib/pkgconfig")])
      guard outcome.status == 0 else { throw ProgramFailure(description: outcome.stderr) }
      return outcome.stdout.split(whereSeparator: \.isWhitespace).map(String.init)
    }
  }

  /// What the header says: the one place where it stands.
  private func version(_ release: Release) throws -> [String] {
    let header = try String(contentsOf: release.header, encoding: .utf8)
    return header.matches(of: #/(?m)^#define HUSK_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$/#).map { String($0.output.1) }
  }

  @Test("has one version, that of its header", arguments: Release.all)
  func versions(release: Release) throws {
    let copy = try Copy(of: release)
    let parts = try version(release)
    let version = parts.joined(separator: ".")
    #expect(parts.count == 3)
    #expect(try copy.pkgConfig("--modversion") == [version])
    let info = try String(contentsOfFile: copy.path("BUILD-INFO"), encoding: .utf8)
    #expect(info.hasPrefix("Husk \(version) for \(release.architecture)\n"))
    for library in release.sharedLibraries {
      let name = library.lastPathComponent
      func target(_ link: String) throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: copy.path("lib/\(link)"))
      }
      #expect(try target(name) == "\(name).\(parts[0])")
      #expect(try target("\(name).\(parts[0])") == "\(name).\(version)")
      #expect(try Artefact(release, at: library).dynamicEntries().contains("SONAME \(name).\(parts[0])"))
    }
  }

  @Test("exports the functions of its header, in one version, and nothing else", arguments: Release.all)
  func exports(release: Release) throws {
    let header = try String(contentsOf: release.header, encoding: .utf8)
    let declared = header.matches(of: #/(?m)^HUSK_(STORE_)?EXPORT [a-z_ *]*?(husk_[a-z_]+)\(/#).map(\.output)
    let loading = declared.filter { $0.1 == nil }.map { String($0.2) }.sorted()
    let all = declared.map { String($0.2) }.sorted()
    #expect(loading.count >= 10 && all.count > loading.count)
    let major = try version(release)[0]
    for (library, functions) in zip(release.sharedLibraries, [loading, all]) {
      #expect(try Artefact(release, at: library).definedSymbols("-D") == functions.map { "\($0)@@HUSK_\(major)" })
    }
    #expect(try Artefact(release, "lib/libhusk.a").definedSymbols("-g") == all)
  }

  @Test("has digests of all its files", arguments: Release.all)
  func digests(release: Release) throws {
    let outcome = try run("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], directory: release.folder)
    #expect(outcome.status == 0, "\(outcome)")
    let listed = try String(contentsOf: release.folder.appending(path: "SHA256SUMS"), encoding: .utf8)
      .split(separator: "\n").map { String($0.dropFirst(66)) }
    let present = try run("find", [".", "-type", "f", "-printf", "%P\n"], directory: release.folder)
      .stdout.split(separator: "\n").map(String.init)
    #expect(Set(listed) == Set(present).subtracting(["SHA256SUMS"]))
  }

  @Test("is what the tarball holds", arguments: Release.all)
  func tarball(release: Release) throws {
    let scratch = try Scratch()
    let name = "husk-\(try version(release).joined(separator: "."))-\(release.architecture)"
    let tarball = release.folder.deletingLastPathComponent().appending(path: "\(name).tar.gz")
    try require("tar", ["-xzf", tarball.path, "-C", scratch.directory.path])
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.directory.path) == [name])
    try require("diff", ["-r", scratch.directory.appending(path: name).path, release.folder.path])
  }

  @Test("builds the sample firmware with make", arguments: Release.all)
  func make(release: Release) throws {
    let copy = try Copy(of: release)
    try build("make", ["-s", "-C", copy.path("firmware"), "CC=\(release.compiler)"])
    // From the same sources: those that the tests of the firmware and of devices ran.
    #expect(
      try Data(contentsOf: copy.folder.appending(path: "firmware/firmware"))
        == Data(contentsOf: release.samples.appending(path: "firmware")))
  }

  @Test("builds the sample firmware with CMake", arguments: Release.all)
  func cmake(release: Release) throws {
    let copy = try Copy(of: release)
    let configured = try configure(copy.path("firmware"), copy, processor: release.architecture)
    #expect(configured.status == 0, "\(configured)")
    try build("cmake", ["--build", copy.path("build")])
    let outcome = try release.execute(copy.path("build/firmware"))
    #expect(outcome.stderr.hasPrefix("usage: firmware "), "\(outcome)")
    #expect(outcome.status == 2)
  }

  private func configure(_ source: String, _ copy: Copy, processor: String) throws -> Outcome {
    try run(
      "cmake",
      [
        "-S", source, "-B", copy.path("build"), "-DCMAKE_C_COMPILER=\(copy.release.compiler)",
        "-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=\(processor)", "-DCMAKE_PREFIX_PATH=\(copy.folder.path)",
      ], seconds: building)
  }

  @Test("isn't found by a project for another processor, or that asks for another version")
  func unsuitable() throws {
    let copy = try Copy(of: .host)
    let project = copy.folder.appending(path: "project")
    try FileManager.default.createDirectory(at: project, withIntermediateDirectories: false)
    func outcome(_ version: String, processor: String = Release.host.architecture) throws -> Outcome {
      let text = """
        cmake_minimum_required(VERSION 3.16)
        project(integrator C)
        find_package(Husk \(version) REQUIRED)
        file(WRITE ${CMAKE_BINARY_DIR}/main.c "int main(void) { return 0; }")
        add_executable(main ${CMAKE_BINARY_DIR}/main.c)
        target_link_libraries(main PRIVATE Husk::husk_shared)
        """
      try Data(text.utf8).write(to: project.appending(path: "CMakeLists.txt"))
      defer { try? FileManager.default.removeItem(atPath: copy.path("build")) }
      return try configure(project.path, copy, processor: processor)
    }
    let parts = try version(.host).compactMap { Int($0) }
    let fitting = "\(parts[0]).\(parts[1])"
    #expect(try outcome(fitting).status == 0)
    #expect(try outcome("").status == 0)
    #expect(try outcome(fitting, processor: "riscv64").status != 0)
    #expect(try outcome("\(parts[0]).\(parts[1] + 1)").status != 0)
    #expect(try outcome("\(parts[0] + 1).0").status != 0)
  }

  enum Language: String, CaseIterable, Sendable {
    case c = "-x c -std=c11"
    case cxx = "-x c++ -std=c++17"
  }

  @Test(
    "serves programs in C and C++, with the static and the shared library",
    arguments: Release.all, Language.allCases)
  func programs(release: Release, language: Language) throws {
    let copy = try Copy(of: release)
    let parts = try version(release)
    let (version, major) = (parts.joined(separator: "."), parts[0])
    let source = packageRoot.appending(path: "Tests/Programs/hello.c").path
    let static_ = [copy.path("lib/libhusk.a")]
    let variants = [
      (static_, nil), (try copy.pkgConfig("--libs"), "libhusk.so"),
      (try copy.pkgConfig("--libs", package: "husk-store"), "libhusk-store.so"),
    ]
    for (libraries, shared) in variants {
      let program = copy.path("hello")
      try require(
        release.compiler,
        language.rawValue.split(separator: " ").map(String.init)
          + ["-Wall", "-Wextra", "-Werror", "-pedantic", source, "-x", "none", "-o", program]
          + copy.pkgConfig("--cflags") + libraries)
      let outcome = try release.execute(program, environment: ["LD_LIBRARY_PATH": copy.path("lib")])
      #expect(outcome.stdout == "\(version): invalid argument\n", "\(outcome)")
      #expect(outcome.status == 0)
      let needed = try Artefact(release, at: URL(filePath: program)).needed()
      #expect(needed.filter { $0.hasPrefix("libhusk") } == shared.map { ["\($0).\(major)"] } ?? [])
    }
  }
}

/// How long a compiler may take on a machine that has other things to do, in seconds.
let building = 900

/// Runs a tool that calls compilers; it has to succeed.
private func build(_ tool: String, _ arguments: [String]) throws {
  let outcome = try run(tool, arguments, seconds: building)
  guard outcome.status == 0 else { throw ProgramFailure(description: "\(tool) failed: \(outcome.stderr)") }
}
