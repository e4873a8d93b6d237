import Foundation

/// The declarations of husk.h, as text. Whatever isn't understood is an error: nothing may be overlooked.
struct Header {
  var version = ""
  /// Name and type, such as `husk_close` and `void (husk_device *)`.
  var functions: [Declaration] = []
  /// The names of those that only libhusk-store.so has.
  var storeFunctions: Set<String> = []
  /// Types that have a name, but for structs with members.
  var types: [Declaration] = []
  var structs: [Struct] = []
  /// Names of enumerators and of macros that are numbers.
  var constants: [String] = []
  /// Names of macros that are no numbers, of use to programs: those that don't end in an underscore.
  var macros: [String] = []

  struct Declaration {
    let name: String
    let type: String
  }

  struct Struct {
    let name: String
    let members: [Declaration]
  }

  struct NotUnderstood: Error, CustomStringConvertible {
    let text: String
    var description: String { "a declaration that isn't understood: \(text)" }
  }

  init(_ text: String) throws {
    var code = text.replacing(#/(?s)/\*.*?\*//#, with: " ").replacing("\\\n", with: " ")
    for line in code.split(separator: "\n") where line.hasPrefix("#define HUSK_") { try addMacro(line) }
    code = code.split(separator: "\n").filter { !$0.hasPrefix("#") }.joined(separator: " ")
    guard let language = code.firstRange(of: #"extern "C" {"#), let end = code.lastIndex(of: "}") else {
      throw NotUnderstood(text: #"no extern "C""#)
    }
    for statement in Self.statements(code[language.upperBound..<end]) { try add(statement) }
    version = try ["MAJOR", "MINOR", "PATCH"].map { part in
      guard let match = try Regex("#define HUSK_VERSION_\(part) ([0-9]+)\n").firstMatch(in: text),
        let number = match.output[1].substring
      else { throw NotUnderstood(text: "no HUSK_VERSION_\(part)") }
      return String(number)
    }.joined(separator: ".")
  }

  private mutating func addMacro(_ line: Substring) throws {
    guard let match = line.wholeMatch(of: #/#define (\w+)(\(.*\))?\s*(.*)/#) else {
      throw NotUnderstood(text: "\(line)")
    }
    let name = String(match.output.1)
    // The guard, what stands for an attribute, helpers, and the version, which is told apart.
    if match.output.3.isEmpty || name.hasSuffix("_EXPORT") || name.hasSuffix("_") || name.hasPrefix("HUSK_VERSION") {
      return
    }
    if match.output.2 == nil, match.output.3.contains(#/^[0-9]/#) {
      constants.append(name)
    } else {
      macros.append(name)
    }
  }

  private mutating func add(_ statement: String) throws {
    if let match = statement.wholeMatch(of: #/HUSK_(STORE_)?EXPORT (.+?)(\w+)\((.*)\)/#) {
      let (name, type) = (String(match.output.3), try Self.functionType(match.output.2, match.output.4))
      functions.append(Declaration(name: name, type: type))
      if match.output.1 != nil { storeFunctions.insert(name) }
    } else if let match = statement.wholeMatch(of: #/typedef (.+?)\(\*(\w+)\)\((.*)\)/#) {
      let type = try Self.functionType(match.output.1, match.output.3)
      types.append(Declaration(name: String(match.output.2), type: "pointer to \(type)"))
    } else if let match = statement.wholeMatch(of: #/typedef struct (\w+) \{(.*)\} (\w+)/#) {
      let members = try Self.statements(match.output.2).map { try Self.variable($0) }
      structs.append(Struct(name: String(match.output.1), members: members))
    } else if let match = statement.wholeMatch(of: #/typedef struct (\w+) (\w+)/#) {
      types.append(Declaration(name: String(match.output.2), type: "opaque"))
    } else if let match = statement.wholeMatch(of: #/typedef (\w+) (\w+)/#) {
      types.append(Declaration(name: String(match.output.2), type: String(match.output.1)))
    } else if let match = statement.wholeMatch(of: #/enum \{(.*)\}/#) {
      for enumerator in match.output.1.split(separator: ",") {
        guard let match = enumerator.wholeMatch(of: #/\s*(\w+) = [0-9]+\s*/#) else {
          throw NotUnderstood(text: "\(enumerator)")
        }
        constants.append(String(match.output.1))
      }
    } else {
      throw NotUnderstood(text: statement)
    }
  }

  /// What stands between semicolons that are outside braces, without superfluous blanks.
  private static func statements(_ code: Substring) -> [String] {
    var statements: [String] = []
    var depth = 0
    var current = ""
    for character in code {
      if character == "{" { depth += 1 }
      if character == "}" { depth -= 1 }
      if character == ";", depth == 0 {
        statements.append(current.split(separator: #/\s+/#).joined(separator: " "))
        current = ""
      } else {
        current.append(character)
      }
    }
    return statements
  }

  private static func functionType(_ result: Substring, _ parameters: Substring) throws -> String {
    let types = try parameters.split(separator: ",").map { parameter in
      parameter == "void" ? "void" : try variable(String(parameter)).type
    }
    return "\(result.trimmingCharacters(in: .whitespaces)) (\(types.joined(separator: ", ")))"
  }

  /// A member or parameter: `const char *name`, `uint32_t version[3]`.
  private static func variable(_ text: String) throws -> Declaration {
    guard let match = text.trimmingCharacters(in: .whitespaces).wholeMatch(of: #/(.+?[ *])(\w+)(\[[0-9]+\])?/#) else {
      throw NotUnderstood(text: text)
    }
    let type = match.output.1.trimmingCharacters(in: .whitespaces) + (match.output.3 ?? "")
    return Declaration(name: String(match.output.2), type: type)
  }
}
