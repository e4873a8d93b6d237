import DeviceSupport
import Foundation
import TestSupport
import Testing

@Suite("What ships on devices", .enabled(if: devicesAvailable, "\(needsArtefacts)"))
struct StageTests {
  static let stages = ["bootrom", "bootloader", "decryptor", "fuseprovider"]

  @Test("has stages that are static: what is measured is what runs", arguments: stages)
  func isStatic(stage: String) throws {
    let stage = Inspection(stage)
    let types = try stage.programHeaders().map { $0.prefix { $0 != " " } }
    #expect(types.contains("LOAD"))
    #expect(!types.contains("INTERP"))
    #expect(try stage.needed() == [])
    let loader = try run("ldd", [stage.file.path])
    #expect((loader.stdout + loader.stderr).contains("statically linked"))
  }

  @Test("has no memory that is writable and executable", arguments: stages + ["libhusk.so"])
  func noExecutableData(name: String) throws {
    let headers = try Inspection(name).programHeaders()
    #expect(headers.contains("GNU_STACK RW"))
    #expect(headers.contains { $0.hasPrefix("GNU_RELRO ") })
    #expect(headers.filter { $0.hasPrefix("LOAD ") && $0.contains("W") && $0.contains("E") } == [])
  }

  @Test("needs no library of Swift")
  func noRuntime() throws {
    #expect(try Inspection("libhusk.so").needed() == ["libc.so.6"])
    // The sample firmware is linked with libhusk.a.
    let firmware = Inspection(file: Release.host.samples.appending(path: "firmware"))
    #expect(Set(try firmware.needed()).isSubset(of: ["libc.so.6", "libm.so.6"]))
    for module in ["com.example.adpcm.so", "com.example.activity.so"] {
      #expect(try Inspection(file: Release.host.samples.appending(path: module)).needed() == [])
    }
  }

  @Test("tells nothing of the machine that built it")
  func noPaths() throws {
    let files =
      try FileManager.default.contentsOfDirectory(at: Release.host.folder, includingPropertiesForKeys: nil)
      + ["firmware", "com.example.adpcm.so", "com.example.activity.so"].map { Release.host.samples.appending(path: $0) }
    let telling = [
      packageRoot.path.trimmingCharacters(in: ["/"]) + "/", "/.build", "Sources/", ".swift\0", "/home/", "/root/",
    ]
    for file in files where !file.lastPathComponent.hasSuffix(".h") {
      let bytes = try Data(contentsOf: file)
      for text in telling {
        #expect(bytes.range(of: Data(text.utf8)) == nil, "\(text) in \(file.lastPathComponent)")
      }
    }
  }

  @Test("has sizes, which are reported")
  func sizes() throws {
    for name in Self.stages + ["libhusk.so"] {
      let report = try run("size", [Inspection(name).file.path]).stdout.split(separator: "\n")
      let numbers = try #require(report.last).split(whereSeparator: \.isWhitespace).prefix(3).compactMap { Int($0) }
      try #require(numbers.count == 3)
      print("size: \(name): text \(numbers[0] / 1024) KiB, data \(numbers[1] / 1024) KiB, bss \(numbers[2] / 1024) KiB")
    }
  }
}
