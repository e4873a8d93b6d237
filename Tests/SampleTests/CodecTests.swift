import Foundation
import Testing

/// The codec module against an independent implementation: Samples/checks/codec_checks.py has the details.
@Suite("The codec module") struct CodecTests {
  @Test(
    "behaves as its header says and decodes as the reference",
    arguments: [
      "decodes_as_the_reference", "encodes_the_melody_well", "encodes_extremes", "encodes_channels_by_themselves",
      "tells_the_layout", "refuses_what_is_bad",
    ])
  func check(_ name: String) throws {
    let outcome = try Samples.python(
      "checks/codec_checks.py", [name, Samples.module(Samples.codec), Samples.melody.path])
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  @Test(
    "is checked against a reference whose arithmetic is that of Python's audioop",
    .enabled("Python has no audioop from 3.13 on") {
      try run("python3", ["-W", "ignore", "-c", "import audioop"]).status == 0
    })
  func referenceAgreesWithAudioop() throws {
    let outcome = try Samples.python(
      "checks/codec_checks.py",
      ["reference_agrees_with_audioop", Samples.module(Samples.codec), Samples.melody.path])
    #expect(outcome.status == 0, "\(outcome.errors)")
  }
}
