import BootChain
import CLinux
import Cryptography
import DICE
import DeviceStore
import DeviceSupport
import Foundation
import HostSupport
import HuskFormat
import SecretBytes
import TestSupport
import Vault

/// Everything from nothing with the tool that people use: keys, packages, a vault, a device, a grant, a boot with a load.
/// Each command runs under strace(1).
final class Workshop {
  /// Holds all that the commands made, and `tmp`, which they were told to use for temporary files.
  let directory: URL
  /// What was executed and what was written: logs of strace, their strings in hexadecimal.
  private(set) var logs: [URL] = []
  private let scratch: Scratch
  private let logScratch: Scratch

  static let module = "com.example.adpcm"
  /// The module that is packed.
  static let object = Release.host.samples.appending(path: "com.example.adpcm.so")
  /// What is no secret: another module, and the stages and the firmware. A module has in common with them what every
  /// compiler puts into every program, and the names by which the firmware asks for its functions.
  static let openImages =
    ["com.example.activity.so", "firmware"].map { Release.host.samples.appending(path: $0) }
    + ["bootrom", "bootloader", "decryptor"].map { Release.host.stage($0) }

  /// Key files, which hold secrets by design. So do the fuses.
  static let keys = ["boot-root.pem", "device-root.pem", "platform.pem", "vendor.pem"]
  static let vaultKey = "vendor.key"
  /// The options of commands that use the vault and sign.
  static let vendor = "--vault vendor.vault --vault-key vendor.key --key vendor.pem --chain vendor.chain"
  static let fuses = "device/fuses/fuses"

  init() throws {
    scratch = try Scratch()
    logScratch = try Scratch()
    directory = scratch.directory
    try FileManager.default.createDirectory(
      at: directory.appending(path: "tmp"), withIntermediateDirectories: false)
    let stages = Release.host.folder.appending(path: "stages").path
    for key in Self.keys { try husk("keygen -o \(key)") }
    try husk(
      "certify --key boot-root.pem --subject-key platform.pub --role boot.loader --role boot.decryptor "
        + "--role boot.firmware --scope com.example. -o platform.chain --subject Platform")
    try husk(
      "certify --key boot-root.pem --subject-key vendor.pub --role module --role grant --scope com.example. "
        + "-o vendor.chain --subject Vendor")
    let firmware = Release.host.samples.appending(path: "firmware").path
    for (stage, image) in [
      ("loader", "\(stages)/bootloader"), ("decryptor", "\(stages)/decryptor"), ("firmware", firmware),
    ] {
      try husk(
        "pack --role boot.\(stage) --name com.example.\(stage) --version 1.0.0 --key platform.pem "
          + "--chain platform.chain -o \(stage).husk", image)
    }
    try husk("vault create vendor.vault --vault-key vendor.key")
    try husk("pack --name \(Self.module) --version 1.0.0 \(Self.vendor) -o module.husk", Self.object.path)
    try husk("sim create device --boot-root boot-root.pub --device-root-key device-root.pem --rom \(stages)/bootrom")
    try husk("sim install device loader.husk decryptor.husk firmware.husk module.husk")
    try husk("sim identity device -o device.identity")
    try husk(
      "vault trust add vendor.vault --vault-key vendor.key --device-root device-root.pub --boot-root boot-root.pub "
        + "--stage loader.husk --stage decryptor.husk")
    try husk("device add vendor.vault device.identity --vault-key vendor.key")
    try husk("grant \(Self.vendor) --module \(Self.module) --device \(deviceID()) -o module.grant")
    try husk("sim install device module.grant")
    try husk("sim boot device -- info \(Self.module)")
  }

  /// Runs husk with the words of a line and some that may hold spaces.
  private func husk(_ line: String, _ rest: String...) throws {
    let log = logScratch.directory.appending(path: "\(logs.count)")
    logs.append(log)
    let outcome = try run(
      "strace",
      [
        "-f", "-qq", "-v", "-xx", "-y", "-s", "4096", "-e", "signal=none", "-o", log.path, "-e",
        "trace=execve,execveat,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendmmsg,sendfile,splice,"
          + "copy_file_range", Self.tool,
      ] + line.split(separator: " ").map(String.init) + rest,
      environment: Sanitizer.environment(
        ["PATH": "/usr/bin:/bin", "HOME": "/", "TMPDIR": directory.appending(path: "tmp").path], isTraced: true),
      directory: directory)
    guard outcome.status == 0 else { throw ProgramFailure(description: "husk \(line): \(outcome.stderr)") }
  }

  /// The tool that was built together with the tests.
  static let tool = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appending(path: "husk").path

  /// The files that the commands left, relative to the directory.
  func files() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: directory.path).filter { path in
      let attributes = try FileManager.default.attributesOfItem(atPath: directory.appending(path: path).path)
      return attributes[.type] as? FileAttributeType != .typeDirectory
    }.sorted()
  }
}

// MARK: - Secrets

/// 32 bytes that nobody may learn.
struct Secret {
  let name: String
  let bytes: [UInt8]

