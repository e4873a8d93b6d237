// What is needed to read the kernel's plain-text files without `String`.

typealias Text = ArraySlice<UInt8>

extension Text {
  func starts(with word: StaticString) -> Bool {
    word.withUTF8Buffer { starts(with: $0) }
  }

  func `is`(_ word: StaticString) -> Bool {
    count == word.utf8CodeUnitCount && starts(with: word)
  }

  func contains(_ word: StaticString) -> Bool {
    indices.contains { self[$0...].starts(with: word) }
  }

  /// The parts between separators, empty ones left out.
  func parts(separatedBy separator: UInt8) -> [Text] {
    var parts: [Text] = []
    var start = startIndex
    for position in startIndex...endIndex where position == endIndex || self[position] == separator {
      if position > start { parts.append(self[start..<position]) }
      start = position + 1
    }
    return parts
  }

  /// The part behind the last slash.
  var lastComponent: Text {
    self[(lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? startIndex)...]
  }

  /// With `\040` and the like as the bytes that they stand for.
  var unescaped: [UInt8] {
    var bytes: [UInt8] = []
    var position = startIndex
    while position < endIndex {
      if self[position] == UInt8(ascii: "\\"), endIndex - position >= 4,
        let byte = number(self[(position + 1)...(position + 3)], base: 8).flatMap({ UInt8(exactly: $0) })
      {
        bytes.append(byte)
        position += 4
      } else {
        bytes.append(self[position])
        position += 1
      }
    }
    return bytes
  }
}

/// Nil if it isn't a number, or a larger one than fits.
func decimal(_ text: Text) -> UInt64? { number(text, base: 10) }

func hexadecimal(_ text: Text) -> UInt64? { number(text, base: 16) }

private func number(_ text: Text, base: UInt64) -> UInt64? {
  var value: UInt64 = 0
  for character in text {
    let digit: UInt8 =
      switch character {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
      default: 255
      }
    let (shifted, overflow) = value.multipliedReportingOverflow(by: base)
    let (sum, carry) = shifted.addingReportingOverflow(UInt64(digit))
    guard UInt64(digit) < base, !overflow, !carry else { return nil }
    value = sum
  }
  return text.isEmpty ? nil : value
}

/// The digits of a number.
func digits(_ number: UInt32) -> [UInt8] {
  var digits: [UInt8] = []
  var rest = number
  repeat {
    digits.insert(UInt8(ascii: "0") + UInt8(rest % 10), at: 0)
    rest /= 10
  } while rest > 0
  return digits
}
