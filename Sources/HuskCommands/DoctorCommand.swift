import ArgumentParser
import Protections
import Simulator

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Tell which protections are active, which are not, and what to do.",
    discussion: """
      Without a device: what this machine offers. Each protection of decryptor and firmware is tried by a process that \
      ends right after; the platform's are read from the kernel. With a simulated device's directory: the device is \
      booted without its firmware, and its decryptor answers for itself. Booting needs root, and without root some \
      things can't be told: they are unknown, and unknown is not active.

      The exit status is 0 when doctor could find out, whatever it found: this platform has no boot ROM and hardware \
      isolation of its own, so that something is always inactive. Scripts take the states that they demand from --json, \
      whose numbers and names don't change.

      Example: sudo husk doctor dev
      """)

  @Argument(help: ArgumentHelp("A simulated device's directory.", valueName: "dir"))
  var directory: String?

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let report = ProtectionReport(
      device: directory, facts: try decryptorFacts() + tryProcessProtections() + measurePlatform())
    if json { try printJSON(report) } else { printLines(report.lines) }
  }

  private func decryptorFacts() throws -> [ProtectionFact] {
    guard let directory else { return tryDecryptorProtections() }
    try DeviceDirectory.requireRoot()
    // It speaks for itself only.
    return try DeviceDirectory(directory).readProtections().filter { $0.reporter == .decryptor }
  }
}
