import ArgumentParser
import HuskFormat
import Vault

struct DeviceListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Tell which devices a vault has.",
    discussion: """
      In the order in which they were added: any number of devices, one per line.

      Example: husk device list acme.vault --status recalled --csv > recalled.csv
      """)

  @OptionGroup var vault: VaultArgument
  @OptionGroup var selection: DeviceSelectionOptions
  @OptionGroup var format: DeviceListFormat

  func run() throws {
    let store = try about(vault.path) { try Vault(vault.path, isReadOnly: true) }
    try format.print(selection.selection, of: store, at: vault.path)
  }
}

struct DeviceFindCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "find",
    abstract: "Find devices by how their ids begin.",
    discussion: """
      Example: husk device find acme.vault 3f08
      """)

  @OptionGroup var vault: VaultArgument

  @Argument(help: ArgumentHelp("How ids begin.", valueName: "digits"))
  var digits: [String]

  @OptionGroup var format: DeviceListFormat

  func run() throws {
    let store = try about(vault.path) { try Vault(vault.path, isReadOnly: true) }
    var selection = DeviceSelection()
    selection.prefixes = digits
    let count = try about(vault.path) { try store.deviceCount(selection) }
    if count == 0 {
      throw SubjectError(subject: vault.path, error: VaultError.noSuchDevice(digits.joined(separator: ", ")))
    }
    try format.print(selection, of: store, at: vault.path)
  }
}

/// How devices are listed.
struct DeviceListFormat: ParsableArguments {
  @Flag(help: "Print comma-separated values, with a line of names.")
  var csv = false

  @Flag(help: "Print JSON, an object per line.")
  var json = false

  func validate() throws {
    if csv, json { throw ValidationError("--csv and --json exclude each other") }
  }

  func print(_ selection: DeviceSelection, of vault: Vault, at path: String) throws {
    if csv { printLines(Self.columns.joined(separator: ",")) }
    try about(path) {
      try vault.forEachPage(selection) { page in
        let tags = try vault.tags(of: page)
        let rows = page.map { fields(of: $0, tags: tags[$0.row] ?? []) }
        if json {
          for row in rows { printJSONLine(row) }
        } else {
          printLines(rows.map { csv ? csvLine($0) : line($0) })
        }
      }
    }
  }

  private static let columns = [
    "device", "status", "batch", "tags", "lifecycle", "keyEpoch", "loader", "decryptor", "added",
  ]

  private func fields(of device: DeviceRecord, tags: [String]) -> [Report.Field] {
    [
      Report.Field("device", .hexadecimal(device.deviceID)), Report.Field("status", .text(device.status.name)),
      Report.Field("batch", .text(device.batch ?? "")), Report.Field("tags", .list(tags.map { .text($0) })),
      Report.Field("lifecycle", .text("\(device.identity.lifecycle.name)")),
      Report.Field("keyEpoch", .number(device.identity.keyEpoch)),
      Report.Field("loader", .hexadecimal(device.identity.platform.loader)),
      Report.Field("decryptor", .hexadecimal(device.identity.platform.decryptor)),
      Report.Field("added", .time(device.addedAt)),
    ]
  }

  /// For people: what is most asked for.
  private func line(_ fields: [Report.Field]) -> String {
    let texts = fields.map(\.value.plainText)
    let labels = (texts[2].isEmpty ? "" : "  batch \(texts[2])") + (texts[3].isEmpty ? "" : "  [\(texts[3])]")
    return "\(texts[0])  \(texts[1])  added \(texts[8])\(labels)"
  }

  /// RFC 4180, but for the line's end. A cell that a spreadsheet would take for a formula is made text.
  private func csvLine(_ fields: [Report.Field]) -> String {
    fields.map { field in
      var text = field.value.plainText
      if let first = text.first, "=+-@".contains(first) { text = "'" + text }
      guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
      return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }.joined(separator: ",")
  }
}

extension Report.Value {
  /// A value in one line.
  fileprivate var plainText: String {
    switch self {
    case .text(let text): text
    case .number(let number): String(number)
    case .flag(let flag, _): flag ? "yes" : "no"
    case .list(let values): values.map(\.plainText).joined(separator: " ")
    case .told(let value, _): value.plainText
    case .group(let fields): fields.map(\.value.plainText).joined(separator: " ")
    }
  }
}
