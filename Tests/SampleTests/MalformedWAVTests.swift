import Foundation
import Testing

/// What the firmware says of a WAV file.
enum Complaint {
  static let notRIFF = "not a WAV file"
  static let truncated = "truncated"
  static let disordered = "chunks missing, repeated or out of order"
  static let unsupported = "neither 16-bit PCM nor IMA ADPCM in one or two channels"
  static let mismatched = "a header that contradicts itself"
  static let partial = "not a whole number of blocks"
  static let empty = "no samples"
}

/// The firmware is built with sanitizers here: reading beyond a buffer is no exit status 3.
@Suite("The sample firmware, given a malformed WAV file,", .serialized) struct MalformedWAVTests {
  static let silence = WAV.chunk("data", Data(count: 8))
  static let block = WAV.chunk("data", Data(count: 8))

  @Test(
    "refuses the PCM",
    arguments: [
      Malformed("nothing", Complaint.notRIFF, Data()),
      Malformed("another kind of file", Complaint.notRIFF, Data("RIFX".utf8) + WAV.pcm([1, 2]).dropFirst(4)),
      Malformed("RIFF that isn't WAVE", Complaint.notRIFF, Data("RIFF\u{4}\0\0\0AVI ".utf8)),
      Malformed("a RIFF size of less than its name", Complaint.truncated, WAV.file(WAV.format(), silence, size: 3)),
      Malformed("a RIFF size beyond the file", Complaint.truncated, WAV.file(WAV.format(), silence, size: 1000)),
      Malformed("the RIFF size of a stream", Complaint.truncated, WAV.file(WAV.format(), silence, size: 0xFFFF_FFFF)),
      Malformed("no chunks", Complaint.disordered, WAV.file()),
      Malformed("no data", Complaint.empty, WAV.file(WAV.format())),
      Malformed("no format", Complaint.disordered, WAV.file(silence)),
      Malformed("data before the format", Complaint.disordered, WAV.file(silence, WAV.format())),
      Malformed("two formats", Complaint.disordered, WAV.file(WAV.format(), WAV.format(), silence)),
      Malformed("two data chunks", Complaint.disordered, WAV.file(WAV.format(), silence, silence)),
      Malformed("a short format", Complaint.truncated, WAV.file(WAV.chunk("fmt ", Data(count: 14)), silence)),
      Malformed(
        "data beyond the file", Complaint.truncated, WAV.file(WAV.format(), WAV.chunk("data", Data(count: 8), size: 10))
      ),
      Malformed(
        "data of 4 GiB", Complaint.truncated,
        WAV.file(WAV.format(), WAV.chunk("data", Data(count: 8), size: 0xFFFF_FFFF))),
      Malformed("part of a chunk's header", Complaint.truncated, WAV.file(WAV.format(), silence, Data("LIST".utf8))),
      Malformed("empty data", Complaint.empty, WAV.file(WAV.format(), WAV.chunk("data", Data()))),
      Malformed("half a sample", Complaint.partial, WAV.file(WAV.format(), WAV.chunk("data", Data(count: 7)))),
      Malformed(
        "half a frame", Complaint.partial,
        WAV.file(WAV.format(channels: 2, block: 4), WAV.chunk("data", Data(count: 6)))),
      Malformed("no channels", Complaint.unsupported, WAV.file(WAV.format(channels: 0, block: 0), silence)),
      Malformed(
        "three channels", Complaint.unsupported,
        WAV.file(WAV.format(channels: 3, block: 6), WAV.chunk("data", Data(count: 6)))),
      Malformed("no rate", Complaint.unsupported, WAV.file(WAV.format(rate: 0), silence)),
      Malformed("8 bits", Complaint.unsupported, WAV.file(WAV.format(block: 1, bits: 8), silence)),
      Malformed("a block size of 0", Complaint.mismatched, WAV.file(WAV.format(block: 0), silence)),
      Malformed("a block size for stereo", Complaint.mismatched, WAV.file(WAV.format(block: 4), silence)),
      Malformed("floating point", Complaint.unsupported, WAV.file(WAV.format(tag: 3), silence)),
      Malformed("ADPCM", "not 16-bit PCM", WAV.file(WAV.adpcmFormat(), block)),
    ])
  func refusesPCM(_ malformed: Malformed) throws { try refuse(malformed, command: "encode") }

