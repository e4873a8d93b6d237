import Cryptography
import DeviceSupport
import FormatFixtures
import Foundation
import TestSupport
import Testing

/// What a vault is for: whatever happens to the processes and disks around it, it holds what was reported as done, and
/// a check proves it.
@Suite("A vault in bad times")
struct VaultSafetyTests {
  private let desk: Desk
  private let identities: Identities

  init() throws {
    desk = try Desk()
    try desk.furnish()
    try desk.pack()
    try desk.makeIdentity()
    try desk.trustFixtures()
    let root = try desk.read("root.pub")
    identities = try Identities(bootRoot: PublicKey(pem: root.span.bytes))
  }

  private static let isRoot = geteuid() == 0

  @Test("loses nothing that was reported as done when a process is killed at any instant")
  func killed() throws {
    let names = (0..<12).map { "device \($0)" }
    for name in names { try desk.write("\(name).identity", identities.file(name)) }
    // Adds one after the other and tells each, in a shell of its own, which is killed with all that it started.
    let script = """
      for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
        \(Desk.tool) device add acme.vault "device $i.identity" --vault-key vault.key >> done || exit 1
      done
      """
    try desk.write("add.sh", script.utf8)
    var generator = SeededGenerator(seed: 7)
    var reported: Set<String> = []
    var rounds = 0
    while reported.count < names.count, rounds < 40 {
      rounds += 1
      let program = try Program("setsid", ["sh", "add.sh"], directory: desk.directory)
      // Not a wait for something: any instant will do.
      usleep(UInt32.random(in: 0...150_000, using: &generator))
      // Whether it leads a group already or not.
      kill(-program.id, SIGKILL)
      kill(program.id, SIGKILL)
      _ = try program.outcome()
      let done = (try? String(contentsOf: desk.directory.appending(path: "done"), encoding: .utf8)) ?? ""
      // The last line may be cut off.
      reported = Set(done.split(separator: "\n").map { String($0.prefix(64)) }.filter { $0.count == 64 })
      let listed = Set(
        try desk.husk("device", "list", "acme.vault").stdout.split(separator: "\n").map { String($0.prefix(64)) })
      #expect(reported.subtracting(listed).isEmpty)
      let check = try desk.husk("vault", "check", "acme.vault", "--vault-key", "vault.key")
      #expect(check.status == 0, "\(check.stdout)")
    }
    for name in names {
      _ = try desk.husk("device", "add", "acme.vault", "\(name).identity", "--vault-key", "vault.key")
    }
    #expect(try desk.husk("device", "list", "acme.vault").stdout.split(separator: "\n").count == names.count)
  }

  @Test("goes on with an import that was killed, where it was")
  func killedImport() throws {
    let count = 400
    try desk.write("all.identities", (0..<count).flatMap { try identities.file("device \($0)") })
    let words = ["device", "import", "acme.vault", "all.identities", "--vault-key", "vault.key"]
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<8 {
      let program = try Program(Desk.tool, words, directory: desk.directory)
      usleep(UInt32.random(in: 0...300_000, using: &generator))
      kill(program.id, [SIGKILL, SIGINT, SIGTERM].randomElement(using: &generator) ?? SIGKILL)
      _ = try program.outcome()
      let check = try desk.husk("vault", "check", "acme.vault", "--vault-key", "vault.key")
      #expect(check.status == 0, "\(check.stdout)")
    }
    #expect(try desk.husk(words).status == 0)
    #expect(try desk.husk("device", "list", "acme.vault").stdout.split(separator: "\n").count == count)
  }

