import Foundation
import Testing

@Suite("The sample firmware", .serialized) struct FirmwareTests {
  @Test("encodes to a file that an independent decoder reads, and decodes it to the same samples")
  func encodesAndDecodes() throws {
    try Device.with { device in
      try device.write("in.wav", Data(contentsOf: Samples.melody))
      let encoded = try device.run("encode", "in.wav", "out.wav")
      #expect(encoded.status == 0, "\(encoded.errors)")
      #expect(try device.run("decode", "out.wav", "again.wav").status == 0)
      let paths = ["in.wav", "out.wav", "again.wav"].map { device.data.appending(path: $0).path }
      let compared = try Samples.python("checks/compare_wav.py", paths)
      #expect(compared.status == 0, "\(compared.errors)")
      #expect(try device.files() == ["again.wav", "in.wav", "out.wav"])
    }
  }

  @Test("takes standard input and gives standard output for a hyphen")
  func takesHyphens() throws {
    try Device.with { device in
      try device.write("in.wav", Data(contentsOf: Samples.melody))
      #expect(try device.run("encode", "in.wav", "out.wav").status == 0)
      let piped = try device.run("encode", "-", "-", input: Data(contentsOf: Samples.melody))
      #expect(piped.status == 0)
      #expect(try piped.output == device.contents("out.wav"))
    }
  }

  @Test("keeps the number of frames, however it fills the blocks", arguments: [1, 2, 504, 505, 506, 1010], [1, 2])
  func keepsTheNumberOfFrames(_ frames: Int, _ channels: Int) throws {
    try Device.with { device in
      let samples = (0..<frames * channels).map { Int16(truncatingIfNeeded: $0 * 37 % 2000 - 1000) }
      try device.write("in.wav", WAV.pcm(samples, channels: channels))
      #expect(try device.run("encode", "in.wav", "out.wav").status == 0)
      #expect(try device.run("decode", "out.wav", "again.wav").status == 0)
      let before = try device.contents("in.wav"), after = try device.contents("again.wav")
      #expect(after.count == before.count)
      #expect(after.prefix(44) == before.prefix(44))
    }
  }

