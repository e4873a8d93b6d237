import FormatFixtures

/// LZ4 frames (frame format 1.6) put together by hand: the same bytes whatever liblz4 there is, and all kinds of wrong.
struct LZ4Frame {
  /// What its header says.
  var contentSize: UInt64?
  var hasIndependentBlocks = true
  var hasContentChecksum = false
  var dictionary: UInt32?
  /// The number that stands for it: 4 for 64 KiB to 7 for 4 MiB.
  var blockSize: UInt8 = 5
  var blocks: [Block]
  /// What the content checksum is of.
  var content: [UInt8]
  /// Changes the header, its checksum included.
  var editHeader: Edit = { $0 }
  var hasEnd = true

  enum Block {
    case stored([UInt8])
    case compressed([UInt8])

    fileprivate var bytes: [UInt8] {
      switch self {
      case .stored(let bytes): littleEndian(UInt32(bytes.count) | 1 << 31) + bytes
      case .compressed(let bytes): littleEndian(UInt32(bytes.count)) + bytes
      }
    }
  }

  /// A frame that holds a module as it is, in blocks that aren't compressed.
  init(_ content: [UInt8]) {
    contentSize = UInt64(content.count)
    self.content = content
    blocks = stride(from: 0, to: content.count, by: 262_144).map { start in
      .stored(Array(content[start..<min(start + 262_144, content.count)]))
    }
  }

  /// A frame of compressed blocks that hold one byte over and over.
  ///
  /// - Parameters:
  ///   - counts: how many bytes each block makes, at least 20.
  ///   - declared: the content size of the header.
  init(run byte: UInt8, _ counts: [Int], declared: UInt64) {
    contentSize = declared
    content = []
    blocks = counts.map { .compressed(Self.run(byte, $0)) }
  }

  /// One literal, a match that repeats it, and five literals, which every block ends with.
  static func run(_ byte: UInt8, _ count: Int) -> [UInt8] {
    var rest = count - 1 - 5 - 4 - 15
    var block: [UInt8] = [0x1f, byte, 1, 0]
    while rest >= 255 {
      block.append(255)
      rest -= 255
    }
    return block + [UInt8(rest), 0x50] + [UInt8](repeating: byte, count: 5)
  }

  var bytes: [UInt8] {
    var flags: UInt8 = 0x40
    if hasIndependentBlocks { flags |= 0x20 }
    if contentSize != nil { flags |= 0x08 }
    if hasContentChecksum { flags |= 0x04 }
    if dictionary != nil { flags |= 0x01 }
    var descriptor = [flags, blockSize << 4]
    if let contentSize { descriptor += littleEndian(contentSize) }
    if let dictionary { descriptor += littleEndian(dictionary) }
    let check = UInt8(truncatingIfNeeded: Self.hash(descriptor) >> 8)
    var frame = editHeader([0x04, 0x22, 0x4d, 0x18] + descriptor + [check]) + blocks.flatMap(\.bytes)
    if hasEnd { frame += [0, 0, 0, 0] }
    if hasContentChecksum { frame += littleEndian(Self.hash(content)) }
    return frame
  }

  /// The skippable frame that makes the whole padmé(frame + 8) bytes long (SPEC 4.2, step 2).
  static func padding(behind count: Int) -> [UInt8] {
    padding(content: Self.padme(count + 8) - count - 8)
  }

  static func padding(content count: Int, magic: UInt32 = 0x184d_2a50) -> [UInt8] {
    littleEndian(magic) + littleEndian(UInt32(count)) + [UInt8](repeating: 0, count: count)
  }

  static func padme(_ count: Int) -> Int {
    let exponent = Int.bitWidth - 1 - count.leadingZeroBitCount
    let size = Int.bitWidth - exponent.leadingZeroBitCount
    let mask = 1 << (exponent - size) - 1
    return (count + mask) & ~mask
  }

  /// xxHash with 32 bits and seed 0.
  static func hash(_ bytes: [UInt8]) -> UInt32 {
    let prime: [UInt32] = [2_654_435_761, 2_246_822_519, 3_266_489_917, 668_265_263, 374_761_393]
    func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 { value << count | value >> (32 - count) }
    func word(_ start: Int) -> UInt32 {
      bytes[start..<(start + 4)].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
    var position = 0
    var hash = prime[4]
    if bytes.count >= 16 {
      var lanes = [prime[0] &+ prime[1], prime[1], 0, 0 &- prime[0]]
      while position + 16 <= bytes.count {
        for lane in 0..<4 {
          lanes[lane] = rotate(lanes[lane] &+ word(position + 4 * lane) &* prime[1], 13) &* prime[0]
        }
        position += 16
      }
      hash = rotate(lanes[0], 1) &+ rotate(lanes[1], 7) &+ rotate(lanes[2], 12) &+ rotate(lanes[3], 18)
    }
    hash &+= UInt32(bytes.count)
    while position + 4 <= bytes.count {
      hash = rotate(hash &+ word(position) &* prime[2], 17) &* prime[3]
      position += 4
    }
    for byte in bytes[position...] { hash = rotate(hash &+ UInt32(byte) &* prime[4], 11) &* prime[0] }
    hash = (hash ^ hash >> 15) &* prime[1]
    hash = (hash ^ hash >> 13) &* prime[2]
    return hash ^ hash >> 16
  }
}

private func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
  (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> Number(8 * $0)) }
}