  @Test("told to stop an import, tells what it did; the same command takes in the rest")
  func stoppedImport() throws {
    let count = 200
    let all = try (0..<count).flatMap { try identities.file("device \($0)") }
    let fifo = desk.directory.appending(path: "fifo").path
    try #require(mkfifo(fifo, 0o600) == 0)
    let words = ["device", "import", "acme.vault", "fifo", "--vault-key", "vault.key"]
    let program = try Program(Desk.tool, words, directory: desk.directory)
    let pipe = try FileHandle(forWritingTo: URL(filePath: fifo))
    // More than a pipe holds: when it is written, the import is under way.
    try pipe.write(contentsOf: Data(all))
    kill(program.id, SIGINT)
    try pipe.close()
    let outcome = try program.outcome()
    let added = try #require(Int(outcome.stdout.dropFirst("added ".count).dropLast()))
    #expect(outcome.stdout == "added \(added)\n")
    #expect(
      outcome.stderr
        == "husk: error: stopped after \(added) identities\nhusk: hint: the same command takes in the rest\n")
    #expect(outcome.status == 1)
    try desk.write("all.identities", all)
    let rest = try desk.husk("device", "import", "acme.vault", "all.identities", "--vault-key", "vault.key")
    #expect(rest.stdout == "added \(count - added), known \(added)\n")
  }

  @Test("told to stop an import while it passes over what has no end, stops", .timeLimit(.minutes(10)))
  func stoppedInGarbage() throws {
    let fifo = desk.directory.appending(path: "fifo").path
    try #require(mkfifo(fifo, 0o600) == 0)
    let program = try Program(
      Desk.tool, ["device", "import", "acme.vault", "fifo", "--vault-key", "vault.key"], directory: desk.directory)
    // More than is read at once and a pipe holds: when it is written, the import is under way. And then ever more.
    let writer = try Program(
      "sh",
      ["-c", "exec > fifo; head -c 4000000 /dev/zero; kill -TERM \(program.id); exec cat /dev/zero"],
      directory: desk.directory)
    let outcome = try program.outcome()
    _ = try writer.outcome()
    #expect(outcome.stdout == "added 0\n")
    #expect(
      outcome.stderr
        == "husk: error: stopped after 0 identities\nhusk: hint: the same command takes in the rest\n")
    #expect(outcome.status == 1)
  }

  @Test("that is a pipe or a device is refused, and waited for by nobody", .timeLimit(.minutes(10)))
  func notRegular() throws {
    try #require(mkfifo(desk.directory.appending(path: "fifo.vault").path, 0o600) == 0)
    for words in [["vault", "info"], ["vault", "check"], ["module", "list"], ["vault", "clock"]] {
      for path in ["fifo.vault", "/dev/zero"] {
        let outcome = try desk.husk(words + [path])
        #expect(outcome.stderr == "husk: error: \(path): is not a regular file\n", "\(words)")
        #expect(outcome.status == 1)
      }
    }
    let outcome = try desk.husk("module", "rotate", "fifo.vault", "com.acme.codec", "--vault-key", "vault.key")
    #expect(outcome.stderr == "husk: error: fifo.vault: is not a regular file\n")
  }

  @Test("is consistent after two processes import and others change and grant at once")
  func concurrency() throws {
    let count = 120
    for part in 0..<2 {
      // Half of the devices are in both files.
      let range = part == 0 ? 0..<80 : 40..<count
      try desk.write("\(part).identities", range.flatMap { try identities.file("device \($0)") })
    }
    try desk.write("first.identity", identities.file("device 0"))
    #expect(
      try desk.husk("device", "add", "acme.vault", "first.identity", "--vault-key", "vault.key").status == 0)
    let id = try identities.id("device 0")
    let programs =
      try (0..<2).map { part in
        try Program(
          Desk.tool, ["device", "import", "acme.vault", "\(part).identities", "--vault-key", "vault.key"],
          directory: desk.directory)
      }
      + (0..<4).map { number in
        try Program(
          Desk.tool,
          [
            "grant", "--vault", "acme.vault", "--vault-key", "vault.key", "--key", "acme.pem", "--chain", "acme.chain",
            "--module", "com.acme.codec", "--device", id, "-o", "\(number).grant",
          ], directory: desk.directory)
      }
      + (0..<3).map { _ in
        try Program(
          Desk.tool, ["module", "rotate", "acme.vault", "com.acme.codec", "--vault-key", "vault.key"],
          directory: desk.directory)
      }
    for program in programs {
      let outcome = try program.outcome()
      #expect(outcome.status == 0, "\(outcome.stderr)")
    }
    let check = try desk.husk("vault", "check", "acme.vault", "--vault-key", "vault.key")
    #expect(check.status == 0, "\(check.stdout)")
    #expect(try desk.husk("device", "list", "acme.vault").stdout.split(separator: "\n").count == count)
    let sequences = try (0..<4).map { try desk.report("inspect", "\($0).grant")["sequence"] as? Int ?? 0 }
    #expect(sequences.sorted() == [1, 2, 3, 4])
    #expect(try desk.husk("module", "list", "acme.vault").stdout.contains("epoch 4"))
  }

  @Test("can be read and backed up from a read-only file system", .enabled(if: isRoot, "mounting takes root"))
  func readOnly() throws {
    try desk.write("A.identity", identities.file("A"))
    #expect(try desk.husk("device", "add", "acme.vault", "A.identity", "--vault-key", "vault.key").status == 0)
    let small = try SmallFileSystem(in: desk.directory, "size=4m")
    defer { small.unmount() }
    try desk.write("small/acme.vault", desk.read("acme.vault"))
    try require("mount", ["-o", "remount,ro", small.path])
    #expect(try desk.husk("device", "list", "small/acme.vault").stdout.split(separator: "\n").count == 1)
    #expect(try desk.husk("vault", "check", "small/acme.vault", "--vault-key", "vault.key").status == 0)
    #expect(try desk.husk("vault", "info", "small/acme.vault").status == 0)
    try desk.make("vault", "backup", "small/acme.vault", "-o", "copy.vault")
    #expect(try desk.husk("vault", "check", "copy.vault", "--vault-key", "vault.key").status == 0)
    try desk.refuse(
      "module", "rotate", "small/acme.vault", "com.acme.codec", "--vault-key", "vault.key",
      error: "small/acme.vault: the vault or its directory can't be written")
  }

  @Test(
    "says what keeps it from being read where the latest changes can't be taken in",
    .enabled(if: isRoot, "mounting takes root"))
  func unfinished() throws {
    let small = try SmallFileSystem(in: desk.directory, "size=4m")
    defer { small.unmount() }
    try desk.write("small/acme.vault", desk.read("acme.vault"))
    try desk.write("small/acme.vault-wal", [UInt8](repeating: 1, count: 100))
    try require("mount", ["-o", "remount,ro", small.path])
    let outcome = try desk.husk("vault", "info", "small/acme.vault")
    #expect(outcome.status == 1)
    #expect(outcome.stderr.contains("can only be read here, and what was written last is still in the file beside it"))
  }

  @Test("on a disk that is full half-way keeps what fitted", .enabled(if: isRoot, "mounting takes root"))
  func fullDisk() throws {
    let small = try SmallFileSystem(in: desk.directory, "size=1400k")
    defer { small.unmount() }
    try desk.write("small/acme.vault", desk.read("acme.vault"))
    try desk.write("all.identities", (0..<3000).flatMap { try identities.file("device \($0)") })
    let outcome = try desk.husk("device", "import", "small/acme.vault", "all.identities", "--vault-key", "vault.key")
    #expect(outcome.status == 1)
    #expect(outcome.stderr == "husk: error: small/acme.vault: no space left on the device\n")
    let check = try desk.husk("vault", "check", "small/acme.vault", "--vault-key", "vault.key")
    #expect(check.status == 0, "\(check.stdout) \(check.stderr)")
    try require("mount", ["-o", "remount,size=16m", small.path])
    #expect(
      try desk.husk("device", "import", "small/acme.vault", "all.identities", "--vault-key", "vault.key").status == 0)
    #expect(try desk.husk("device", "list", "small/acme.vault").stdout.split(separator: "\n").count == 3000)
  }
}
