import Foundation
import Testing

/// The firmware is built with sanitizers here: reading beyond a buffer is no exit status 3.
@Suite("The sample firmware, given a malformed recording,", .serialized) struct MalformedRecordingTests {
  @Test(
    "refuses the recording",
    arguments: [
      Malformed("nothing", "line 1: not the header t,x,y,z", ""),
      Malformed("no header", "line 1: not the header t,x,y,z", "0,0,0,1\n0.02,0,0,1\n"),
      Malformed("another header", "line 1: not the header t,x,y,z", "t,x,y\n"),
      Malformed("a header only", "line 1: fewer than two samples", "t,x,y,z\n"),
      Malformed("one sample", "line 2: fewer than two samples", "t,x,y,z\n0,0,0,1\n"),
      Malformed("an empty line", "line 3: not four decimal numbers", "t,x,y,z\n0,0,0,1\n\n0.02,0,0,1\n"),
      Malformed("three numbers", "line 2: not four decimal numbers", "t,x,y,z\n0,0,0\n"),
      Malformed("five numbers", "line 2: not four decimal numbers", "t,x,y,z\n0,0,0,1,1\n"),
      Malformed("an empty field", "line 2: not four decimal numbers", "t,x,y,z\n0,,0,1\n"),
      Malformed("a blank", "line 2: not four decimal numbers", "t,x,y,z\n0, 0,0,1\n"),
      Malformed("a word", "line 2: not four decimal numbers", "t,x,y,z\n0,zero,0,1\n"),
      Malformed("not a number", "line 2: not four decimal numbers", "t,x,y,z\n0,nan,0,1\n"),
      Malformed("infinity", "line 2: not four decimal numbers", "t,x,y,z\n0,inf,0,1\n"),
      Malformed("hexadecimal", "line 2: not four decimal numbers", "t,x,y,z\n0,0x1,0,1\n"),
      Malformed("two signs", "line 2: not four decimal numbers", "t,x,y,z\n0,--1,0,1\n"),
      Malformed("two points", "line 2: not four decimal numbers", "t,x,y,z\n0,1.2.3,0,1\n"),
      Malformed("an exponent without digits", "line 2: not four decimal numbers", "t,x,y,z\n0,1e,0,1\n"),
      Malformed("a number out of range", "line 2: not four decimal numbers", "t,x,y,z\n0,1e999,0,1\n"),
      Malformed(
        "a number of 33 digits", "line 2: not four decimal numbers",
        "t,x,y,z\n0,\(String(repeating: "1", count: 33)),0,1\n"),
      Malformed("a 0 byte", "line 2: not four decimal numbers", "t,x,y,z\n0,1\0,0,1\n"),
      Malformed(
        "time that stands still", "line 3: a time that is not later than the one before", "t,x,y,z\n0,0,0,1\n0,0,0,1\n"),
      Malformed(
        "time that runs back", "line 3: a time that is not later than the one before", "t,x,y,z\n1,0,0,1\n0,0,0,1\n"),
      Malformed("a gap", "line 202: a gap in time", recording(count: 200) + "5,0,0,1\n"),
      Malformed("less than a window", "shorter than 2.56 s", recording(count: 127)),
      Malformed("a rate too low", "10.0 samples a second", recording(count: 400, interval: 0.1)),
      Malformed("a rate too high", "1000.0 samples a second", recording(count: 4000, interval: 0.001)),
      Malformed(
        "an acceleration beyond all sensors", "an acceleration beyond 64 g after 0.00 s",
        recording(count: 200, acceleration: "65")),
      Malformed(
        "an acceleration beyond float", "an acceleration beyond 64 g after 0.00 s",
        recording(count: 200, acceleration: "1e300")),
    ])
  func refusesRecording(_ malformed: Malformed) throws {
    try Device.with { device in
      expectRefusal(try device.run("classify", "-", input: malformed.file), malformed.complaint)
    }
  }

  @Test("but reads a recording with carriage returns, or without the last line feed")
  func readsUsualRecordings() throws {
    let usual = Self.recording(count: 200)
    try Device.with { device in
      let expected = try device.run("classify", "-", input: Data(usual.utf8))
      #expect(expected.status == 0, "\(expected.errors)")
      for odd in [usual.replacing("\n", with: "\r\n"), String(usual.dropLast())] {
        #expect(try device.run("classify", "-", input: Data(odd.utf8)).text == expected.text)
      }
    }
  }

  /// A recording of someone who lies still.
  private static func recording(count: Int, interval: Double = 0.02, acceleration: String = "1") -> String {
    let lines = (0..<count).map { "\((Double($0) * interval * 1000).rounded() / 1000),0,0,\(acceleration)\n" }
    return "t,x,y,z\n" + lines.joined()
  }
}
