import CBOR
import DeviceSupport
import FormatFixtures
import Foundation
import GRDB
import HuskFormat
import Testing

@Suite("Output that can't be written")
struct OutputTests {
  private let desk: Desk

  init() throws {
    desk = try Desk()
    try desk.furnish()
  }

  private static let isRoot = geteuid() == 0

  @Test(
    "on a full disk leaves nothing behind, and no grant on record",
    .enabled(if: isRoot, "mounting a small file system takes root"))
  func fullDisk() throws {
    let small = try SmallFileSystem(in: desk.directory, "size=4k")
    defer { small.unmount() }
    try desk.write("small/filler", [UInt8](repeating: 1, count: 4096))
    let full = "no space left on the device"
    try desk.refuse("keygen", "-o", "small/key.pem", error: "small/key.pem: \(full)")
    try desk.refuse("vault", "create", "small/v", "--vault-key", "new.key", error: "small/v: \(full)")
    try desk.write("rom", "rom".utf8)
    try desk.refuse(
      "sim", "create", "small/dev", "--rom", "rom", "--boot-root", "root.pub", "--device-root-key", "root.pem",
      error: "small/dev: \(full)")
    let outcome = try desk.husk(Desk.packing + ["-o", "small/codec.husk"])
    #expect(outcome.stderr == "husk: error: small/codec.husk: \(full)\n")
    #expect(outcome.status == 1)
    let device = try desk.addDevice()
    let log = try desk.husk("vault", "log", "acme.vault").stdout
    try desk.refuse(
      "grant", "--vault", "acme.vault", "--vault-key", "vault.key", "--key", "acme.pem", "--chain", "acme.chain",
      "--module", "com.acme.codec", "--device", device, "-o", "small/a.grant", error: "small/a.grant: \(full)")
    #expect(try desk.husk("vault", "log", "acme.vault").stdout == log)
    #expect(try desk.report("device", "show", "acme.vault", device)["grant"] == nil)
    #expect(try FileManager.default.contentsOfDirectory(atPath: small.path) == ["filler"])
  }

  @Test("on a read-only file system", .enabled(if: isRoot, "mounting a file system takes root"))
  func readOnly() throws {
    let small = try SmallFileSystem(in: desk.directory, "size=64k,ro")
    defer { small.unmount() }
    try desk.refuse("keygen", "-o", "small/key.pem", error: "small/key.pem: the file system is read-only")
  }

  @Test("may have as long a name as the file system takes, in any script")
  func longNames() throws {
    // 83 times three bytes, and four for the suffix: nearly the limit of 255. What is in the making has more to its name.
    let name = String(repeating: "鍵", count: 83)
    try desk.make("keygen", "-o", "\(name).pem")
    #expect(try desk.permissions("\(name).pem") == 0o600)
    try desk.write("rom", "rom".utf8)
    try desk.make(
      "sim", "create", "\(name)dev", "--rom", "rom", "--boot-root", "root.pub", "--device-root-key", "root.pem")
    #expect(try desk.contents().keys.contains("\(name)dev/fuses/fuses"))
  }

