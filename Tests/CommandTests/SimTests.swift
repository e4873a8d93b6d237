import DeviceSupport
import Foundation
import Testing

/// What the simulator does without booting; the tests of devices boot them.
@Suite("husk sim")
struct SimTests {
  private let desk: Desk

  init() throws {
    desk = try Desk()
    try desk.furnish()
    try desk.make("keygen", "-o", "silicon.pem")
    try desk.write("bootrom", "a boot ROM".utf8)
  }

  @Test("creates a device with a secret of its own, readable by nobody else")
  func create() throws {
    try create("one")
    try create("two")
    #expect(
      try desk.contents().keys.filter { $0.hasPrefix("one/") }.sorted() == [
        "one/flash", "one/flash/boot", "one/flash/boot/a", "one/flash/boot/b", "one/flash/boot/control",
        "one/flash/grants", "one/flash/modules", "one/flash/status", "one/flash/storage", "one/flash/update",
        "one/fuses", "one/fuses/counter", "one/fuses/floors", "one/fuses/fuses", "one/rom", "one/rom/bootrom",
      ])
    #expect(try desk.permissions("one") == 0o755)
    #expect(try desk.permissions("one/rom/bootrom") == 0o755)
    #expect(try desk.permissions("one/fuses") == 0o700)
    #expect(try desk.permissions("one/fuses/fuses") == 0o400)
    #expect(try desk.permissions("one/fuses/counter") == 0o600)
    #expect(try desk.read("one/fuses/counter") == [])
    #expect(try desk.permissions("one/fuses/floors") == 0o600)
    #expect(try desk.read("one/fuses/floors") == [])
    #expect(try desk.permissions("one/flash/boot") == 0o755)
    #expect(try desk.read("one/rom/bootrom") == Array("a boot ROM".utf8))
    let one = try desk.report("sim", "status", "one")
    let two = try desk.report("sim", "status", "two")
    #expect(one["device"] as? String != two["device"] as? String)
    #expect(try desk.read("one/fuses/fuses").suffix(32) != desk.read("two/fuses/fuses").suffix(32))
    #expect(one["lifecycle"] as? String == "secured")
    #expect(one["trustedClock"] as? Bool == true)
    let thumbprint = try #require(try desk.report("inspect", "root.pub")["thumbprint"] as? String)
    #expect((one["bootRoot"] as? [[String: Any]])?.first?["thumbprint"] as? String == thumbprint)
  }

  @Test("shows of fuses only what isn't secret")
  func inspectFuses() throws {
    try create("dev")
    let secret = try desk.read("dev/fuses/fuses").suffix(32).map { String(format: "%02x", $0) }.joined()
    for words in [
      ["inspect", "dev/fuses/fuses"], ["inspect", "dev/fuses/fuses", "--json"], ["sim", "status", "dev"],
    ] {
      let outcome = try desk.husk(words)
      #expect(outcome.status == 0)
      #expect(!outcome.stdout.contains(secret))
    }
  }

  @Test("creates nothing over what exists, and nothing by halves")
  func creationRefused() throws {
    try create("dev")
    try desk.refuse(
      "sim", "create", "dev", "--rom", "bootrom", "--boot-root", "root.pub", "--device-root-key", "silicon.pem",
      error: "dev: already exists")
    try desk.refuse(
      "sim", "create", "new", "--rom", "missing", "--boot-root", "root.pub", "--device-root-key", "silicon.pem",
      error: "missing: no such file or directory")
    try desk.refuse(
      "sim", "create", "new/dev", "--rom", "bootrom", "--boot-root", "root.pub", "--device-root-key", "silicon.pem",
      error: "new/dev: the directory to write to doesn't exist")
    try desk.refuse(
      "sim", "create", "new", "--rom", "bootrom", "--boot-root", "root.pub", "--device-root-key", "silicon.pem",
      "--revoke", "0", error: "this would revoke the last boot root: nothing would ever boot again")
    try desk.refuse(
      "sim", "create", "new", "--rom", "bootrom", "--device-root-key", "silicon.pem",
      error: "one to four boot roots are needed: --boot-root <root.pub>",
      hint: "husk sim create --help tells how it is meant", status: 2)
  }

  @Test("blows fuses upwards only")
  func fuse() throws {
    try create("dev", "--build-time", "2026-01-01")
    let secret = try desk.read("dev/fuses/fuses").suffix(32)
    let device = try desk.report("sim", "status", "dev")["device"] as? String
    try desk.make(
      "sim", "fuse", "dev", "--lifecycle", "debug", "--floor", "loader=3", "--floor", "firmware=5", "--key-epoch", "4",
      "--build-time", "2026-02-01")
    let status = try desk.report("sim", "status", "dev")
    #expect(status["lifecycle"] as? String == "debug")
    #expect(status["floors"] as? [String: Int] == ["loader": 3, "decryptor": 0, "firmware": 5])
    #expect(status["keyEpoch"] as? Int == 4)
    #expect(status["buildTime"] as? String == "2026-02-01T00:00:00Z")
    #expect(status["device"] as? String == device)
    #expect(try desk.read("dev/fuses/fuses").suffix(32) == secret)
    #expect(try desk.permissions("dev/fuses/fuses") == 0o400)
    for (words, error) in [
      (["--floor", "loader=2"], "fuses only go up: the floor of boot.loader is higher already"),
      (["--key-epoch", "3"], "fuses only go up: the key epoch is higher already"),
      (["--build-time", "2026-01-31"], "fuses only go up: the build time is later already"),
      (["--revoke", "0"], "this would revoke the last boot root: nothing would ever boot again"),
      (["--revoke", "1"], "there is no boot root in slot 1"),
    ] {
      let before = try desk.contents()
      let outcome = try desk.husk(["sim", "fuse", "dev"] + words)
      #expect(outcome.stderr == "husk: error: \(error)\n")
      #expect(outcome.status == 1)
      #expect(try desk.contents() == before)
    }
    try desk.refuse(
      "sim", "fuse", "dev", error: "nothing to change: give at least one fuse",
      hint: "husk sim fuse --help tells how it is meant", status: 2)
  }

  @Test("revokes roots for good")
  func revoke() throws {
    try create("dev", "--boot-root", "acme.pub")
    try desk.make("sim", "fuse", "dev", "--revoke", "0")
    try desk.make("sim", "fuse", "dev", "--floor", "loader=1")
    let roots = try #require(try desk.report("sim", "status", "dev")["bootRoot"] as? [[String: Any]])
    #expect(roots.map { $0["revoked"] as? Bool } == [true, false])
  }

  @Test("installs packages and grants where they belong, and replaces them")
  func install() throws {
    try create("dev")
    try desk.pack()
    try desk.make("sim", "install", "dev", "codec.husk")
    try desk.make("sim", "install", "dev", "codec.husk")
    #expect(try desk.read("dev/flash/modules/com.acme.codec/1.husk") == desk.read("codec.husk"))
    #expect(try desk.permissions("dev/flash/modules/com.acme.codec/1.husk") == 0o644)
    let packages = try #require(try desk.report("sim", "status", "dev")["package"] as? [[String: Any]])
    #expect(packages.map { $0["name"] as? String } == ["com.acme.codec"])
  }

  @Test("installs nothing else, and nothing that isn't whole")
  func installationRefused() throws {
    try create("dev")
    try desk.pack()
    try desk.write("cut.husk", desk.read("codec.husk").dropLast())
    // Who opens the store leaves that.
    try desk.write("dev/flash/modules/lock", [])
    try desk.refuse(
      "sim", "install", "dev", "cut.husk",
      error: "cut.husk: the file doesn't end where its payload should (size-mismatch)")
    try desk.refuse(
      "sim", "install", "dev", "acme.chain",
      error: "acme.chain: is a certificate chain; packages and grants can be installed")
    try desk.refuse(
      "sim", "install", "dev", "codec.so",
      error: "codec.so: is not a Husk file; packages and grants can be installed")
    try desk.refuse(
      "sim", "install", "codec.so", "codec.husk", error: "codec.so: not a simulated device",
      hint: "husk sim create makes one")
    try desk.refuse("sim", "install", "missing", "codec.husk", error: "missing: no such file or directory")
  }

  @Test(
    "installs nothing where a link leads out of the device",
    arguments: ["flash", "flash/modules", "flash/grants", "flash/boot", "flash/boot/a", "flash/update"])
  func links(folder: String) throws {
    try create("dev")
    try desk.pack()
    let path = desk.directory.appending(path: "dev/\(folder)").path
    try FileManager.default.moveItem(atPath: path, toPath: desk.directory.appending(path: "elsewhere").path)
    try FileManager.default.createSymbolicLink(
      atPath: path, withDestinationPath: desk.directory.appending(path: "elsewhere").path)
    try desk.refuse(
      "sim", "install", "dev", "codec.husk",
      error: "dev/\(folder): is a link or a file, and not the device's own directory")
  }

  @Test(
    "boots firmware as the user who called sudo, and never as root",
    .enabled(if: isRoot, "booting takes root"),
    arguments: [
      (["SUDO_UID=1000", "SUDO_GID=1001"], "1000 1001"), (["SUDO_UID=0", "SUDO_GID=1001"], "64902 64902"),
      (["SUDO_UID=1000", "SUDO_GID=0"], "64902 64902"), (["SUDO_UID=1000"], "64902 64902"),
      (["SUDO_UID=4294967295", "SUDO_GID=1001"], "64902 64902"),
      (["SUDO_UID=1000", "SUDO_GID=4294967295"], "64902 64902"),
      (["SUDO_UID=4294967296", "SUDO_GID=-1"], "64902 64902"),
    ])
  func firmwareUser(environment: [String], user: String) throws {
    // Tells the user and group that the ROM is to start the firmware as.
    try desk.write("bootrom", "#!/bin/sh\necho $7 $8\n".utf8)
    try create("dev")
    let outcome = try run(
      "env", ["-u", "SUDO_UID", "-u", "SUDO_GID"] + environment + [Desk.tool, "sim", "boot", "dev"],
      directory: desk.directory)
    #expect(outcome.stdout == "\(user)\n")
  }

  @Test("says that root is needed before anything else", .enabled(if: isRoot, "becoming another user takes root"))
  func needsRoot() throws {
    try create("dev")
    let anybody = ["--reuid=65534", "--regid=65534", "--clear-groups", Desk.tool, "sim"]
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o700], ofItemAtPath: desk.directory.appending(path: "dev").path)
    for words in [["boot", "dev"], ["identity", "dev"]] {
      let outcome = try run("setpriv", anybody + words, directory: desk.directory)
      #expect(
        outcome.stderr == "husk: error: starting a device needs root\nhusk: hint: run it with sudo\n")
    }
    let status = try run("setpriv", anybody + ["status", "dev"], directory: desk.directory)
    #expect(status.stderr == "husk: error: dev: permission denied\n")
  }

  private static let isRoot = geteuid() == 0

  private func create(_ name: String, _ words: String...) throws {
    let outcome = try desk.husk(
      [
        "sim", "create", name, "--rom", "bootrom", "--boot-root", "root.pub", "--device-root-key", "silicon.pem",
      ] + words)
    #expect(outcome.stderr == "")
    try #require(outcome.status == 0)
  }
}
