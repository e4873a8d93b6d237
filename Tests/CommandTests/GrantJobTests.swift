import Cryptography
import DeviceSupport
import FormatFixtures
import Foundation
import GRDB
import TestSupport
import Testing

/// Grants for many devices at once.
@Suite("husk grant, for many devices")
struct GrantJobTests {
  private let desk: Desk
  /// Their ids, in the order in which the vault got them.
  private let devices: [String]

  init() throws {
    desk = try Desk()
    try desk.furnish()
    try desk.pack()
    try desk.makeIdentity()
    try desk.trustFixtures()
    let root = try desk.read("root.pub")
    let identities = try Identities(bootRoot: PublicKey(pem: root.span.bytes))
    let names = (0..<6).map { "device \($0)" }
    for (batch, range) in [("first", 0..<4), ("second", 4..<6)] {
      try desk.write("\(batch).identities", names[range].flatMap { try identities.file($0) })
      let outcome = try desk.husk(
        "device", "import", "acme.vault", "\(batch).identities", "--batch", batch, "--vault-key", "vault.key")
      try #require(outcome.status == 0, "\(outcome.stderr)")
    }
    devices = try names.map { try identities.id($0) }
  }

  private static let granting = [
    "grant", "--vault", "acme.vault", "--vault-key", "vault.key", "--key", "acme.pem", "--chain", "acme.chain",
  ]
  private static let codec = granting + ["--module", "com.acme.codec"]

  @Test("puts them into one bundle, from which each device's is taken as it would have been issued alone")
  func bundle() throws {
    let outcome = try desk.husk(Self.codec + ["--all", "--not-after", "2090-01-01", "--bundle", "a.grants"])
    #expect(outcome.stdout == "granted   6\nleft out  0\n")
    #expect(outcome.stderr == "")
    #expect(outcome.status == 0)
    #expect(try desk.contents().keys.filter { $0.contains("partial") } == [])
    for device in devices {
      try desk.make("grant", "extract", "a.grants", "--device", device, "-o", "\(device).grant")
      let verified = try desk.husk("verify", "\(device).grant", "--root", "root.pub")
      #expect(verified.stdout == "ok: grant of com.acme.codec, epoch 1, for device \(device)\n")
    }
    #expect(try desk.husk("verify", "a.grants", "--root", "root.pub").stdout == "ok: bundle of 6 grants\n")
    let report = try desk.report("inspect", "a.grants")
    #expect(report["grants"] as? Int == 6)
    let part = try #require((report["part"] as? [[String: Any]])?.first)
    #expect(part["module"] as? String == "com.acme.codec")
    #expect(part["notAfter"] as? String == "2090-01-01T23:59:59Z")
    // The vendor's key certified one for this job alone, which lasts as long as its grants.
    let chain = try #require(part["chain"] as? [String: Any])
    let last = try #require((chain["certificate"] as? [[String: Any]])?.last)
    #expect(last["subject"] as? String == "grant job")
    #expect(last["scope"] as? String == "com.acme.codec")
    #expect(last["notAfter"] as? String == "2090-01-01T23:59:59Z")
    try check()
  }

