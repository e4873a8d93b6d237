import DeviceSupport
import Foundation
import Synchronization
import TestSupport
import Testing

/// Devices of one architecture, made with `husk` from the command line as the README tells, for boards to run.
///
/// - `sample`: the sample firmware, the sample modules, liblz4, all granted.
/// - `looking`: the same device with the firmware on_board.c.
/// - `other`: another device that holds the same files, grants included.
final class Bench: Sendable {
  let architecture: Architecture
  private let scratch: Scratch
  var directory: URL { scratch.directory }
  /// What the sample device said of itself on its board.
  var identity: URL { directory.appending(path: "board.identity") }

  private static let made = Mutex<[Architecture: Bench]>([:])

  /// Made once per test run: it takes a boot.
  static func of(_ architecture: Architecture) throws -> Bench {
    try made.withLock { made in
      if let bench = made[architecture] { return bench }
      let bench = try Bench(architecture)
      // Its directory goes when the test run ends.
      if made.isEmpty { atexit { Bench.made.withLock { $0 = [:] } } }
      made[architecture] = bench
      return bench
    }
  }

  private init(_ architecture: Architecture) throws {
    self.architecture = architecture
    scratch = try Scratch()
    try furnishOffice()
    try makeDevices()
    try grantModules()
  }

  /// The tool that was built together with the tests.
  private static let tool = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appending(path: "husk").path

  /// Runs husk, which has to succeed.
  @discardableResult
  func husk(_ arguments: String...) throws -> Outcome { try husk(arguments) }

  @discardableResult
  private func husk(_ arguments: [String]) throws -> Outcome {
    let outcome = try run(Self.tool, arguments, directory: directory)
    guard outcome.status == 0 else { throw ProgramFailure(description: "husk \(arguments): \(outcome.stderr)") }
    return outcome
  }

  /// Switches a device on, with the folder `data` for its firmware.
  ///
  /// - Parameters:
  ///   - kernel: more words for the kernel's command line.
  ///   - limit: in seconds.
  ///   - output: a file that takes standard output instead, byte for byte.
  func board(
    _ device: String, _ arguments: String..., kernel: String = "", limit: Int = 50, output: String = "/dev/stdout"
  ) throws -> Outcome {
    try run(
      "/bin/sh",
      [
        "-c", "exec \"$@\" >>\(output)", "sh", packageRoot.appending(path: "scripts/board.sh").path, "--arch",
        architecture.rawValue, "--data", "data", "--kernel", kernel, "--limit", "\(limit)", device, "--",
      ] + arguments, directory: directory)
  }

  /// Switches a device on in the simulator, with the same folder; returns what its firmware printed.
  func simulate(_ device: String, _ arguments: String...) throws -> Data {
    let output = directory.appending(path: "simulated-output")
    let script = "cd data && exec \"$0\" sim boot \"$@\" >../simulated-output"
    let outcome = try run(
      "/bin/sh", ["-c", script, Self.tool, directory.appending(path: device).path, "--"] + arguments,
      directory: directory)
    guard outcome.status == 0 else { throw ProgramFailure(description: "the simulator: \(outcome.stderr)") }
    return try Data(contentsOf: output)
  }

  /// A copy of a device, to be changed.
  func copy(_ device: String, _ copy: String) throws {
    try FileManager.default.copyItem(at: directory.appending(path: device), to: directory.appending(path: copy))
  }

  /// Flips a bit near the end of a file, which is in the payload of a package.
  func damage(_ file: String) throws {
    let file = directory.appending(path: file)
    var bytes = try Data(contentsOf: file)
    bytes[bytes.count - 1000] ^= 1
    try bytes.write(to: file)
  }
}

