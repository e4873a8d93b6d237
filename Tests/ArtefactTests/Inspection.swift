import DeviceSupport
import Foundation
import TestSupport

let needsReleases = "takes scripts/build-device.sh x86_64 and aarch64, and the samples for both"

/// A file that ships, or that an integrator makes with what ships.
struct Artefact: Sendable, CustomStringConvertible {
  let release: Release
  let file: URL

  init(_ release: Release, _ path: String) {
    self.release = release
    file = release.folder.appending(path: path)
  }

  init(_ release: Release, sample: String) {
    self.init(release, at: release.samples.appending(path: sample))
  }

  init(_ release: Release, at file: URL) {
    self.release = release
    self.file = file
  }

  /// What the compilers made of a target, before it was linked. Stays where scripts/build-device.sh works.
  init(_ release: Release, object: String) {
    self.release = release
    file = packageRoot.appending(path: ".build-device/\(release.architecture)/\(object).o")
  }

  var name: String { file.lastPathComponent }
  var description: String { "\(release.architecture) \(name)" }

  /// Every executable that stands in a release folder, and those that must.
  static let stages = Release.all.flatMap { release in
    let folder = release.folder.appending(path: "stages").path
    let found = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return Set(found + ["bootrom", "bootloader", "decryptor"]).sorted().map { Artefact(release, "stages/\($0)") }
  }
  static let libraries = Release.all.flatMap { release in release.sharedLibraries.map { Artefact(release, at: $0) } }
  static let firmware = Release.all.map { Artefact($0, sample: "firmware") }
  static let modules = Release.all.flatMap { release in
    ["com.example.adpcm.so", "com.example.activity.so"].map { Artefact(release, sample: $0) }
  }
  /// All that a kernel or a dynamic linker maps.
  static let all = stages + libraries + firmware + modules
}

// MARK: - What binutils say of a file

struct ProgramHeader: Equatable {
  let type: String
  let offset: Int
  let flags: String
}

struct Function {
  let name: String
  let calls: Set<String>
}

extension Artefact {
  func programHeaders() throws -> [ProgramHeader] {
    let line = #/ *([A-Z_]+) +0x([0-9a-f]+) (?:0x[0-9a-f]+ +){4}([RWE ]{3}) +0x.*/#
    return try lines("readelf", "-lW").compactMap { text in
      guard let match = text.wholeMatch(of: line) else { return nil }
      return ProgramHeader(
        type: String(match.output.1), offset: Int(match.output.2, radix: 16) ?? -1,
        flags: match.output.3.filter { $0 != " " })
    }
  }

  /// `EXEC` or `DYN`.
  func type() throws -> String {
    let line = try lines("readelf", "-hW").first { $0.contains("Type:") } ?? ""
    return line.split(separator: " ").dropFirst().first.map(String.init) ?? ""
  }

  /// Entries of the dynamic table, such as `NEEDED libc.so.6`.
  func dynamicEntries() throws -> [String] {
    try lines("readelf", "-dW").compactMap { text in
      guard let match = text.wholeMatch(of: #/ 0x[0-9a-f]+ \(([A-Z0-9_]+)\) +(.*)/#) else { return nil }
      let value = match.output.2.firstMatch(of: #/\[(.*)\]/#)?.output.1 ?? match.output.2
      return "\(match.output.1) \(value)"
    }
  }

  func needed() throws -> [String] {
    try dynamicEntries().filter { $0.hasPrefix("NEEDED ") }.map { String($0.dropFirst(7)) }
  }

  /// What all of a file's code is prepared for, such as `BTI`.
  func branchProtections() throws -> Set<String> {
    let found = try lines("readelf", "-nW").compactMap { $0.firstMatch(of: #/feature: (.*)/#)?.output.1 }
    return Set(found.flatMap { $0.split(separator: ", ") }.map(String.init))
  }

  /// Symbols that others see, such as `husk_open@@HUSK_0`.
  func definedSymbols(_ option: String) throws -> [String] {
    try lines("nm", option, "--defined-only", "--with-symbol-versions").compactMap { text in
      let words = text.split(separator: " ")
      guard words.count == 3, words[1] != "A" else { return nil }  // A: a version's own name
      return String(words[2])
    }.sorted()
  }

  /// The functions in an object, and what each calls of others.
  func functions() throws -> [Function] {
    var functions: [Function] = []
    for line in try lines("\(release.architecture)-linux-gnu-objdump", "-dr", "--no-show-raw-insn") {
      if let name = line.wholeMatch(of: #/[0-9a-f]+ <(.*)>:/#)?.output.1 {
        functions.append(Function(name: String(name), calls: []))
      } else if let callee = line.firstMatch(of: #/R_(?:X86_64_P|AARCH64_CALL)\w*\s+(\w+)/#)?.output.1,
        let function = functions.popLast()
      {
        functions.append(Function(name: function.name, calls: function.calls.union([String(callee)])))
      }
    }
    return functions
  }

  private func lines(_ command: String...) throws -> [String] {
    let outcome = try run(command[0], command.dropFirst() + [file.path])
    guard outcome.status == 0 else { throw ProgramFailure(description: "\(command): \(outcome.stderr)") }
    return outcome.stdout.split(separator: "\n").map(String.init)
  }
}

// MARK: - Running

extension Release {
  /// The compiler that makes programs for it.
  var compiler: String { "\(architecture)-linux-gnu-gcc" }

  /// Runs a program that was made for it, in an emulator if it is for another processor.
  func execute(
    _ program: String, _ arguments: [String] = [], environment: [String: String] = [:]
  ) throws -> Outcome {
    if architecture == Release.host.architecture {
      return try run(program, arguments, environment: environment)
    }
    let variables = environment.flatMap { ["-E", "\($0.key)=\($0.value)"] }
    let emulator = ["-L", "/usr/\(architecture)-linux-gnu"] + variables
    return try run("qemu-\(architecture)-static", emulator + [program] + arguments)
  }
}