  @Test("in a directory of somebody else's", .enabled(if: isRoot, "becoming another user takes root"))
  func forbidden() throws {
    let outcome = try run(
      "setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", Desk.tool, "keygen", "-o", "key.pem"],
      directory: desk.directory)
    #expect(outcome.stderr == "husk: error: key.pem: permission denied\n")
    #expect(outcome.status == 1)
    let secret = try run(
      "setpriv",
      [
        "--reuid=65534", "--regid=65534", "--clear-groups", Desk.tool, "certify", "--key", "root.pem", "--subject-key",
        "acme.pub", "--subject", "x", "--role", "module", "--scope", "com.x.", "-o", "-",
      ], directory: desk.directory)
    #expect(secret.stderr == "husk: error: root.pem: permission denied\n")
  }

  @Test("before a signal ends the command leaves nothing behind", arguments: [SIGINT, SIGTERM, SIGHUP])
  func interrupted(signal: Int32) throws {
    try desk.make(
      "certify", "--key", "root.pem", "--subject-key", "acme.pub", "--subject", "Boot", "--role", "boot.firmware",
      "--scope", "com.soc.", "-o", "boot.chain")
    try desk.make(
      "pack", Desk.tool, "--role", "boot.firmware", "--name", "com.soc.stage", "--version", "1.0.0", "--key",
      "acme.pem",
      "--chain", "boot.chain", "-o", "stage.husk")
    try desk.write("rom", "rom".utf8)
    try desk.make(
      "sim", "create", "dev", "--rom", "rom", "--boot-root", "root.pub", "--device-root-key", "root.pem")
    let fifo = desk.directory.appending(path: "fifo").path
    try #require(mkfifo(fifo, 0o600) == 0)
    let session = try TerminalSession(Desk.tool, ["sim", "install", "dev", "fifo"], in: desk.directory)
    // The package's front goes through, and the payload doesn't come.
    let pipe = try FileHandle(forWritingTo: URL(filePath: fifo))
    try pipe.write(contentsOf: Data(desk.read("stage.husk").prefix(2_000_000)))
    let slot = desk.directory.appending(path: "dev/flash/boot/a").path
    let end = Date(timeIntervalSinceNow: TimeInterval(patience))
    while try FileManager.default.contentsOfDirectory(atPath: slot).isEmpty { try #require(Date() < end) }
    if signal == SIGINT { try session.type("\u{3}") } else { try #require(kill(session.process, signal) == 0) }
    #expect(try session.end().status == -signal)
    #expect(try FileManager.default.contentsOfDirectory(atPath: slot) == [])
    try pipe.close()
  }

  @Test("shows what would disturb a terminal, instead of sending it there")
  func disturbing() throws {
    let name = "a\u{1b}[2Jb\u{7}c\nd\u{7f}e\u{85}f\u{202e}g\u{2066}h\u{200f}i\u{2028}j"
    let shown = #"a\u{1b}[2Jb\u{7}c\u{a}d\u{7f}e\u{85}f\u{202e}g\u{2066}h\u{200f}i\u{2028}j"#
    try desk.refuse("inspect", name, error: "\(shown): no such file or directory")
    try desk.write(name, desk.read("acme.pub"))
    #expect(try desk.husk("inspect", name).stdout.hasPrefix("file        \(shown)\n"))
    #expect(try desk.report("inspect", name)["file"] as? String == name)
    try desk.refuse(
      "keygen", "-o", "x", "a\u{1b}[2J\u{202e}", error: #"Unexpected argument 'a\u{1b}[2J\u{202e}'"#,
      hint: "husk keygen --help tells how it is meant", status: 2)
    let session = try TerminalSession(
      Desk.tool, ["keygen", "--encrypt", "-o", "x\u{1b}c.pem"], in: desk.directory)
    try session.expect(#"New passphrase for x\u{1b}c.pem: "#)
    try session.type("\u{3}")
    #expect(try session.end().status == 1)
  }

  @Test("shows module names and subjects that somebody put into a file")
  func disturbingContent() throws {
    try desk.pack()
    try desk.addDevice()
    try DatabaseQueue(path: desk.directory.appending(path: "acme.vault").path).write { database in
      try database.execute(sql: "UPDATE trust SET label = char(27) || '[31m'")
    }
    #expect(try desk.husk("vault", "trust", "list", "acme.vault").stdout.contains(#"\u{1b}[31m"#))

    var chain = ChainFixture.module
    chain.links[0].claims.subject = Array("\u{1b}c\u{202e}".utf8)
    var encoder = CBOREncoder()
    FileLabel.chain.encode(to: &encoder)
    encoder.encode(encoded: try chain.encoded())
    try desk.write("odd.chain", encoder.bytes)
    #expect(try desk.husk("inspect", "odd.chain").stdout.contains(#"\u{1b}c\u{202e}"#))
  }

  @Test("on a full standard output")
  func fullStandardOutput() throws {
    let outcome = try run(
      "sh", ["-c", "\(Desk.tool) \((Desk.packing + ["-o", "-"]).joined(separator: " ")) > /dev/full"],
      directory: desk.directory)
    #expect(outcome.stderr == "husk: error: standard output: no space left on the device\n")
    #expect(outcome.status == 1)
  }

  @Test("where something else is")
  func occupied() throws {
    try FileManager.default.createDirectory(
      at: desk.directory.appending(path: "folder"), withIntermediateDirectories: false)
    try desk.refuse("keygen", "-o", "folder", error: "folder: is a directory")
    try desk.refuse(
      "keygen", "-o", "missing/key.pem", error: "missing/key.pem: the directory to write to doesn't exist")
    try FileManager.default.createSymbolicLink(
      at: desk.directory.appending(path: "link"), withDestinationURL: desk.directory.appending(path: "acme.vault"))
    let outcome = try desk.husk(Desk.packing + ["-o", "link", "--force"])
    #expect(outcome.stderr == "husk: error: link: is not a regular file\n")
  }
}

/// A file system in memory, mounted at `small`.
struct SmallFileSystem {
  let path: String

  init(in directory: URL, _ options: String) throws {
    path = directory.appending(path: "small").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    try require("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path])
  }

  func unmount() {
    _ = try? run("umount", [path])
  }
}
