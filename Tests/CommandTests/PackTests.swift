import DeviceSupport
import Foundation
import Testing

@Suite("husk pack")
struct PackTests {
  private let desk: Desk

  init() throws {
    desk = try Desk()
    try desk.furnish()
  }

  @Test("makes a package that verifies under its root, and under no other")
  func verifies() throws {
    try desk.pack()
    #expect(try desk.permissions("codec.husk") == 0o644)
    let verified = try desk.husk("verify", "codec.husk", "--root", "root.pub")
    #expect(verified.stdout == "ok: module com.acme.codec 1.2.3\n")
    try desk.refuse(
      "verify", "codec.husk", "--root", "acme.pub",
      error: "codec.husk: it was certified under a root that isn't trusted (untrusted-root)")
    #expect(try desk.husk("vault", "info", "acme.vault").stdout.contains("com.acme.codec"))
  }

  @Test("keeps the module's epoch until it is rotated")
  func epochs() throws {
    try desk.pack()
    #expect(try desk.husk(Desk.packing + ["-o", "again.husk"]).status == 0)
    let rotated = try desk.husk(
      "module", "rotate", "acme.vault", "com.acme.codec", "--vault-key", "vault.key")
    #expect(rotated.stdout == "com.acme.codec: epoch 2\n")
    #expect(try desk.husk(Desk.packing + ["-o", "new.husk"]).status == 0)
    for (file, epoch) in [("codec.husk", 1), ("again.husk", 1), ("new.husk", 2)] {
      #expect(try desk.report("inspect", file)["keyEpoch"] as? Int == epoch)
    }
    try desk.refuse(
      "module", "rotate", "acme.vault", "com.acme.other", "--vault-key", "vault.key",
      error: "acme.vault: no module com.acme.other",
      hint: "husk module list tells the modules; pack begins new ones")
  }

  @Test("packs for the machine that the module was built for")
  func foreignMachine() throws {
    var module = try desk.read("codec.so")
    module[18] = 183
    try desk.write("codec.so", module)
    try desk.pack()
    #expect(try desk.report("inspect", "codec.husk")["machine"] as? String == "AArch64")
  }

  @Test("replaces a package only when told to")
  func existing() throws {
    try desk.pack()
    try refuse(["-o", "codec.husk"], error: "codec.husk: already exists")
    #expect(try desk.husk(Desk.packing + ["-o", "codec.husk", "--force"]).status == 0)
    #expect(try desk.husk("verify", "-q", "codec.husk", "--root", "root.pub").status == 0)
  }

  @Test(
    "never replaces what is no package: a key, the vault, the module itself",
    arguments: ["acme.pem", "vault.key", "acme.vault", "acme.chain", "codec.so", "empty"])
  func precious(file: String) throws {
    try desk.write("empty", [])
    try refuse(
      ["--force", "-o", file],
      error: "\(file): is not a package, and --force replaces only a file of the same kind")
  }

  @Test("writes to standard output and reads from standard input")
  func pipes() throws {
    let tool = Desk.tool
    let words = (Desk.packing + ["-o", "-"]).joined(separator: " ").replacing("pack codec.so", with: "pack -")
    let outcome = try run(
      "sh", ["-c", "cat codec.so | \(tool) \(words) | \(tool) verify - --root root.pub"], directory: desk.directory)
    #expect(outcome.stdout == "ok: module com.acme.codec 1.2.3\n")
    #expect(outcome.stderr == "")
    try desk.pack()
    let substituted = try run(
      "bash", ["-c", "\(tool) verify <(cat codec.husk) --root <(cat root.pub)"], directory: desk.directory)
    #expect(substituted.stdout == "ok: module com.acme.codec 1.2.3\n")
  }

