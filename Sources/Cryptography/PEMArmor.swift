import CLibCrypto
import SecretBytes

/// The text form of a binary structure (RFC 7468). Read and written here and not by libcrypto's PEM functions, which
/// leave copies of private keys on the heap.
enum PEMArmor {
  struct Block: ~Copyable {
    /// Which of the labels that were looked for it has.
    let label: Int
    let content: SecretBytes
  }

  /// Decodes the first block that has one of the labels.
  ///
  /// Blocks with other labels and text around blocks are skipped; `.unsupportedKey` if there are only such blocks.
  static func decode(
    _ pem: RawSpan, labels: [StaticString]
  ) throws(CryptographyError) -> Block {
    var position = 0
    var hasOtherBlock = false
    while let line = nextLine(of: pem, at: &position) {
      guard matches(pem, line, ["-----BEGIN "], wholly: false) else { continue }
      for label in labels.indices where matches(pem, line, ["-----BEGIN ", labels[label], "-----"]) {
        return Block(label: label, content: try decodeBody(of: pem, at: &position, endLabel: labels[label]))
      }
      hasOtherBlock = true
    }
    throw hasOtherBlock ? .unsupportedKey : .malformedPEM
  }

  /// Encodes a structure, in lines of 64 characters.
  static func encode(_ content: RawSpan, label: StaticString) throws(CryptographyError) -> SecretBytes {
    let lineCount = (content.byteCount + bytesPerLine - 1) / bytesPerLine
    let bodyCount = (content.byteCount + 2) / 3 * 4 + lineCount
    let header: [StaticString] = ["-----BEGIN ", label, "-----\n"]
    let footer: [StaticString] = ["-----END ", label, "-----\n"]
    let frameCount = (header + footer).reduce(0) { $0 + $1.utf8CodeUnitCount }
    var pem = try makeSecret(count: frameCount + bodyCount)
    try pem.withMutablePointer { pem in
      var end = pem
      append(header, to: &end)
      content.withPointer { content_ in
        for start in stride(from: 0, to: content.byteCount, by: bytesPerLine) {
          let count = min(bytesPerLine, content.byteCount - start)
          // libcrypto ends the line with a zero byte, which becomes the line break.
          end += Int(EVP_EncodeBlock(end, content_ + start, Int32(count)))
          end.pointee = UInt8(ascii: "\n")
          end += 1
        }
      }
      append(footer, to: &end)
    }
    return pem
  }

  /// What 64 characters stand for.
  private static let bytesPerLine = 48

  /// Decodes the lines up to the end of the block.
  private static func decodeBody(
    of pem: RawSpan, at position: inout Int, endLabel: StaticString
  ) throws(CryptographyError) -> SecretBytes {
    var characters = try makeSecret(count: pem.byteCount)
    var count = 0
    var paddingCount = 0
    while let line = nextLine(of: pem, at: &position) {
      if matches(pem, line, ["-----END ", endLabel, "-----"]) {
        return try decodeBase64(characters, count: count, paddingCount: paddingCount)
      }
      try characters.withMutableBytes { (characters) throws(CryptographyError) in
        for offset in line {
          let character = pem[offset]
          let isPadding = character == UInt8(ascii: "=")
          // libcrypto would take white space and dashes for structure of its own.
          guard isPadding || (isBase64(character) && paddingCount == 0) else { throw .malformedPEM }
          if isPadding { paddingCount += 1 }
          characters[count] = character
          count += 1
        }
      }
    }
    throw .malformedPEM
  }

  private static func decodeBase64(
    _ characters: borrowing SecretBytes, count: Int, paddingCount: Int
  ) throws(CryptographyError) -> SecretBytes {
    guard count > 0, count % 4 == 0, paddingCount <= 2, let length = Int32(exactly: count) else { throw .malformedPEM }
    // libcrypto writes zeros for the padding.
    var padded = try makeSecret(count: count / 4 * 3)
    let written = try padded.withMutablePointer { padded in
      characters.withPointer { EVP_DecodeBlock(padded, $0, length) }
    }
    guard written == padded.count else { throw failure(.malformedPEM) }
    return try padded.withBytes { (padded) throws(CryptographyError) in
      try copySecret(padded.extracting(0..<(padded.byteCount - paddingCount)))
    }
  }

  /// Where the next line is, without white space at its ends; nil at the end of the text.
  private static func nextLine(of text: RawSpan, at position: inout Int) -> Range<Int>? {
    guard position < text.byteCount else { return nil }
    var start = position
    while position < text.byteCount, text[position] != UInt8(ascii: "\n") { position += 1 }
    var end = position
    position += 1
    while start < end, isWhiteSpace(text[start]) { start += 1 }
    while start < end, isWhiteSpace(text[end - 1]) { end -= 1 }
    return start..<end
  }

  /// Whether a line is these pieces, or (not `wholly`) begins with them.
  private static func matches(
    _ text: RawSpan, _ line: Range<Int>, _ pieces: [StaticString], wholly: Bool = true
  ) -> Bool {
    var position = line.lowerBound
    for piece in pieces {
      guard line.upperBound - position >= piece.utf8CodeUnitCount else { return false }
      for offset in 0..<piece.utf8CodeUnitCount where text[position + offset] != piece.utf8Start[offset] {
        return false
      }
      position += piece.utf8CodeUnitCount
    }
    return !wholly || position == line.upperBound
  }

  private static func isWhiteSpace(_ character: UInt8) -> Bool {
    switch character {
    case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): true
    default: false
    }
  }

  private static func isBase64(_ character: UInt8) -> Bool {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
      true
    default: false
    }
  }

  private static func append(_ pieces: [StaticString], to end: inout UnsafeMutablePointer<UInt8>) {
    for piece in pieces {
      end.update(from: piece.utf8Start, count: piece.utf8CodeUnitCount)
      end += piece.utf8CodeUnitCount
    }
  }
}