extension Bench {
  private func furnishOffice() throws {
    for key in ["boot-root", "silicon", "platform", "vendor"] { try husk("keygen", "-o", "\(key).pem") }
    try husk("vault", "create", "vault", "--vault-key", "vault.key")
    try husk(
      "certify", "--key", "boot-root.pem", "--subject-key", "platform.pub", "--subject", "Platform", "--role",
      "boot.loader", "--role", "boot.decryptor", "--role", "boot.firmware", "--scope", "com.example.", "-o",
      "platform.chain")
    try husk(
      "certify", "--key", "boot-root.pem", "--subject-key", "vendor.pub", "--subject", "Vendor", "--role", "module",
      "--role", "grant", "--scope", "com.example.", "-o", "vendor.chain")
  }

  private func pack(stage: String, _ program: String, as package: String) throws {
    try husk(
      "pack", program, "--role", "boot.\(stage)", "--name", "com.example.\(stage)", "--version", "1.0.0", "--key",
      "platform.pem", "--chain", "platform.chain", "-o", "\(package).husk")
  }

  private func makeDevices() throws {
    let release = architecture.release
    try pack(stage: "loader", release.stage("bootloader").path, as: "loader")
    try pack(stage: "decryptor", release.stage("decryptor").path, as: "decryptor")
    try pack(stage: "firmware", architecture.release.samples.appending(path: "firmware").path, as: "firmware")
    try pack(stage: "firmware", architecture.firmware("on_board", in: directory), as: "looking")
    for device in ["sample", "other"] {
      try husk(
        "sim", "create", device, "--rom", release.stage("bootrom").path, "--boot-root", "boot-root.pub",
        "--device-root-key",
        "silicon.pem")
      try husk("sim", "install", device, "loader.husk", "decryptor.husk")
    }
    try husk("sim", "install", "sample", "firmware.husk")
    try husk("sim", "install", "other", "looking.husk")

    let data = directory.appending(path: "data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: false)
    for (file, name) in [("melody.wav", "melody.wav"), ("day.csv", "input")] {
      try FileManager.default.copyItem(
        at: packageRoot.appending(path: "Samples/data/\(file)"), to: data.appending(path: name))
    }
  }

  /// The modules of the devices; `damaged` and `foreign` are not as they should be.
  private var modules: [(name: String, file: URL)] {
    [
      ("adpcm", architecture.release.samples.appending(path: "com.example.adpcm.so")), ("lz4", architecture.liblz4),
      ("damaged", architecture.release.samples.appending(path: "com.example.activity.so")),
      ("foreign", architecture.foreign.release.samples.appending(path: "com.example.adpcm.so")),
    ]
  }

  private func grantModules() throws {
    let told = try board("sample", "identity", output: identity.path)
    guard told.status == 0 else { throw ProgramFailure(description: "no identity: \(told)") }
    let trusted = [
      "--device-root", "silicon.pub", "--boot-root", "boot-root.pub", "--stage", "loader.husk", "--stage",
      "decryptor.husk",
    ]
    try husk(["vault", "trust", "add", "vault", "--vault-key", "vault.key"] + trusted)
    let added = try husk("device", "add", "vault", identity.lastPathComponent, "--vault-key", "vault.key")
    let device = added.stdout.prefix { $0 != " " }
    let vault = ["--vault", "vault", "--vault-key", "vault.key", "--key", "vendor.pem", "--chain", "vendor.chain"]
    for (name, file) in modules {
      // Of the codec it is known that its code holds no data.
      let options = name == "adpcm" ? ["--execute-only"] : []
      try husk(
        ["pack", file.path] + options + ["--name", "com.example.\(name)", "--version", "1.0.0", "-o", "\(name).husk"]
          + vault)
      try husk(
        [
          "grant", "--module", "com.example.\(name)", "--device", "\(device)", "-o", "\(name).grant",
        ] + vault)
      for device in ["sample", "other"] {
        try husk("sim", "install", device, "\(name).husk", "\(name).grant")
        // In flash: nothing damaged gets there.
        if name == "damaged" { try damage("\(device)/flash/modules/com.example.damaged/1.husk") }
      }
    }
    try copy("sample", "looking")
    try husk("sim", "install", "looking", "looking.husk")
  }
}
