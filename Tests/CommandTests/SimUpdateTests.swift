import DeviceSupport
import Foundation
import Testing

/// SPEC 13.1: updates of a simulated device, from the command line.
@Suite(
  "husk sim update, slots and history",
  .enabled(if: devicesAvailable, "booting a device takes root and scripts/build-device.sh"))
struct SimUpdateTests {
  private let desk: Desk

  /// A device of root.pem's with its first set of stages, and `firmware-2.husk`.
  init() throws {
    desk = try Desk()
    for key in ["root", "platform", "silicon"] { try desk.make("keygen", "-o", "\(key).pem") }
    try desk.make(
      "certify", "--key", "root.pem", "--subject-key", "platform.pub", "--subject", "Acme", "--role", "boot.loader",
      "--role", "boot.decryptor", "--role", "boot.firmware", "--scope", "com.acme.", "-o", "platform.chain")
    try desk.make(
      "sim", "create", "dev", "--rom", Release.host.stage("bootrom").path, "--boot-root", "root.pub",
      "--device-root-key", "silicon.pem")
    try pack(Release.host.stage("bootloader"), as: "loader", version: 1)
    try pack(Release.host.stage("decryptor"), as: "decryptor", version: 1)
    for build in 1...2 {
      try pack(
        Compiler.firmware("updates", ["-DBUILD=\(build)"]), as: "firmware", version: build, securityVersion: build - 1)
    }
    try desk.make("sim", "install", "dev", "loader-1.husk", "decryptor-1.husk", "firmware-1.husk")
  }

  private func pack(_ image: URL, as role: String, version: Int, securityVersion: Int = 0) throws {
    try desk.make(
      "pack", image.path, "--role", "boot.\(role)", "--name", "com.acme.\(role)", "--version", "\(version).0.0",
      "--security-version", "\(securityVersion)", "--key", "platform.pem", "--chain", "platform.chain", "-o",
      "\(role)-\(version).husk")
  }

  private func boot(_ arguments: String...) throws -> Outcome {
    try desk.husk(["sim", "boot", "dev", "--watchdog", "60", "--"] + arguments)
  }

  private func slots() throws -> [[String: Any]] {
    try #require(try desk.report("sim", "slots", "dev")["slot"] as? [[String: Any]])
  }

  private func states() throws -> [String?] { try slots().map { $0["state"] as? String } }