  @Test(
    "refuses the ADPCM",
    arguments: [
      Malformed("PCM", "not IMA ADPCM", WAV.pcm([1, 2])),
      Malformed("8 bits", Complaint.unsupported, WAV.file(WAV.adpcmFormat(bits: 8), block)),
      Malformed(
        "a format as short as PCM's", Complaint.truncated, WAV.file(WAV.format(tag: 0x11, block: 8, bits: 4), block)),
      Malformed("no room for frames per block", Complaint.truncated, WAV.file(WAV.adpcmFormat(extra: 0), block)),
      Malformed("no frames per block", Complaint.mismatched, WAV.file(WAV.adpcmFormat(frames: 0), block)),
      Malformed("too many frames per block", Complaint.mismatched, WAV.file(WAV.adpcmFormat(frames: 10), block)),
      Malformed("a block size of 0", Complaint.mismatched, WAV.file(WAV.adpcmFormat(block: 0), block)),
      Malformed(
        "a block that is only a header", Complaint.mismatched, WAV.file(WAV.adpcmFormat(block: 4, frames: 1), block)),
      Malformed(
        "a block size that is no multiple of 4", Complaint.mismatched,
        WAV.file(WAV.adpcmFormat(block: 6), WAV.chunk("data", Data(count: 6)))),
      Malformed(
        "a truncated block", Complaint.partial, WAV.file(WAV.adpcmFormat(), WAV.chunk("data", Data(count: 12)))),
      Malformed(
        "more frames than blocks hold", Complaint.mismatched,
        WAV.file(WAV.adpcmFormat(), WAV.chunk("fact", WAV.number(10, bytes: 4)), block)),
      Malformed(
        "no frames", Complaint.empty, WAV.file(WAV.adpcmFormat(), WAV.chunk("fact", WAV.number(0, bytes: 4)), block)),
      Malformed(
        "a short fact", Complaint.truncated, WAV.file(WAV.adpcmFormat(), WAV.chunk("fact", Data(count: 2)), block)),
      Malformed(
        "a step index of 89", "corrupt block 0 (adpcm status -3)",
        WAV.file(WAV.adpcmFormat(), WAV.chunk("data", Data([0, 0, 89, 0, 0, 0, 0, 0])))),
      Malformed(
        "a step index of 89 in the second block", "corrupt block 1 (adpcm status -3)",
        WAV.file(WAV.adpcmFormat(), WAV.chunk("data", Data(count: 8) + Data([0, 0, 89, 0, 0, 0, 0, 0])))),
    ])
  func refusesADPCM(_ malformed: Malformed) throws { try refuse(malformed, command: "decode") }

  @Test("refuses each beginning of a file that isn't the whole")
  func refusesTruncation() throws {
    let pcm = WAV.pcm([1, -1, 2, -2])
    let adpcm = WAV.file(WAV.adpcmFormat(), WAV.chunk("fact", WAV.number(9, bytes: 4)), Self.block)
    try Device.with { device in
      for (command, file) in [("encode", pcm), ("decode", adpcm)] {
        #expect(try device.run(command, "-", "-", input: file).status == 0)
        for size in 0..<file.count {
          let complaint = size < 12 ? Complaint.notRIFF : Complaint.truncated
          expectRefusal(try device.run(command, "-", "-", input: file.prefix(size)), complaint)
        }
      }
    }
  }

  @Test(
    "but reads what many programs write",
    arguments: [
      ("a chunk of odd size, padded", WAV.file(WAV.format(), WAV.chunk("LIST", Data(count: 3)), silence)),
      (
        "a last chunk without its padding",
        WAV.file(WAV.format(), silence, WAV.chunk("LIST", Data(count: 3)).dropLast())
      ),
      ("bytes after the end", WAV.file(WAV.format(), silence) + Data("tail".utf8)),
      ("a longer format", WAV.file(WAV.format(extra: Data(count: 2)), silence)),
    ])
  func readsUsualOddities(_ oddity: String, _ file: Data) throws {
    try Device.with { device in
      let outcome = try device.run("roundtrip", "-", input: file)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.text.hasPrefix("pcm: 8 bytes\n"))
    }
  }

  private func refuse(_ malformed: Malformed, command: String) throws {
    try Device.with { device in
      expectRefusal(try device.run(command, "-", "out.wav", input: malformed.file), malformed.complaint)
      #expect(try device.files() == [])
    }
  }
}
