import DeviceSupport
import Foundation
import Testing

/// What commands and stages hand to the kernel: arguments, environments, and every byte that they write or send
/// (SPEC 7.4).
@Suite("Secrets in flight", .serialized, .enabled(if: devicesAvailable, "\(needsDevice)"))
struct DisclosureTests {
  /// A line of a log, and whom the bytes in it go to.
  private struct Event {
    let line: Substring
    let call: Substring
    /// The path of the first descriptor; empty if the call has none.
    let destination: String
    /// The bytes came from memory that not even a debugger of root's can read: only secrets lie there.
    let isFromSecretMemory: Bool
  }

  @Test(
    "are in no argument and no environment, and are written to nothing but key files, fuses, handoff and memory file")
  func disclosure() throws {
    let workshop = try Workshop()
    let events = try workshop.logs.flatMap { try Self.events(in: $0) }
    for destination in ["pipe:", "/memfd:module", ".vendor.pem.", ".fuses."] {
      #expect(events.contains { Self.maySeeSecrets($0) && $0.destination.contains(destination) }, "\(destination)")
    }
    let open = events.filter { !Self.maySeeSecrets($0) }
    #expect(open.filter(\.isFromSecretMemory).map(\.line) == [])
    // Each command, and in the two boots bootloader and decryptor, and the firmware in one of them.
    #expect(open.filter { $0.call.hasPrefix("exec") }.count == workshop.logs.count + 2 + 5)

    let scratch = try Scratch()
    let log = scratch.directory.appending(path: "log")
    try Data(Self.decoded(open.map(\.line).joined(separator: "\n"))).write(to: log)
    for secret in try workshop.secrets() {
      #expect(try Search([log], for: secret.forms.flatMap(\.bytes)).found == [], "\(secret.name)")
    }
    let module = Array(try Data(contentsOf: Workshop.object))
    #expect(try Search([log], for: module, butNot: Workshop.openImages).found == [])

    // What may be seen is found in the same way: a file, an argument, a variable.
    let grant = Array(try Data(contentsOf: workshop.directory.appending(path: "module.grant")))
    let argument = Array(Release.host.stage("bootloader").path.utf8)
    let variable = Array("TMPDIR=\(workshop.directory.path)/tmp".utf8)
    for needle in [grant, argument, variable] {
      #expect(try Search([log], for: needle).found == [log.path])
    }
  }

  private static func maySeeSecrets(_ event: Event) -> Bool {
    guard !event.call.hasPrefix("exec") else { return false }
    return event.destination.hasPrefix("pipe:") || event.destination == "/memfd:module"
      || event.destination.firstMatch(of: #/\.(?:[a-z-]+\.(?:pem|key)|fuses)\.[A-Za-z0-9]{6}$/#) != nil
  }

  private static func events(in log: URL) throws -> [Event] {
    let text = String(decoding: try Data(contentsOf: log), as: UTF8.self)
    return text.split(separator: "\n").compactMap { line in
      guard
        let match = line.firstMatch(of: #/^[0-9]+ +([a-z0-9_]+)\((?:[0-9]+<([^>]*)>)?(?:\([a-z]+\))?(, 0x[0-9a-f]+)?/#)
      else { return nil }
      return Event(
        line: line, call: match.output.1, destination: path(match.output.2 ?? ""),
        isFromSecretMemory: match.output.3 != nil)
    }
  }

  private static func path(_ text: Substring) -> String {
    String(decoding: text.split(separator: "\\x").compactMap { UInt8($0.prefix(2), radix: 16) }, as: UTF8.self)
  }

  /// Turns strings as strace prints them back into bytes.
  private static func decoded(_ text: String) throws -> Data {
    let scratch = try Scratch()
    let source = scratch.directory.appending(path: "source")
    let result = scratch.directory.appending(path: "result")
    try Data(text.utf8).write(to: source)
    try require(
      "sh", ["-c", "exec \"$0\" < \"$1\" > \"$2\"", Compiler.program("strace_bytes").path, source.path, result.path])
    return try Data(contentsOf: result)
  }
}
