/// Text from outside, made safe to show to people: characters that would disturb a terminal, or make text look like
/// another, appear as `\u{…}`. These are control characters, and those that are invisible or reorder text.
public func visible(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    if isDisturbing(scalar) {
      result += "\\u{\(String(scalar.value, radix: 16))}"
    } else {
      result.unicodeScalars.append(scalar)
    }
  }
  return result
}

/// Whether a text has nothing that ``visible(_:)`` would change.
public func isVisible(_ text: String) -> Bool {
  !text.unicodeScalars.contains(where: isDisturbing)
}

private func isDisturbing(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0..<0x20, 0x7f...0x9f: true
  // Marks, embeddings, overrides and isolates of direction; separators of lines; what has no width.
  case 0x061c, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x2069, 0xfeff: true
  default: false
  }
}