  @Test("lets devices make a module's code execute-only if told to, which inspect shows")
  func executeOnly() throws {
    try desk.pack()
    #expect(try desk.report("inspect", "codec.husk")["executeOnlyText"] as? Bool == false)
    #expect(try desk.husk(Desk.packing + ["--execute-only", "-o", "opted.husk"]).status == 0)
    #expect(try desk.report("inspect", "opted.husk")["executeOnlyText"] as? Bool == true)
    #expect(try desk.husk("inspect", "opted.husk").stdout.contains(#/execute only text +allowed\n/#))
    let mixed = try Compiler.sharedObject("answer", ["-DANSWER=42", "-Wl,-z,now", "-Wl,-z,noseparate-code"])
    try desk.write("mixed.so", Data(contentsOf: mixed))
    try refuse(
      image: "mixed.so", ["--execute-only", "-o", "mixed.husk"],
      error: """
        mixed.so: its code shares pages with tables that are read, so that it can't be execute-only
        husk: hint: link the module with -Wl,-z,separate-code
        """)
  }

  @Test("says what is wrong with a file that is no module")
  func otherFiles() throws {
    try desk.write("text.so", "#!/bin/sh\n".utf8)
    try desk.write("empty.so", [])
    try FileManager.default.createDirectory(
      at: desk.directory.appending(path: "folder"), withIntermediateDirectories: false)
    try desk.write("program.c", "int main(void) { return 0; }".utf8)
    try require(
      "gcc", ["-o", desk.directory.appending(path: "program").path, desk.directory.appending(path: "program.c").path])
    try require(
      "gcc",
      ["-c", "-o", desk.directory.appending(path: "object.o").path, desk.directory.appending(path: "program.c").path])
    for (file, error) in [
      ("missing.so", "missing.so: no such file or directory"),
      ("folder", "folder: is a directory"),
      ("empty.so", "empty.so: is empty"),
      ("text.so", "text.so: not an ELF file (not-a-module)"),
      ("codec.so/x", "codec.so/x: a part of the path is not a directory"),
      (
        "program",
        """
        program: an executable, not a shared object (not-a-module)
        husk: hint: boot stages are packed with --role
        """
      ),
      (
        "object.o",
        """
        object.o: a relocatable object file, not a shared object (not-a-module)
        husk: hint: link it first: cc -shared -o module.so object.o
        """
      ),
    ] { try refuse(image: file, ["-o", "codec.husk"], error: error) }
  }

  @Test("refuses keys, chains and vaults that don't belong together")
  func mismatches() throws {
    try desk.make("keygen", "-o", "other.pem")
    try desk.make("vault", "create", "other.vault", "--vault-key", "other.key")
    try desk.make(
      "certify", "--key", "acme.pem", "--chain", "acme.chain", "--subject-key", "other.pub", "--subject", "grants",
      "--role", "grant", "--scope", "com.acme.", "-o", "grants.chain")
    for (words, error) in [
      (["--key", "other.pem"], "acme.chain: the chain ends in another key than the one to sign with (chain-invalid)"),
      (
        ["--key", "other.pem", "--chain", "grants.chain"],
        "grants.chain: its signer isn't certified for this role (role-mismatch)"
      ),
      (
        ["--name", "com.other.codec"],
        "acme.chain: the chain's scope, com.acme., doesn't cover this name (scope-violation)"
      ),
      (["--vault-key", "other.key"], "other.key: not the key that unlocks this vault"),
      (
        ["--vault-key", "acme.pem"],
        """
        acme.pem: this is another type of key, not a vault's key
        husk: hint: husk vault create wrote it, or the vault is unlocked by a passphrase
        """
      ),
      (
        ["--vault", "codec.so"],
        "codec.so: not a vault, or a damaged one\nhusk: hint: a vault that is damaged is restored from a husk vault backup"
      ),
      (["--vault", "missing.vault"], "missing.vault: no such file or directory"),
      (
        ["--chain", "codec.so"],
        "codec.so: not a Husk file of the expected kind (malformed)\nhusk: hint: husk inspect tells what a file is"
      ),
    ] { try refuse(words + ["-o", "codec.husk"], error: error) }
  }

