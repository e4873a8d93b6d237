public import ArgumentParser
import CHusk
import CLinux
import Cryptography

/// The command `husk`: one file per verb beside this one.
public struct HuskCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "husk",
    abstract: "Package modules so that only the devices they are meant for can read them.",
    discussion: """
      A vendor makes keys (keygen), has them certified (certify), packs modules (pack) with content keys that a vault \
      keeps (vault, module), adds devices to it by their identities (device), and grants them modules (grant). \
      status-list tells devices what to refuse. inspect, verify and lint tell about files. sim plays a device in a \
      directory. doctor tells how well a device is protected.

      Every verb explains itself: husk help pack
      """,
    version: huskVersion,
    subcommands: [
      KeygenCommand.self, CertifyCommand.self, VaultCommand.self, DeviceCommand.self, ModuleCommand.self,
      PackCommand.self, GrantCommand.self, StatusListCommand.self, InspectCommand.self, VerifyCommand.self,
      LintCommand.self, DoctorCommand.self, SimCommand.self,
    ])

  public init() {}

  /// Runs the command line and ends the process: 0 if all succeeded, 1 if something was refused or failed, 2 if the
  /// command line was wrong.
  public static func runAndExit() -> Never {
    do {
      try initializeCryptography()
      var command = try parseAsRoot()
      try command.run()
      CLinux.exit(0)
    } catch let error as ExitCode {
      CLinux.exit(error.rawValue)
    } catch {
      if let report = ErrorReport(error) {
        printError(report)
        CLinux.exit(1)
      }
      // Help and the version were asked for, or the command line is wrong.
      if exitCode(for: error) == .success { exit(withError: error) }
      printError(ErrorReport(usage: message(for: error), verb: verb(CommandLine.arguments.dropFirst())))
      CLinux.exit(2)
    }
  }
}

extension ParsableCommand {
  /// The verb that a command line begins with, such as `husk sim create`.
  static func verb(_ arguments: ArraySlice<String>) -> String {
    let name = configuration.commandName ?? ""
    guard let first = arguments.first,
      let subcommand = configuration.subcommands.first(where: { $0.configuration.commandName == first })
    else { return name }
    return "\(name) \(subcommand.verb(arguments.dropFirst()))"
  }
}

/// The version of the tools and of libhusk; the formats have versions of their own (SPEC 16).
let huskVersion = String(cString: husk_version())