  @Test("tells what a round trip saves and costs")
  func tellsTheRoundTrip() throws {
    try Device.with { device in
      let outcome = try device.run("roundtrip", "-", input: Data(contentsOf: Samples.melody))
      #expect(outcome.status == 0, "\(outcome.errors)")
      let numbers = try #require(
        outcome.text.wholeMatch(of: /pcm: 128000 bytes\nadpcm: 32512 bytes\nratio: 3.94\nsnr: ([0-9.]+) dB\n/))
      #expect(try #require(Double(numbers.1)) >= 27)
    }
  }

  @Test("tells what someone did, in order and to the nearest window")
  func classifiesADay() throws {
    try Device.with { device in
      let outcome = try device.run("classify", "-", input: Data(contentsOf: Samples.day))
      #expect(outcome.status == 0, "\(outcome.errors)")
      let labels = try String(contentsOf: Samples.folder.appending(path: "data/day.labels.csv"), encoding: .utf8)
      let expected = labels.split(separator: "\n").dropFirst().map { $0.split(separator: ",") }
      let told = outcome.text.split(separator: "\n").map { $0.split(separator: " ") }
      #expect(told.map { $0[2] } == expected.map { $0[2] })
      for (interval, truth) in zip(told, expected) {
        for edge in 0..<2 {
          let here = try #require(Double(interval[edge])), there = try #require(Double(truth[edge]))
          #expect(abs(here - there) <= 2.56)
        }
        #expect(try #require(Double(interval[3])) > 0.8)
      }
    }
  }

  @Test("tells which versions of modules are in the store, and what happened to them")
  func tellsModules() throws {
    try Device.with { device in
      let outcome = try device.run("modules")
      #expect(outcome.status == 0)
      #expect(
        outcome.text == """
          com.example.fake
            good: 1.2.3
            on trial: 1.3.0
            tries left: 2
            packages: 1000 bytes
            received in part: 10 bytes
            run 0: 1.3.0 installed
            run 1: 1.3.0 tried, 2 tries left
            run 1: 1.3.0 refused: made for another device
          free: 4096 bytes

          """)
    }
  }

  @Test("installs what a file or standard input gives")
  func installs() throws {
    try Device.with { device in
      try device.write("package", Data("0".utf8))
      #expect(try device.run("install", "package").text == "installed: module com.example.fake\n")
      #expect(try device.run("install", "-", input: Data("0".utf8)).text == "installed: module com.example.fake\n")
      let refused = try device.run("install", "-", input: Data("14".utf8))
      #expect(refused.status == 1)
      #expect(refused.errors == "firmware: error: installing -: made for another device (status 14)\n")
      #expect(try device.run("install", "missing").status == 3)
    }
  }

  @Test("tells what is known of a module")
  func tellsAboutAModule() throws {
    try Device.with { device in
      let outcome = try device.run("info", Samples.codec)
      #expect(outcome.status == 0)
      let expected = """
        name: com.example.fake
        version: 1.2.3
        security version: 4
        epoch: 5
        size: 6 bytes
        grant: 7
        not before: none
        not after: 2023-11-14T22:13:20Z
        features: a101
        memory: locked, code readable

        """
      #expect(outcome.text == expected)
    }
  }

  @Test("writes the identity and nothing else to standard output")
  func writesTheIdentity() throws {
    try Device.with { device in
      let outcome = try device.run("identity")
      #expect(outcome.status == 0)
      #expect(outcome.output == Data([0xD9, 0xD9, 0xF7, 0x00, 0xFF]))
    }
  }

  @Test("tells what protects it, with why and what to do where nothing does")
  func tellsProtections() throws {
    try Device.with { device in
      let outcome = try device.run("protections")
      #expect(outcome.status == 0)
      let expected = """
        secret-memory: active
        a "quoted" name: inactive
          without it: Modules show.
          to do: Get it too.
        verified-root: unknown (needs root to tell)
          without it: All shows.
          to do: Do it.
        1 active, 1 inactive, 1 unknown

        """
      #expect(outcome.text == expected)
    }
  }

  @Test("tells the same to programs")
  func tellsProtectionsInJSON() throws {
    try Device.with { device in
      let outcome = try device.run("protections", "--json")
      #expect(outcome.status == 0)
      struct Report: Decodable, Equatable {
        struct Entry: Decodable, Equatable {
          var number: Int
          var detail: Int
          var name: String
          var reporter: String
          var state: String
          var explanation: String?
          var loss: String?
          var advice: String?
        }
        var protections: [Entry]
        var active: Int
        var inactive: Int
        var unknown: Int
      }
      let report = try JSONDecoder().decode(Report.self, from: outcome.output)
      let expected = Report(
        protections: [
          .init(number: 1, detail: 0, name: "secret-memory", reporter: "decryptor", state: "active"),
          .init(
            number: 101, detail: 7, name: "a \"quoted\" name", reporter: "process", state: "inactive",
            loss: "Modules show.", advice: "Get it too."),
          .init(
            number: 201, detail: 2, name: "verified-root", reporter: "platform", state: "unknown",
            explanation: "needs root to tell", loss: "All shows.", advice: "Do it."),
        ], active: 1, inactive: 1, unknown: 1)
      #expect(report == expected)
    }
  }

  @Test("says in one line why a module was refused, leaves no file behind, and exits with 1")
  func tellsRefusals() throws {
    try Device.with { device in
      try device.grant(Samples.codec, status: 14)
      let outcome = try device.run("encode", "-", "out.wav", input: Data(contentsOf: Samples.melody))
      #expect(outcome.status == 1)
      #expect(
        outcome.errors == "firmware: error: loading com.example.adpcm: made for another device (status 14)\n")
      #expect(try device.files() == [])
    }
  }

  @Test("says that a module or its grant is missing", arguments: [true, false])
  func tellsWhatIsMissing(_ isPackage: Bool) throws {
    try Device.with { device in
      try FileManager.default.removeItem(
        at: isPackage ? device.package(Samples.codec) : device.grantFile(Samples.codec))
      let outcome = try device.run("info", Samples.codec)
      #expect(outcome.status == 1)
      #expect(outcome.errors == "firmware: error: loading com.example.adpcm: not found (status 65)\n")
    }
  }

  @Test("refuses a module that lacks the functions or is another one")
  func refusesTheWrongModule() throws {
    try Device.with { device in
      try FileManager.default.removeItem(at: device.package(Samples.codec))
      try FileManager.default.copyItem(at: device.package(Samples.activity), to: device.package(Samples.codec))
      let outcome = try device.run("roundtrip", "-", input: Data(contentsOf: Samples.melody))
      #expect(outcome.status == 1)
      let expected = "firmware: error: loading com.example.adpcm: something else (status 73)\n"
      #expect(outcome.errors == expected)
    }
  }

  @Test("says that the decryptor can't be reached")
  func tellsThatThereIsNoDecryptor() throws {
    try Device.with { device in
      let outcome = try device.run("identity", hasSocket: false)
      #expect(outcome.status == 1)
      #expect(outcome.errors.hasSuffix("(status 66)\n"))
      #expect(outcome.output.isEmpty)
    }
  }

  @Test(
    "refuses arguments that make no sense with 2",
    arguments: [
      [], ["sing"], ["modules", "x"], ["install"], ["install", "a", "b"], ["encode", "a"], ["encode", "a", "b", "c"],
      ["info"], ["info", "../x"],
      ["info", "/x"], ["info", ""], ["info", "."], ["info", "a..b"], ["info", ".a"], ["info", "a."], ["info", "A"],
      ["info", String(repeating: "a", count: 128)], ["protections", "--xml"], ["protections", "--json", "x"],
    ])
  func refusesArguments(_ arguments: [String]) throws {
    try Device.with { device in
      let outcome = try device.run(arguments)
      #expect(outcome.status == 2)
      #expect(outcome.output.isEmpty)
      #expect(!outcome.errors.isEmpty)
    }
  }

  @Test("refuses files that it can't read or write with 3")
  func refusesFiles() throws {
    try Device.with { device in
      #expect(try device.run("roundtrip", "missing.wav").status == 3)
      #expect(try device.run("roundtrip", ".").status == 3)
      let unwritable = try device.run("encode", "-", "no/folder.wav", input: Data(contentsOf: Samples.melody))
      #expect(unwritable.status == 3)
      #expect(unwritable.errors.hasPrefix("firmware: error: writing no/folder.wav: "))
    }
  }

  @Test("leaves nothing unfinished behind when the output can't take its name")
  func leavesNothingUnfinished() throws {
    try Device.with { device in
      try FileManager.default.createDirectory(
        at: device.data.appending(path: "taken"), withIntermediateDirectories: false)
      let outcome = try device.run("encode", "-", "taken", input: Data(contentsOf: Samples.melody))
      #expect(outcome.status == 3)
      #expect(try device.files() == ["taken"])
    }
  }
}