  @Test("refuses a dangerous module, unless that is allowed")
  func danger() throws {
    try desk.write("danger.c", "int answer(void) { return 42; }".utf8)
    let path = desk.directory.appending(path: "danger").path
    try require("gcc", ["-shared", "-fPIC", "-s", "-Wl,-z,execstack", "-o", path + ".so", path + ".c"])
    let lint = try desk.husk("lint", "danger.so")
    #expect(lint.status == 1)
    #expect(lint.stderr == "")
    let findings = try #require(try desk.report("lint", "danger.so")["findings"] as? [[String: Any]])
    let title = try #require(findings.first?["title"] as? String)
    #expect(lint.stdout.contains(title))
    try refuse(
      image: "danger.so", ["-o", "codec.husk"],
      error: """
        danger.so: loading this module is dangerous: \(title)
        husk: hint: husk lint explains and tells how to mend it; --allow-danger packs it as it is
        """)
    #expect(try desk.husk(packing("danger.so") + ["--allow-danger", "-o", "codec.husk"]).status == 0)
    #expect(try desk.husk("lint", "codec.so").status == 0)
  }

  @Test("signs boot stages, and says which executable is none")
  func stages() throws {
    try desk.make("keygen", "-o", "boot.pem")
    try desk.make(
      "certify", "--key", "root.pem", "--subject-key", "boot.pub", "--subject", "Boot", "--role", "boot.loader",
      "--role", "boot.firmware", "--scope", "com.soc.", "-o", "boot.chain")
    try desk.write("program.c", "int main(void) { return 0; }".utf8)
    let path = desk.directory.appending(path: "program").path
    try require("gcc", ["-static", "-o", path + ".static", path + ".c"])
    try require("gcc", ["-o", path + ".dynamic", path + ".c"])
    func stage(_ image: String, _ role: String) -> [String] {
      [
        "pack", image, "--role", role, "--name", "com.soc.stage", "--version", "1.0.0", "--key", "boot.pem", "--chain",
        "boot.chain", "-o", "\(image).husk",
      ]
    }
    #expect(try desk.husk(stage("program.static", "boot.loader")).stderr == "")
    #expect(try desk.husk(stage("program.dynamic", "boot.firmware")).stderr == "")
    let verified = try desk.husk("verify", "program.static.husk", "--root", "root.pub", "--role", "boot.loader")
    #expect(verified.stdout == "ok: boot.loader com.soc.stage 1.0.0\n")
    try desk.refuse(
      "verify", "program.static.husk", "--root", "root.pub", "--role", "boot.firmware",
      error: "program.static.husk: the manifest is another kind of object than belongs here (role-mismatch)")

    var foreign = try desk.read("program.static")
    foreign[18] = 243
    try desk.write("foreign", foreign)
    for (image, error) in [
      ("program.dynamic", "needs a dynamic linker; a bootloader or decryptor must be static"),
      ("codec.so", "a shared object, not an executable"),
      ("program.c", "not an ELF file"),
      ("foreign", "made for an unsupported processor (e_machine 243)"),
    ] {
      var words = stage(image, "boot.loader")
      words[words.count - 1] = "out.husk"
      let outcome = try desk.husk(words)
      #expect(outcome.stderr == "husk: error: \(image): \(error)\n")
      #expect(outcome.status == 1)
    }
    #expect(try desk.contents()["out.husk"] == nil)
    let executeOnly = try desk.husk(stage("program.static", "boot.loader") + ["--execute-only"])
    #expect(executeOnly.status == 2)
    #expect(executeOnly.stderr.hasPrefix("husk: error: --execute-only is for modules\n"))
    let misuse = try desk.husk(stage("program.static", "boot.loader") + ["--vault", "acme.vault"])
    #expect(misuse.status == 2)
    #expect(
      misuse.stderr.hasPrefix("husk: error: a boot stage isn't encrypted: --vault and its key are for modules\n"))
  }

  private func packing(_ image: String) -> [String] {
    Desk.packing.map { $0 == "codec.so" ? image : $0 }
  }

  /// Options that come later win.
  private func refuse(
    image: String = "codec.so", _ words: [String], error: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = try desk.contents()
    let outcome = try desk.husk(packing(image) + words)
    #expect(outcome.stderr == "husk: error: \(error)\n", sourceLocation: sourceLocation)
    #expect(outcome.status == 1, sourceLocation: sourceLocation)
    #expect(outcome.stdout == "", sourceLocation: sourceLocation)
    #expect(try desk.contents() == before, sourceLocation: sourceLocation)
  }
}
