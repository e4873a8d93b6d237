import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import TestSupport
import Testing

@testable import FormatVectors

/// What a device makes of hostile objects, through the library as it ships and the decryptor as it ships.
@Suite("A device", .serialized, .enabled(if: devicesAvailable, "takes root and scripts/build-device.sh"))
struct DeviceTests {
  private static let module = "com.acme.codec"

  private func device(firmware: URL? = nil) throws -> Device {
    let device = try Device(firmware: firmware)
    try device.install(modules: [Self.module: Compiler.sharedObject("answer", ["-DANSWER=42"])])
    return device
  }

  @Test("lives through ten thousand changed objects and replies in one process, and then loads the right module")
  func mutations() throws {
    let device = try device(firmware: Compiler.firmware("mutated_loads", ["-pthread"]))
    let (objects, replies) = (6000, 4000)
    let outcome = try device.start(["20261127", "\(objects)", "\(replies)"]).outcome(seconds: 600)
    #expect(outcome.stderr == "")
    #expect(outcome.status == 0)
    #expect(
      outcome.stdout == """
        \(objects) changed objects refused
        \(replies) changed replies heard
        the right module answers 42

        """)
    recordVectorCount(set: "mutations through the C interface", ran: objects + replies, of: objects + replies)
  }

  @Test("refuses bombs in a decryptor that can't grow, and serves on")
  func bombs() throws {
    let device = try device()
    let grant = try device.contents("grants/\(Self.module).grant")
    let package = try device.contents("modules/\(Self.module).husk")
    let client = try device.startSecureWorld()
    #expect(try client.refusal(package: package, grant: grant) == nil)

    for bomb in try Bomb.packages {
      let refused = try withFile(bomb) { file in
        try DeviceSupport.withFile(grant) { grant in try client.refusal(package: file, grant: grant) }
      }
      #expect(refused == bomb.refused, "\(bomb.name)")
    }
    for bomb in try Bomb.grants {
      let refused = try withFile(bomb) { file in
        try DeviceSupport.withFile(package) { package in try client.refusal(package: package, grant: file) }
      }
      #expect(refused == bomb.refused, "\(bomb.name)")
    }
    for (name, errorClass, frame, bound) in Self.frames {
      var bomb = try ModuleFixture(Compiler.sharedObject("answer", ["-DANSWER=42"]))
      bomb.name = testName(Self.module)
      bomb.package.manifest.sizeBound = bound
      bomb.editPlaintext = { _ in frame + LZ4Frame.padding(behind: frame.count) }
      #expect(try client.refusal(package: bomb.file(), grant: grant) == errorClass, "\(name)")
    }

    #expect(try client.refusal(package: package, grant: grant) == nil)
    // SPEC 11: of the decryptor, and of each worker, which inherits the limit.
    let limits = try String(contentsOfFile: "/proc/\(client.decryptor())/limits", encoding: .utf8)
    let data = limits.split(separator: "\n").first { $0.hasPrefix("Max data size") } ?? ""
    #expect(data.split(whereSeparator: \.isWhitespace).contains("67108864"))
    let status = try String(contentsOfFile: "/proc/\(client.decryptor())/status", encoding: .utf8)
    let peak = status.split(separator: "\n").first { $0.hasPrefix("VmHWM") }?.split(whereSeparator: \.isWhitespace)
    let kilobytes = try #require(peak.flatMap { Int($0[1]) })
    #expect(kilobytes < 65_536)
    recordFinding("bombs at the decryptor: peak memory \(kilobytes) KiB, each worker at most 65536 KiB")
  }

  private static let frames: [(name: String, ErrorClass, frame: [UInt8], bound: UInt64)] = [
    (
      "a gigabyte in 4096 bytes", .decompressionFailed,
      LZ4Frame(run: 0, [Int](repeating: 262_144, count: 4096), declared: 4096).bytes, 1 << 30
    ),
    ("a gigabyte that isn't there", .decompressionFailed, LZ4Frame(run: 0, [4096], declared: 1 << 30).bytes, 1 << 30),
    ("more than the bound", .sizeMismatch, LZ4Frame(run: 0, [262_144], declared: 262_144).bytes, 262_143),
    ("2^64 - 1 bytes", .sizeMismatch, LZ4Frame(run: 0, [262_144], declared: .max).bytes, 1 << 30),
  ]

  /// A file on disk, which may have a hole.
  private func withFile(_ bomb: Bomb, _ body: (Int32) throws -> ErrorClass?) throws -> ErrorClass? {
    let scratch = try Scratch()
    let path = scratch.directory.appending(path: "bomb")
    try bomb.write(to: path)
    let file = open(path.path, O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    return try body(file)
  }
}
