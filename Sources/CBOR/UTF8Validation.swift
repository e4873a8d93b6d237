/// Well-formed UTF-8: shortest forms only, no surrogates, nothing above U+10FFFF (RFC 3629 §4).
enum UTF8Validation {
  /// The index of the first byte of the first ill-formed sequence; `nil` where all is well-formed.
  static func firstIllFormed<Bytes: Collection<UInt8>>(_ bytes: Bytes) -> Bytes.Index? {
    var index = bytes.startIndex
    while index < bytes.endIndex {
      let start = index
      let lead = bytes[index]
      bytes.formIndex(after: &index)
      guard lead >= 0x80 else { continue }
      guard let (count, second) = continuation(after: lead) else { return start }
      for number in 0..<count {
        guard index < bytes.endIndex, (number == 0 ? second : 0x80...0xbf).contains(bytes[index]) else { return start }
        bytes.formIndex(after: &index)
      }
    }
    return nil
  }

  /// How many bytes follow `lead`, and what the first of them may be: its range is what rules out overlong forms,
  /// surrogates and values that are too great.
  private static func continuation(after lead: UInt8) -> (count: Int, second: ClosedRange<UInt8>)? {
    switch lead {
    case 0xc2...0xdf: (1, 0x80...0xbf)
    case 0xe0: (2, 0xa0...0xbf)
    case 0xed: (2, 0x80...0x9f)
    case 0xe1...0xef: (2, 0x80...0xbf)
    case 0xf0: (3, 0x90...0xbf)
    case 0xf1...0xf3: (3, 0x80...0xbf)
    case 0xf4: (3, 0x80...0x8f)
    default: nil
    }
  }
}
