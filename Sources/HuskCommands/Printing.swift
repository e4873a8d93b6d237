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
  return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