  @Test("put a new firmware on trial, tell of it, and keep it once it has confirmed")
  func update() throws {
    #expect(try states() == ["factory", "factory"])
    #expect(try slots().map { $0["starts"] as? Bool } == [true, false])
    #expect(try boot("say").stdout == "build 1\n")
    #expect(try states() == ["good", "idle"])
    // What one that was killed left.
    try desk.write("dev/flash/update/.firmware.husk.x1Y2z3", [1])
    try desk.make("sim", "update", "dev", "firmware-2.husk")
    #expect(try states() == ["good", "trial"])
    #expect(try slots()[1]["triesLeft"] as? Int == 3)
    #expect(try FileManager.default.contentsOfDirectory(atPath: desk.directory.path + "/dev/flash/update") == [])
    let firmware = try #require((try slots()[1]["package"] as? [[String: Any]])?.last)
    #expect(firmware["file"] as? String == "boot/b/firmware.husk")
    #expect(firmware["version"] as? String == "2.0.0")
    #expect(firmware["securityVersion"] as? Int == 1)
    try desk.refuse(
      "sim", "update", "dev", "firmware-2.husk", error: "an update is on trial already (on-trial)",
      hint: "boot the device: the firmware confirms the update, or it is given up after three starts")

    #expect(try boot("say", "exit=9").status == 9)
    #expect(try boot("say", "confirm").stdout == "build 2\nconfirm: success\n")
    #expect(try states() == ["good", "confirmed"])
    #expect(try boot("say").stdout == "build 2\n")
    #expect(try states() == ["idle", "good"])
    #expect(try boot("say").stdout == "build 2\n")
    let floors = try desk.report("sim", "slots", "dev")["floors"] as? [String: Int]
    #expect(floors == ["loader": 0, "decryptor": 0, "firmware": 1])
    #expect(try desk.report("sim", "status", "dev")["floors"] as? [String: Int] == floors)
    #expect(
      try desk.husk("sim", "history", "dev").stdout == """
        run 0  slot b (1.0.0)  is a copy of the good one now
        run 0  slot b (2.0.0)  installed, on trial
        run 1  slot b (2.0.0)  started on trial, 2 tries left
        run 1  slot b (2.0.0)  ended without a confirmation, with status 9
        run 2  slot b (2.0.0)  started on trial, 1 try left
        run 2  slot b (2.0.0)  confirmed
        run 2  slot b (2.0.0)  is the good one now
        run 2  slot a (2.0.0)  is a copy of the good one now

        """)
    let events = try #require(try desk.report("sim", "history", "dev")["boot"] as? [[String: Any]])
    #expect(events.map { $0["event"] as? String }.suffix(2) == ["permanent", "refreshed"])
    #expect(events[3]["status"] as? Int == 9)
    // The old one is shut out now.
    try desk.refuse(
      "sim", "update", "dev", "firmware-1.husk",
      error: "the update is refused (rollback); the device starts what it had",
      hint: "a security version is below the device's floor; husk sim slots tells the floors")
  }

  @Test("tell what is wrong with a slot, and what the device took instead")
  func rot() throws {
    #expect(try boot("say").stdout == "build 1\n")
    var bytes = try desk.read("dev/flash/boot/a/decryptor.husk")
    bytes[bytes.count - 1] ^= 1
    try desk.write("dev/flash/boot/a/decryptor.husk", bytes)
    let report = try desk.husk("sim", "slots", "dev").stdout
    #expect(
      report.hasPrefix(
        """
        slot 1
          name     a
          state    good
          starts   no: decryptor: digest-mismatch
          package
            boot/a/bootloader.husk  com.acme.loader 1.0.0  security version 0
            boot/a/decryptor.husk  com.acme.decryptor 1.0.0  security version 0
            boot/a/firmware.husk  com.acme.firmware 1.0.0  security version 0
        slot 2
          name     b
          state    idle
          starts   yes

        """), "\(report)")
    #expect(try boot("say").stdout == "build 1\n")
    #expect(try states() == ["idle", "good"])
    #expect(
      try desk.husk("sim", "history", "dev").stdout.hasSuffix(
        "slot b (1.0.0)  took the place of the other slot: digest-mismatch\n"))
  }

  @Test("take stages that are installed only at the factory, and updates of a device that never started")
  func factory() throws {
    try desk.make("sim", "install", "dev", "firmware-2.husk", "firmware-1.husk")
    try desk.make("sim", "update", "dev", "firmware-2.husk")
    #expect(try states() == ["good", "trial"])
    try desk.refuse(
      "sim", "install", "dev", "firmware-1.husk",
      error: "firmware-1.husk: the device has started before, so its stages are updated",
      hint: "husk sim update does that")
    #expect(try boot("say").stdout == "build 2\n")
  }

  @Test("take nothing but stages, and nothing that the device wouldn't start")
  func refused() throws {
    // Who opens the store leaves that.
    try desk.write("dev/flash/modules/lock", [])
    try desk.make("vault", "create", "acme.vault", "--vault-key", "vault.key")
    try desk.make(
      "certify", "--key", "root.pem", "--subject-key", "platform.pub", "--subject", "Acme", "--role", "module",
      "--scope",
      "com.acme.", "-o", "acme.chain")
    try desk.write("codec.so", Data(contentsOf: Compiler.sharedObject("answer", ["-DANSWER=42", "-Wl,-z,now"])))
    try desk.make(
      "pack", "codec.so", "--name", "com.acme.codec", "--version", "1.2.3", "--vault", "acme.vault", "--vault-key",
      "vault.key", "--key", "platform.pem", "--chain", "acme.chain", "-o", "codec.husk")
    try desk.refuse(
      "sim", "update", "dev", "codec.husk", error: "codec.husk: is not a boot stage",
      hint: "husk sim install puts modules into flash")
    try desk.refuse("sim", "update", "dev", "none.husk", error: "none.husk: no such file or directory")
    try desk.refuse(
      "sim", "update", "dev", "firmware-2.husk", "firmware-1.husk",
      error: "firmware-1.husk: another package for the same stage is given too")
    var bytes = try desk.read("firmware-2.husk")
    bytes[bytes.count - 1] ^= 1
    try desk.write("damaged.husk", bytes)
    try desk.refuse(
      "sim", "update", "dev", "damaged.husk",
      error: "the update is refused (digest-mismatch); the device starts what it had",
      hint: "a file is damaged, or one that the device has in use; husk verify and husk sim slots tell which")
    let anybody = try run(
      "setpriv",
      ["--reuid=65534", "--regid=65534", "--clear-groups", Desk.tool, "sim", "update", "dev", "firmware-2.husk"],
      directory: desk.directory)
    #expect(anybody.stderr == "husk: error: starting a device needs root\nhusk: hint: run it with sudo\n")
  }

  @Test("find a flash that takes no writes, and start from it whoever owns what is in it")
  func readOnly() throws {
    #expect(try boot("say").stdout == "build 1\n")
    try Mount.over(desk.directory.appending(path: "dev/flash"), megabytes: 64) { mount in
      #expect(chown(mount.url.appending(path: "modules").path, 1234, 1234) == 0)
      try mount.makeReadOnly()
      #expect(try boot("say").stdout == "build 1\n")
      try desk.refuse(
        "sim", "update", "dev", "firmware-2.husk",
        error: "dev/flash/update/firmware.husk: the file system is read-only")
      #expect(try states() == ["good", "idle"])
    }
  }

  @Test("find everything in flash with its owner, whoever put it there")
  func ownership() throws {
    func owners(_ path: String) throws -> [Int?] {
      let attributes = try FileManager.default.attributesOfItem(atPath: desk.directory.path + "/dev/flash/" + path)
      return [attributes[.ownerAccountID] as? Int, attributes[.groupOwnerAccountID] as? Int]
    }
    let paths = try FileManager.default.subpathsOfDirectory(atPath: desk.directory.path + "/dev/flash")
    for path in paths { #expect(chown(desk.directory.path + "/dev/flash/" + path, 1234, 1234) == 0) }
    try desk.write("dev/flash/update/mine", [1])
    try FileManager.default.removeItem(atPath: desk.directory.path + "/dev/flash/modules")
    let outcome = try run(
      "env", ["SUDO_UID=1000", "SUDO_GID=1001", Desk.tool, "sim", "boot", "dev", "--", "say", "attack"],
      directory: desk.directory)
    #expect(outcome.stdout == "build 1\nattacked\n", "\(outcome)")
    for path in [
      "", "boot", "boot/a", "boot/a/firmware.husk", "boot/b/firmware.husk", "boot/control/0", "storage", "storage/0",
    ] {
      #expect(try owners(path) == [0, 0], "\(path)")
    }
    for path in ["modules", "grants", "status", "update", "update/mine"] {
      #expect(try owners(path) == [1000, 1001], "\(path)")
    }
  }
}