  @Test("selects devices by batch, tag, list or name, and none unasked")
  func selection() throws {
    #expect(
      try desk.husk("device", "tag", "acme.vault", "beta", devices[1], devices[4], "--vault-key", "vault.key").status
        == 0)
    try desk.write("list", "\(devices[0])\n\n  \(devices[5].prefix(20)) \r\n".utf8)
    for (words, expected) in [
      (["--batch", "second"], [4, 5]), (["--tag", "beta"], [1, 4]), (["--batch", "first", "--tag", "beta"], [1]),
      (["--list", "list"], [0, 5]), (["--device", devices[2], "--device", String(devices[3].prefix(12))], [2, 3]),
      (["--all"], [0, 1, 2, 3, 4, 5]),
    ] {
      let name = "out \(words.joined())"
      #expect(try desk.husk(Self.codec + words + ["--out-dir", name]).status == 0)
      let files = try FileManager.default.contentsOfDirectory(atPath: desk.directory.appending(path: name).path)
      #expect(files.sorted() == expected.map { "\(devices[$0])-com.acme.codec.grant" }.sorted(), "\(words)")
    }
    let usage = "husk: hint: husk grant --help tells how it is meant\n"
    #expect(
      try desk.husk(Self.codec + ["--store"]).stderr
        == "husk: error: which devices? Say --device, --list, --batch, --tag or --all\n" + usage)
    #expect(
      try desk.husk(Self.codec + ["--all", "--device", devices[0], "--store"]).stderr
        == "husk: error: devices are named, listed, or selected by --batch and --tag: one of these\n" + usage)
    #expect(
      try desk.husk(Self.codec + ["--all"]).stderr
        == "husk: error: where to? Say one of -o, --out-dir, --bundle or --store\n" + usage)
  }

  @Test("is refused for one file, with a clear word")
  func oneFile() throws {
    try refuse(
      Self.codec + ["--all", "-o", "a.grant"],
      "-o is for one grant, and these would be more", hint: "--bundle puts them into one file, --out-dir into one each")
    #expect(try desk.husk(Self.codec + ["--device", devices[0], "-o", "a.grant"]).stdout == "")
  }

  @Test("leaves out devices whose status or life cycle forbids it, and tells; a device that was named is an error")
  func leftOut() throws {
    for (device, status) in [(0, "suspended"), (1, "recalled"), (2, "decommissioned"), (3, "resold")] {
      try setStatus(devices[device], status)
    }
    let report = try desk.report(words: Self.codec + ["--all", "--bundle", "a.grants"])
    #expect(report["granted"] as? Int == 3)
    #expect(report["leftOut"] as? Int == 3)
    #expect(report["reasons"] as? [String: Int] == ["suspended": 1, "recalled": 1, "decommissioned": 1])
    for device in devices[..<3] {
      try desk.refuse(
        "grant", "extract", "a.grants", "--device", device, "-o", "no.grant",
        error: "a.grants: no grant for device \(device)")
    }
    try refuse(
      Self.codec + ["--device", devices[4], "--device", devices[1], "--bundle", "b.grants"],
      "\(devices[1]): a device that is recalled gets no grants")
    let debug = try desk.report(words: Self.codec + ["--all", "--lifecycle", "debug", "--store"], status: 1)
    #expect(debug["granted"] as? Int == 0)
    #expect(debug["reasons"] as? [String: Int] == ["secured": 3, "suspended": 1, "recalled": 1, "decommissioned": 1])
    try check()
  }

  @Test("keeps them in the vault, which gives a device's latest one if its signature is right")
  func store() throws {
    for _ in 0..<2 { #expect(try desk.husk(Self.codec + ["--batch", "first", "--store"]).status == 0) }
    try desk.make("grant", "extract", "acme.vault", "--device", String(devices[3].prefix(16)), "-o", "a.grant")
    #expect(try desk.report("inspect", "a.grant")["sequence"] as? Int == 2)
    #expect(try desk.husk("verify", "a.grant", "--root", "root.pub").status == 0)
    try desk.refuse(
      "grant", "extract", "acme.vault", "--device", devices[5], "-o", "b.grant",
      error: "acme.vault: no grant for device \(devices[5])")
    #expect(try desk.husk(Self.codec + ["--device", devices[5], "-o", "c.grant"]).status == 0)
    try desk.refuse(
      "grant", "extract", "acme.vault", "--device", devices[5], "-o", "b.grant",
      error: "acme.vault: the grant was issued, but isn't kept in the vault",
      hint: "husk grant --reissue --store issues it anew and keeps it")
    try check()
    // The last byte of what is kept, which is of the signature.
    try DatabaseQueue(path: desk.directory.appending(path: "acme.vault").path).write {
      try $0.execute(sql: "UPDATE grants SET record = CAST(substr(record, 1, 215) || x'ff' AS BLOB)")
    }
    try desk.refuse(
      "grant", "extract", "acme.vault", "--device", devices[3], "-o", "b.grant",
      error: "acme.vault: the signature of the grant doesn't verify (signature-invalid)")
  }

  @Test("issues anew what devices have, on its terms, for the latest epoch, and nothing to whom it is forbidden")
  func reissue() throws {
    try desk.write("second.so", desk.read("codec.so"))
    let packing = Desk.packing.map { $0 == "com.acme.codec" ? "com.acme.other" : $0 }
    #expect(try desk.husk(packing + ["-o", "other.husk"]).status == 0)
    let other = Self.granting + ["--module", "com.acme.other"]
    #expect(
      try desk.husk(Self.codec + ["--batch", "first", "--versions", "1.0.0..1.9.9", "--store"]).status == 0)
    #expect(try desk.husk(Self.codec + ["--device", devices[4], "--store"]).status == 0)
    #expect(try desk.husk(other + ["--device", devices[0], "--store"]).status == 0)
    #expect(
      try desk.husk("module", "rotate", "acme.vault", "com.acme.codec", "--vault-key", "vault.key").status == 0)
    try setStatus(devices[1], "suspended")

    let outcome = try desk.husk(Self.granting + ["--all", "--reissue", "--bundle", "a.grants"])
    #expect(outcome.stdout == "granted   5\nleft out  1\nreasons\n  suspended  1\n")
    for (device, range) in [(0, "1.0.0..1.9.9"), (2, "1.0.0..1.9.9"), (3, "1.0.0..1.9.9"), (4, nil as String?)] {
      let file = "\(device).grant"
      try desk.make(
        "grant", "extract", "a.grants", "--device", devices[device], "--module", "com.acme.codec", "-o", file)
      let report = try desk.report("inspect", file)
      #expect(report["keyEpoch"] as? Int == 2)
      #expect(report["sequence"] as? Int == 2)
      #expect(report["versions"] as? String == range)
    }
    try desk.refuse(
      "grant", "extract", "a.grants", "--device", devices[0], "-o", "no.grant",
      error: "a.grants: the device has grants of several modules: com.acme.codec, com.acme.other",
      hint: "--module says which")
    for device in [devices[1], devices[5]] {
      try desk.refuse(
        "grant", "extract", "a.grants", "--device", device, "-o", "no.grant",
        error: "a.grants: no grant for device \(device)")
    }
    #expect(
      try desk.husk(Self.granting + ["--all", "--reissue", "--versions", "1.0.0..2.0.0", "--store"]).stderr.hasPrefix(
        "husk: error: --reissue takes the terms of the latest grants: none are given\n"))
    try check()
  }

  @Test(
    "goes on after it was killed, wherever that was: no grant is missing, none is there twice",
    arguments: ["pwrite64", "fdatasync", "fsync", "renameat2", "unlink", "flock", "ftruncate"])
  func killed(call: String) throws {
    let words = Self.codec + ["--all", "--bundle", "a.grants"]
    var isDone = false
    for occurrence in 1...60 where !isDone {
      let outcome = try run(
        "strace",
        [
          "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
          "inject=\(call):signal=SIGKILL:when=\(occurrence)",
        ]
          + [Desk.tool] + words,
        environment: Sanitizer.environment(isTraced: true), directory: desk.directory)
      // The job may have been over already when it was killed.
      isDone = outcome.status == 0 || outcome.stderr == "husk: error: a.grants: already exists\n"
      try check()
      if !isDone {
        // Stopped, but what is there under its name is whole.
        if try desk.contents()["a.grants"] != nil {
          #expect(try desk.husk("verify", "a.grants", "--root", "root.pub").status == 0)
        }
        continue
      }
      #expect(try desk.husk("verify", "a.grants", "--root", "root.pub").stdout == "ok: bundle of 6 grants\n")
      #expect(try desk.contents().keys.filter { $0.contains("partial") } == [], "\(call) \(occurrence)")
    }
    #expect(isDone)
    // However often it was stopped, every device got one grant.
    let counts = try devices.map { device in
      try (desk.report("device", "show", "acme.vault", device)["grant"] as? [[String: Any]])?.count
    }
    #expect(counts == [Int?](repeating: 1, count: 6))
  }

  @Test("goes on where it was stopped, and leaves what another command began")
  func stopped() throws {
    // The bundle can't be put under its name: everything else is done.
    try FileManager.default.createDirectory(
      at: desk.directory.appending(path: "out"), withIntermediateDirectories: true)
    let words = Self.codec + ["--all", "--bundle", "out/a.grants"]
    let outcome = try run(
      "strace",
      ["-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2", "-e", "inject=renameat2:error=ENOSPC:when=1"]
        + [Desk.tool] + words, environment: Sanitizer.environment(isTraced: true), directory: desk.directory)
    #expect(outcome.stderr == "husk: error: out/a.grants: no space left on the device\n")
    #expect(outcome.status == 1)
    try check()
    try refuse(
      Self.codec + ["--batch", "first", "--bundle", "out/a.grants"],
      "out/a.grants.partial: another command began this bundle and was stopped",
      hint: "that command goes on with it when it is given again; to give the bundle up, remove the file")
    // A device that may have none any more keeps what was recorded for it; nothing is issued twice.
    let again = try desk.report(words: words)
    #expect(again["granted"] as? Int == 0)
    #expect(again["grantedBefore"] as? Int == 6)
    #expect(try desk.husk("verify", "out/a.grants", "--root", "root.pub").stdout == "ok: bundle of 6 grants\n")
    // The job is over: the same command begins another.
    try refuse(words, "out/a.grants: already exists")
    #expect(try desk.husk(words + ["--force"]).status == 0)
    try desk.make("grant", "extract", "out/a.grants", "--device", devices[0], "-o", "a.grant")
    #expect(try desk.report("inspect", "a.grant")["sequence"] as? Int == 2)
  }

  @Test("begins anew where the partial bundle was lost")
  func lost() throws {
    let words = Self.codec + ["--all", "--bundle", "a.grants"]
    _ = try run(
      "strace",
      ["-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2", "-e", "inject=renameat2:error=EIO:when=1"]
        + [Desk.tool] + words, environment: Sanitizer.environment(isTraced: true), directory: desk.directory)
    try FileManager.default.removeItem(at: desk.directory.appending(path: "a.grants.partial"))
    let report = try desk.report(words: words)
    #expect(report["granted"] as? Int == 6)
    #expect(report["grantedBefore"] == nil)
    try desk.make("grant", "extract", "a.grants", "--device", devices[0], "-o", "a.grant")
    #expect(try desk.report("inspect", "a.grant")["sequence"] as? Int == 2)
    try check()
  }

  @Test("refuses a bundle that is cut off or damaged, whatever is done with it")
  func damaged() throws {
    #expect(try desk.husk(Self.codec + ["--all", "--bundle", "a.grants"]).status == 0)
    let whole = try desk.read("a.grants")
    try desk.write("a.grants", whole.dropLast(7))
    let cut = "a.grants: the bundle isn't whole: it was cut off, or damaged (size-mismatch)"
    try desk.refuse("verify", "a.grants", "--root", "root.pub", error: cut)
    let inspected = try desk.husk("inspect", "a.grants")
    #expect(inspected.stderr == "husk: error: \(cut)\n")
    #expect(inspected.status == 1)
    try desk.refuse("grant", "extract", "a.grants", "--device", devices[0], "-o", "a.grant", error: cut)
    var flipped = whole
    flipped[200] ^= 1
    try desk.write("a.grants", flipped)
    let damaged = "a.grants: the bundle is damaged (digest-mismatch)"
    try desk.refuse("verify", "a.grants", "--root", "root.pub", error: damaged)
    try desk.refuse("grant", "extract", "a.grants", "--device", devices[0], "-o", "a.grant", error: damaged)
    try desk.write("a.grants", whole)
    try desk.make("keygen", "-o", "other.pem")
    try desk.refuse(
      "verify", "a.grants", "--root", "other.pub",
      error: "a.grants: it was certified under a root that isn't trusted (untrusted-root)")
  }

  @Test("gives one number to one grant when several commands grant at once")
  func concurrent() throws {
    let programs = try (0..<4).map { number in
      try Program(
        Desk.tool, Self.codec + ["--all", "--bundle", "\(number).grants"], directory: desk.directory)
    }
    for program in programs {
      let outcome = try program.outcome()
      #expect(outcome.status == 0, "\(outcome.stderr)")
    }
    for device in devices {
      let sequences = try (0..<4).map { number in
        let file = "\(number)-\(device).grant"
        try desk.make("grant", "extract", "\(number).grants", "--device", device, "-o", file)
        return try desk.report("inspect", file)["sequence"] as? Int ?? 0
      }
      #expect(sequences.sorted() == [1, 2, 3, 4])
    }
    try check()
  }

  private func setStatus(_ device: String, _ status: String) throws {
    let outcome = try desk.husk(
      "device", "status", "acme.vault", status, device, "--why", "a test", "--vault-key", "vault.key")
    try #require(outcome.status == 0, "\(outcome.stderr)")
  }

  private func check(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let outcome = try desk.husk("vault", "check", "acme.vault", "--vault-key", "vault.key")
    #expect(outcome.status == 0, "\(outcome.stdout)", sourceLocation: sourceLocation)
  }

  private func refuse(
    _ words: [String], _ error: String, hint: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = try desk.contents()
    let outcome = try desk.husk(words)
    #expect(
      outcome.stderr == "husk: error: \(error)\n" + (hint.map { "husk: hint: \($0)\n" } ?? ""),
      sourceLocation: sourceLocation)
    #expect(outcome.status == 1, sourceLocation: sourceLocation)
    #expect(try desk.contents() == before, sourceLocation: sourceLocation)
  }
}

extension Desk {
  /// What a verb reports with `--json`.
  fileprivate func report(words: [String], status: Int32 = 0) throws -> [String: Any] {
    let outcome = try husk(words + ["--json"])
    #expect(outcome.status == status, "\(outcome.stderr)")
    let object = try JSONSerialization.jsonObject(with: Data(outcome.stdout.utf8))
    return try #require(object as? [String: Any])
  }
}
