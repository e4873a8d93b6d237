import ArgumentParser
import Vault

/// `--status`, `--batch` and `--tag`: devices that fit all that is given.
struct DeviceSelectionOptions: ParsableArguments {
  @Option(help: "Devices in this status; repeat for more.", transform: parseStatus)
  var status: [DeviceStatus] = []

  @Option(help: "Devices of this batch.")
  var batch: String?

  @Option(help: "Devices that have this tag.")
  var tag: String?

  var selection: DeviceSelection {
    var selection = DeviceSelection()
    selection.statuses = status
    selection.batch = batch
    selection.tag = tag
    return selection
  }

  var isEmpty: Bool { status.isEmpty && batch == nil && tag == nil }
}

/// The devices that a change is for: named one by one, or selected.
struct DeviceTargets: ParsableArguments {
  @Argument(help: ArgumentHelp("Device ids, or how they begin.", valueName: "digits"))
  var devices: [String] = []

  @OptionGroup var selection: DeviceSelectionOptions

  func validate() throws {
    if devices.isEmpty, selection.isEmpty {
      throw ValidationError("which devices? Name them, or select them with --batch, --tag or --status")
    }
    if !devices.isEmpty, !selection.isEmpty {
      throw ValidationError("devices are named, or selected by --batch, --tag and --status: not both")
    }
  }

  /// Hands over the devices, some at a time, so that any number of them takes little memory.
  func forEachPage(of vault: Vault, _ body: ([DeviceRecord]) throws -> Void) throws {
    if !devices.isEmpty { return try body(try devices.map { try vault.device($0) }) }
    try vault.forEachPage(selection.selection, body)
  }
}

extension Vault {
  /// Hands over the devices of a selection, some at a time.
  func forEachPage(_ selection: DeviceSelection, _ body: ([DeviceRecord]) throws -> Void) throws {
    var last: Int64 = 0
    while true {
      let page = try devices(selection, after: last, limit: 1000)
      guard let end = page.last else { return }
      try body(page)
      last = end.row
    }
  }
}

func parseStatus(_ text: String) throws -> DeviceStatus {
  guard let status = DeviceStatus.allCases.first(where: { $0.name == text }) else {
    throw ValidationError("the statuses are \(DeviceStatus.allCases.map(\.name).joined(separator: ", "))")
  }
  return status
}
