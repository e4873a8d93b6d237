import ArgumentParser
import BootChain
import DeviceStore
import ErrorClass
import HostSupport
import Simulator

struct SimHistoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history",
    abstract: "Tell what happened to a device's updates, and why.",
    discussion: """
      The latest events of the boot stages and of each module, in order. A run is a start of something on trial.

      Example: husk sim history dev
      """)

  @Argument(help: ArgumentHelp("The device's directory.", valueName: "dir"))
  var directory: String

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let device = try DeviceDirectory(directory)
    let history = try device.updateState().history
    let modules = try device.modules()
    if json {
      try printJSON(
        Report([
          Report.Field("boot", .list(history.map { .group($0.fields) })),
          Report.Field("module", .list(modules.map(Self.value))),
        ]))
    } else {
      printLines(
        history.map(\.line) + modules.flatMap { module in module.state.history.map { "\(module.name): \($0.line)" } })
    }
  }

  private static func value(_ module: DeviceDirectory.StoredModule) -> Report.Value {
    .group([
      Report.Field("name", .text(module.name)),
      Report.Field("event", .list(module.state.history.map { .group($0.fields) })),
    ])
  }
}

extension UpdateEvent {
  /// In a line for people.
  var line: String {
    "run \(run)  slot \(slot.name)\(versionText.map { " (\($0))" } ?? "")  \(words)"
  }

  /// For programs.
  var fields: [Report.Field] {
    [
      Report.Field("run", .number(run)), Report.Field("event", .text(kind.name)),
      Report.Field("slot", .text("\(slot.name)")), versionText.map { Report.Field("version", .text($0)) },
      detailField,
    ].compactMap(\.self)
  }

  private var versionText: String? { version.map { $0.map(String.init).joined(separator: ".") } }

  /// What a detail that is a class is called; its number if it is none.
  private var className: String {
    Int32(exactly: detail).flatMap(ErrorClass.init(rawValue:)).map { "\($0.name)" } ?? String(detail)
  }

  private var words: String {
    switch kind {
    case .installed: "installed, on trial"
    case .tried: "started on trial, \(detail) \(detail == 1 ? "try" : "tries") left"
    case .ended: "ended without a confirmation, with status \(detail)"
    case .timedOut: "not confirmed within \(detail) s"
    case .refused: "refused: \(className)"
    case .confirmed: "confirmed"
    case .permanent: "is the good one now"
    case .abandoned: "given up"
    case .fellBack: "took the place of the other slot: \(className)"
    case .selfTestFailed: "failed its test, which returned \(detail)"
    case .refreshed: "is a copy of the good one now"
    }
  }

  private var detailField: Report.Field? {
    switch kind {
    case .tried: Report.Field("triesLeft", .number(detail))
    case .ended: Report.Field("status", .number(detail))
    case .timedOut: Report.Field("seconds", .number(detail))
    case .refused, .fellBack: Report.Field("class", .text(className))
    case .selfTestFailed: Report.Field("returned", .number(detail))
    case .installed, .confirmed, .permanent, .abandoned, .refreshed: nil
    }
  }
}

extension UpdateEvent.Kind {
  /// As SPEC 7.10 calls it.
  fileprivate var name: String {
    switch self {
    case .installed: "installed"
    case .tried: "tried"
    case .ended: "ended"
    case .timedOut: "timed-out"
    case .refused: "refused"
    case .confirmed: "confirmed"
    case .permanent: "permanent"
    case .abandoned: "abandoned"
    case .fellBack: "fell-back"
    case .selfTestFailed: "self-test-failed"
    case .refreshed: "refreshed"
    }
  }
}
