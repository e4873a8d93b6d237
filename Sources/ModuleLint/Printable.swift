/// Text from a module, made safe to print on a terminal: what isn't printable ASCII becomes `\xNN`, and what is
/// longer than a line is cut.
func printable(_ bytes: some Collection<UInt8>) -> String {
  var text = ""
  for byte in bytes.prefix(160) {
    if isPrintable(byte) {
      text.unicodeScalars.append(Unicode.Scalar(byte))
    } else {
      text += "\\x" + hexadecimal([byte])
    }
  }
  return bytes.count > 160 ? text + "..." : text
}

func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

func isPrintable(_ byte: UInt8) -> Bool { (0x20...0x7E).contains(byte) }
