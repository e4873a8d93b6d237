import CLinux
import FoundationEssentials
import HostSupport

/// Prints lines for people on standard output. What can't be printed, since the reader is gone say, ends the process
/// quietly.
func printLines(_ lines: String...) {
  printLines(lines)
}

func printLines(_ lines: [String]) {
  printText(lines.map { visible($0) + "\n" }.joined())
}

private func printText(_ text: String) {
  let bytes = Array(text.utf8)
  if linux_write_all(STDOUT_FILENO, bytes, bytes.count) != 0 { exit(1) }
}

/// Prints a report as JSON: members sorted by name, so that two runs compare.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  printText(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
}

/// Prints fields as one JSON object on one line, in their order.
func printJSONLine(_ fields: [Report.Field]) {
  printText(Report.Value.group(fields).jsonLine + "\n")
}

extension Report.Value {
  /// Compact, and made here: an encoder for each of a million lines would take most of the time.
  fileprivate var jsonLine: String {
    switch self {
    case .text(let text): quoted(text)
    case .number(let number): String(number)
    case .flag(let flag, _): flag ? "true" : "false"
    case .told(let value, _): value.jsonLine
    case .list(let values): "[" + values.map(\.jsonLine).joined(separator: ",") + "]"
    case .group(let fields):
      "{" + fields.map { "\(quoted($0.name)):\($0.value.jsonLine)" }.joined(separator: ",") + "}"
    }
  }
}

/// A string of RFC 8259.
private func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case _ where scalar.value < 0x20:
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}

/// Prints an error: one line each for what happened and what may help.
func printError(_ report: ErrorReport) {
  var text = "husk: error: \(visible(report.message))\n"
  if let hint = report.hint { text += "husk: hint: \(visible(hint))\n" }
  let bytes = Array(text.utf8)
  _ = linux_write_all(STDERR_FILENO, bytes, bytes.count)
}

/// Bytes as lower-case hexadecimal digits.
func hex(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  for byte in bytes {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return String(decoding: text, as: UTF8.self)
}
