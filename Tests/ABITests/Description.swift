import DeviceSupport
import Foundation

/// What programs are compiled against: the committed file `husk.abi`, or what header and library really are (SPEC 12.3).
struct Description: Equatable {
  var version: Version
  /// What there is, such as `member husk_module_info.flags`, and how it is.
  var entries: [String: String] = [:]

  struct Version: Equatable {
    var major: Int
    var minor: Int
    var patch: Int

    init(_ text: some StringProtocol) throws {
      let parts = text.split(separator: ".").compactMap { Int($0) }
      guard parts.count == 3 else { throw ProgramFailure(description: "no version: \(text)") }
      (major, minor, patch) = (parts[0], parts[1], parts[2])
    }

    var text: String { "\(major).\(minor).\(patch)" }
  }

  /// Parses what ``text`` gives.
  init(parsing text: String) throws {
    var version: Version?
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      if let number = line.wholeMatch(of: #/version (.*)/#)?.output.1 {
        version = try Version(number)
      } else if let match = line.wholeMatch(of: #/(.*?): (.*)/#) {
        entries[String(match.output.1)] = String(match.output.2)
      } else {
        throw ProgramFailure(description: "not a line of a description: \(line)")
      }
    }
    guard let version else { throw ProgramFailure(description: "a description without a version") }
    self.version = version
  }

  /// Asks a compiler for the places, sizes and numbers of what a header declares.
  ///
  /// - Parameters:
  ///   - header: the header's text.
  ///   - compiler: gcc for some processor; nothing is run that it makes.
  ///   - symbols: what the library exports: names and versions.
  init(header text: String, compiler: String, symbols: [String: String]) throws {
    let header = try Header(text)
    version = try Version(header.version)
    for (name, version) in symbols { entries["symbol \(name)"] = version }
    for function in header.functions { entries["function \(function.name)"] = function.type }
    for type in header.types { entries["type \(type.name)"] = type.type }
    for macro in header.macros { entries["macro \(macro)"] = "defined" }
    let numbers = try Self.ask(compiler, text, header)
    func number(_ question: String) throws -> Int {
      guard let number = numbers[question] else { throw ProgramFailure(description: "no answer for \(question)") }
      return number
    }
    for name in header.constants { entries["constant \(name)"] = "\(try number(name))" }
    for item in header.structs {
      var end = 0
      for member in item.members {
        let place = "\(item.name).\(member.name)"
        let (offset, size) = try (number("\(place) at"), number("\(place) size"))
        // A hole would be a member that nobody may use, and could be one that was overlooked.
        guard offset == end else { throw ProgramFailure(description: "a hole before \(place)") }
        end = offset + size
        entries["member \(place)"] = "at \(offset), \(size) bytes, \(member.type)"
      }
      let size = try number("\(item.name) size")
      guard size == end else { throw ProgramFailure(description: "a hole at the end of \(item.name)") }
      let isSized = item.members.first.map { $0.name == "size" && $0.type == "size_t" } ?? false
      entries["struct \(item.name)"] = "\(size) bytes, \(isSized ? "begins with its size" : "of fixed size")"
    }
  }

  var text: String {
    let lines = entries.map { "\($0.key): \($0.value)" }.sorted()
    return """
      # What programs are compiled against (SPEC 12.3). Written by:
      #   \(Self.writing)
      version \(version.text)
      \(lines.joined(separator: "\n"))

      """
  }

  /// How to write the file anew.
  static let writing = "HUSK_WRITE_ABI=1 swift test --filter ABITests"
}

extension Description {
  /// Compiles questions about a header and reads the answers in the assembly, so that they needn't be run.
  private static func ask(_ compiler: String, _ text: String, _ header: Header) throws -> [String: Int] {
    var questions = header.constants.map { ($0, $0) }
    for item in header.structs {
      questions.append(("\(item.name) size", "sizeof(\(item.name))"))
      for member in item.members {
        questions.append(("\(item.name).\(member.name) at", "offsetof(\(item.name), \(member.name))"))
        questions.append(("\(item.name).\(member.name) size", "sizeof(((\(item.name) *)0)->\(member.name))"))
      }
    }
    let functions = header.functions.enumerated().map { index, function in
      let type = function.type.replacing(" (", with: " (*function_\(index))(", maxReplacements: 1)
      return "\(type) = \(function.name);"
    }
    let source = """
      #include "husk.h"
      \(functions.joined(separator: "\n"))
      void answer(void) {
      \(questions.map { "  __asm__(\"\\n@@ \($0.0) = %c0\" : : \"i\"((long long)(\($0.1))));" }.joined(separator: "\n"))
      }
      """
    let scratch = try Scratch()
    let folder = scratch.directory
    try Data(text.utf8).write(to: folder.appending(path: "husk.h"))
    try Data(source.utf8).write(to: folder.appending(path: "questions.c"))
    let outcome = try run(
      compiler,
      [
        "-std=c11", "-ffreestanding", "-Wall", "-Wextra", "-Werror", "-S", "-o", "-", "-I", folder.path,
        folder.appending(path: "questions.c").path,
      ])
    guard outcome.status == 0 else { throw ProgramFailure(description: "\(compiler): \(outcome.stderr)") }
    return Dictionary(
      outcome.stdout.matches(of: #/@@ (.*) = (-?[0-9]+)/#).compactMap { match in
        Int(match.output.2).map { (String(match.output.1), $0) }
      }, uniquingKeysWith: { first, _ in first })
  }
}