  /// The ways in which they may be written down. Of Base64 only what doesn't depend on what is around them.
  var forms: [(name: String, bytes: [UInt8])] {
    let digits = bytes.map { String(format: "%02x", $0) }.joined()
    let base64 = (0..<3).map { shift in
      Data([UInt8](repeating: 0, count: shift) + bytes).base64EncodedString().dropFirst(shift == 0 ? 0 : 4).dropLast(4)
    }
    return [("raw", bytes), ("hex", Array(digits.utf8)), ("upper-case hex", Array(digits.uppercased().utf8))]
      + base64.enumerated().map { ("Base64 at \($0.offset)", Array($0.element.utf8)) }
  }
}

extension Workshop {
  /// All that keys, vault and device hold in secret.
  func secrets() throws -> [Secret] {
    try Self.keys.map {
      Secret(name: $0, bytes: try Secret.privateKey(Data(contentsOf: directory.appending(path: $0))))
    }
      + Secret.derived(fuses: directory.appending(path: Self.fuses), flash: directory.appending(path: "device/flash"))
      + [
        Secret(name: "vault's key", bytes: plainBytes(vaultKey())), Secret(name: "content key", bytes: contentKey()),
      ]
  }

  private func contentKey() throws -> [UInt8] {
    let vault = try Vault(directory.appending(path: "vendor.vault").path, isReadOnly: true)
    let key = try vault.unlock(with: .key(vaultKey()))
    guard let module = Name(Array(Self.module.utf8)) else { throw ProgramFailure(description: "no name") }
    return plainBytes(try vault.contentKey(of: module, epoch: 1, with: key))
  }

  private func vaultKey() throws -> SecretBytes {
    try KeyReader.vaultKey(directory.appending(path: Self.vaultKey).path)
  }

  func deviceID() throws -> String {
    let file = try IdentityFile(Array(Data(contentsOf: directory.appending(path: "device.identity"))))
    return try file.unverifiedDeviceID().map { String(format: "%02x", $0) }.joined()
  }
}

extension Secret {
  /// What a device derives in a boot (SPEC 6), from its fuses on.
  static func derived(fuses: URL, flash: URL) throws -> [Secret] {
    let fuses = try Fuses(path: fuses.path)
    let flash = open(flash.path, O_RDONLY | O_DIRECTORY)
    defer { close(flash) }
    let uds = plainBytes(fuses.uds)
    let root = DICE.Secrets(attest: try secretBytes(uds), seal: try secretBytes(uds))
    let storage = POSIXStorage(root: flash)
    let bootloader = try root.derived(
      with: StageImage(.bootloader, in: .a, on: storage, state: fuses.state).diceInputs(fuses.state))
    let decryptor = try bootloader.derived(
      with: StageImage(.decryptor, in: .a, on: storage, state: fuses.state).diceInputs(fuses.state))
    // ["husk-grant-key", 0]: the generation of a device that never lost its storage.
    let info = [0x82, 0x6e] + Array("husk-grant-key".utf8) + [0]
    let grantKey = try HKDF.sha512.derive(
      salt: RawSpan(), inputKeyMaterial: decryptor.seal, info: info.span.bytes, byteCount: 32)
    return [
      Secret(name: "UDS", bytes: uds), Secret(name: "UDS key", bytes: try seed(root.attest)),
      Secret(name: "bootloader's CDI_Attest", bytes: plainBytes(bootloader.attest)),
      Secret(name: "bootloader's CDI_Seal", bytes: plainBytes(bootloader.seal)),
      Secret(name: "bootloader's key", bytes: try seed(bootloader.attest)),
      Secret(name: "decryptor's CDI_Attest", bytes: plainBytes(decryptor.attest)),
      Secret(name: "decryptor's CDI_Seal", bytes: plainBytes(decryptor.seal)),
      Secret(name: "decryptor's key", bytes: try seed(decryptor.attest)),
      Secret(name: "grant key", bytes: plainBytes(grantKey)),
    ]
  }

  private static func seed(_ secret: borrowing SecretBytes) throws -> [UInt8] {
    try privateKey(Data(plainBytes(DICE.signingKey(from: secret).pem())))
  }

  /// The private key at the end of a PKCS#8 file for Ed25519 or X25519 (RFC 8410).
  static func privateKey(_ pem: Data) throws -> [UInt8] {
    guard let document = Data(base64Encoded: pemBody(pem)), document.count == 48 else {
      throw ProgramFailure(description: "not a private key file")
    }
    return Array(document.suffix(32))
  }

  /// What lies between the first and the last line.
  static func pemBody(_ pem: Data) -> String {
    String(decoding: pem, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined()
  }
}

private func plainBytes(_ secret: borrowing SecretBytes) -> [UInt8] {
  secret.withBytes { bytes in bytes.withUnsafeBytes { Array($0) } }
}

private func secretBytes(_ bytes: [UInt8]) throws -> SecretBytes {
  try SecretBytes(copying: bytes.span.bytes)
}
