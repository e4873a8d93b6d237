import Foundation

/// Builds WAV files, right and wrong ones, from chunks.
enum WAV {
  static func number(_ value: Int, bytes: Int) -> Data {
    Data((0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) })
  }

  /// A chunk, padded to an even size. `size` is what it claims to hold, if that isn't the truth.
  static func chunk(_ name: String, _ contents: Data, size: Int? = nil) -> Data {
    Data(name.utf8) + number(size ?? contents.count, bytes: 4) + contents + Data(count: contents.count % 2)
  }

  /// A whole file. `size` is what its header claims, if that isn't the truth.
  static func file(_ chunks: Data..., size: Int? = nil) -> Data {
    let body = Data("WAVE".utf8) + chunks.reduce(Data(), +)
    return Data("RIFF".utf8) + number(size ?? body.count, bytes: 4) + body
  }

  static func format(
    tag: Int = 1, channels: Int = 1, rate: Int = 16_000, block: Int = 2, bits: Int = 16, extra: Data = Data()
  ) -> Data {
    chunk(
      "fmt ",
      number(tag, bytes: 2) + number(channels, bytes: 2) + number(rate, bytes: 4) + number(rate * block, bytes: 4)
        + number(block, bytes: 2) + number(bits, bytes: 2) + extra)
  }

  /// The format of IMA ADPCM in blocks of 8 bytes, 9 frames.
  static func adpcmFormat(channels: Int = 1, block: Int = 8, bits: Int = 4, frames: Int = 9, extra: Int = 2) -> Data {
    format(
      tag: 0x11, channels: channels, block: block, bits: bits, extra: number(extra, bytes: 2) + number(frames, bytes: 2)
    )
  }

  static func pcm(_ samples: [Int16], channels: Int = 1) -> Data {
    let data = samples.reduce(into: Data()) { $0 += number(Int($1), bytes: 2) }
    return file(format(channels: channels, block: 2 * channels), chunk("data", data))
  }
}
