import HostSupport
import Vault

extension Report {
  /// What `vault info` tells.
  init(_ vault: Vault) throws {
    let counts = try vault.deviceCounts()
    let (modules, events) = (try vault.modules(), try vault.latestEvents(5))
    self.init([
      Field("vault", .hexadecimal(vault.id)),
      Field("unlockedBy", .text(try vault.unlockingMethod().word)),
      Field("created", .time(try vault.createdAt())),
      Field("devices", .number(counts.reduce(0) { $0 + $1.count })),
      counts.isEmpty ? nil : Field("devicesByStatus", .group(counts.map { Field($0.status.name, .number($0.count)) })),
      Field("module", .told(.modules(modules), lines: Self.lines(of: modules))),
      Field("events", .number(try vault.eventCount())),
      Field(
        "latestEvent", .told(.list(events.map { .group(Self.fields(of: $0)) }), lines: events.map(\.line))),
    ])
  }

  /// A line for each epoch.
  private static func lines(of modules: [ModuleRecord]) -> [String] {
    modules.flatMap { module in
      module.epochs.map { epoch in
        let (packages, grants) = (epoch.packageCount, epoch.grantCount)
        return "\(module.name.text)  epoch \(epoch.number), begun \(Timestamp(seconds: epoch.createdAt).text), "
          + "\(packages) \(packages == 1 ? "package" : "packages"), \(grants) \(grants == 1 ? "grant" : "grants")"
      }
    }
  }
}

extension Report {
  static func fields(of event: Event) -> [Field] {
    let fields: [Field?] = [
      Field("number", .number(event.number)), Field("at", .time(event.at)), Field("clock", time: event.clock),
      Field("who", .text(event.who)), Field("action", .text(event.action.rawValue)),
    ]
    return fields.compactMap(\.self)
      + event.details.map { detail in
        switch detail.value {
        case .number(let number): Field(detail.name, .number(number))
        case .text(let text): Field(detail.name, .text(text))
        case .bytes(let bytes): Field(detail.name, .hexadecimal(bytes))
        }
      }
  }
}

extension UnlockingMethod {
  var word: String {
    switch self {
    case .passphrase: "passphrase"
    case .key: "key"
    }
  }
}
