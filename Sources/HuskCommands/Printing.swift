import CLinux
import FoundationEssentials

/// Prints lines on standard output. What can't be printed, since the reader is gone say, ends the process quietly.
func printLines(_ lines: String...) {
  printLines(lines)
}

func printLines(_ lines: [String]) {
  let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
  if linux_write_all(STDOUT_FILENO, bytes, bytes.count) != 0 { exit(1) }
}

/// Prints a report as JSON: members sorted by name, so that two runs compare.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  printLines(String(decoding: try encoder.encode(value), as: UTF8.self))
}

/// Prints an error: one line each for what happened and what may help.
func printError(_ report: ErrorReport) {
  var text = "husk: error: \(report.message)\n"
  if let hint = report.hint { text += "husk: hint: \(hint)\n" }
  let bytes = Array(text.utf8)
  _ = linux_write_all(STDERR_FILENO, bytes, bytes.count)
}

/// Bytes as lower-case hexadecimal digits.
func hex(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

/// Text from outside, with what would disturb a terminal replaced.
func printable(_ utf8: some Sequence<UInt8>) -> String {
  var text = ""
  for scalar in String(decoding: Array(utf8), as: UTF8.self).unicodeScalars {
    switch scalar.value {
    case 0..<0x20, 0x7f...0x9f, 0x061c, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x2069, 0xfeff: text += "\u{fffd}"
    default: text.unicodeScalars.append(scalar)
    }
  }
  return text
}
