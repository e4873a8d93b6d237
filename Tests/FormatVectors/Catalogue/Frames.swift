import ErrorClass
import FormatFixtures
import HuskFormat

/// SPEC 4.2 and 9.1 step 4: the frame in a payload that opens, and the padding behind it.
extension Catalogue {
  /// A load whose frame is another.
  private mutating func frame(
    _ name: String, _ refused: ErrorClass?, _ comment: String, padded: Bool = true, bound: UInt64 = 4096,
    _ change: (inout LZ4Frame) -> Void
  ) throws {
    var frame = LZ4Frame(LoadFixture().module)
    change(&frame)
    let plaintext = frame.bytes + (padded ? LZ4Frame.padding(behind: frame.bytes.count) : [])
    try addLoad(name, refused, comment, released: plaintext.count) { load in
      load.plaintext = plaintext
      load.module = frame.content
      load.package.manifest.sizeBound = bound
    }
  }

  mutating func addFrames() throws {
    let failed = ErrorClass.decompressionFailed
    try frame("frame-with-checksum", nil, "4.2 step 1: a content checksum") { $0.hasContentChecksum = true }
    try frame("frame-of-64-KiB-blocks", nil, "4.2 step 1: blocks of 64 KiB at most") { $0.blockSize = 4 }
    try frame("frame-of-two-blocks", nil, "4.2 step 1: two blocks") { frame in
      frame.blocks = [.stored(Array(frame.content[..<77])), .stored(Array(frame.content[77...]))]
    }
    try frame("frame-compressed", nil, "4.2 step 1: a compressed block") { frame in
      frame = LZ4Frame(run: 0x5a, [3000], declared: 3000)
      frame.content = [UInt8](repeating: 0x5a, count: 3000)
    }
    try frame("frame-wrong-checksum", failed, "9.1 step 4: the content checksum is another") { frame in
      frame.hasContentChecksum = true
      frame.content = [0]
    }
    try frame("frame-without-size", failed, "4.2 step 1: a frame gives its content size") { $0.contentSize = nil }
    try frame("frame-of-linked-blocks", failed, "4.2 step 1: blocks are independent") {
      $0.hasIndependentBlocks = false
    }
    try frame("frame-with-dictionary", failed, "4.2 step 1: no dictionary") { $0.dictionary = 7 }
    try frame("frame-of-1-MiB-blocks", failed, "4.2 step 1: blocks of 256 KiB at most") { $0.blockSize = 6 }
    try frame("frame-of-4-MiB-blocks", failed, "4.2 step 1: blocks of 256 KiB at most") { $0.blockSize = 7 }
    try frame("frame-wrong-magic", failed, "4.2 step 1: another magic number") {
      $0.editHeader = { [0x05] + $0.dropFirst() }
    }
    try frame("frame-wrong-header-checksum", failed, "4.2 step 1: the header's checksum is another") {
      $0.editHeader = { $0.dropLast() + [($0.last ?? 0) ^ 1] }
    }
    try frame("frame-of-nothing", failed, "4.2 step 1: a content size of zero") { frame in
      frame.contentSize = 0
      frame.blocks = []
    }
    try frame("frame-without-end", failed, "9.1 step 4: the frame doesn't end", padded: false) { $0.hasEnd = false }
    try frame("frame-holds-less", failed, "9.1 step 4: a byte less than the content size") { $0.contentSize = 201 }
    try frame("frame-holds-more", failed, "9.1 step 4: a byte more than the content size") { $0.contentSize = 199 }
    try frame(
      "frame-block-too-large", failed, "4.2 step 1: a block larger than the frame's blocks may be", bound: 131_072
    ) { frame in
      frame.blockSize = 4
      frame.contentSize = 70_000
      frame.blocks = [.compressed(LZ4Frame.run(0, 70_000))]
    }
    try frame("frame-damaged-block", failed, "9.1 step 4: a match that reaches before the block") {
      $0.blocks = [.compressed([0x10, 0x41, 9, 0, 0x50, 1, 2, 3, 4, 5])]
    }
    try frame("bomb", failed, "9.1 step 4: a content size of 4096 and blocks of 256 KiB of zeros") {
      $0 = LZ4Frame(run: 0, [262_144, 262_144, 262_144, 262_144], declared: 4096)
    }
    try frame("size-at-bound", nil, "4.2: the content size is the manifest's bound", bound: 200) { _ in }
    try frame(
      "size-beyond-bound", .sizeMismatch, "9.1 step 4: the content size is beyond the manifest's bound", bound: 199
    ) { _ in }
    try frame("size-of-2-64-less-1", .sizeMismatch, "9.1 step 4: a content size of 2^64 - 1") { $0.contentSize = .max }

    let content = LZ4Frame(LoadFixture().module).bytes
    func padding(_ name: String, _ refused: ErrorClass?, _ comment: String, _ padding: [UInt8]) throws {
      try addLoad(name, refused, comment, released: content.count + padding.count) { $0.plaintext = content + padding }
    }
    try padding("padding-of-nothing", nil, "4.2 step 2: an empty skippable frame", LZ4Frame.padding(content: 0))
    try padding(
      "padding-of-more", nil, "4.2 step 2: a reader takes padding of any size", LZ4Frame.padding(content: 333))
    try padding("padding-missing", failed, "4.2 step 2: no skippable frame", [])
    try padding(
      "padding-not-zero", failed, "4.2 step 2: padding is of zeros", LZ4Frame.padding(content: 3).dropLast() + [1])
    try padding(
      "padding-magic", failed, "4.2 step 2: another kind of skippable frame",
      LZ4Frame.padding(content: 3, magic: 0x184d_2a51))
    try padding(
      "padding-cut-off", failed, "4.2 step 2: the skippable frame ends too early",
      LZ4Frame.padding(content: 9).dropLast())
    try padding(
      "padding-header-cut-off", failed, "4.2 step 2: the skippable frame's header ends too early",
      LZ4Frame.padding(content: 0).dropLast())
    try padding(
      "padding-and-more", failed, "4.2 step 2: a byte follows the skippable frame", LZ4Frame.padding(content: 3) + [0])
    try padding(
      "padding-twice", failed, "4.2 step 2: a second skippable frame",
      LZ4Frame.padding(content: 3) + LZ4Frame.padding(content: 3))
    try padding("frame-twice", failed, "4.2 step 1: a module is one frame", content + LZ4Frame.padding(content: 0))
  }
}
