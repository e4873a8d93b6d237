import Vault

extension Report {
  /// What `vault info` tells.
  init(_ vault: Vault) throws {
    let counts = try vault.deviceCounts()
    let events = try vault.latestEvents(5)
    self.init([
      Field("vault", .hexadecimal(vault.id)),
      Field("unlockedBy", .text(try vault.unlockingMethod().word)),
      Field("created", .time(try vault.createdAt())),
      Field("devices", .number(counts.reduce(0) { $0 + $1.count })),
      counts.isEmpty ? nil : Field("devicesByStatus", .group(counts.map { Field($0.status.name, .number($0.count)) })),
      Field("module", .modules(try vault.modules())),
      Field("events", .number(try vault.eventCount())),
      Field("latestEvent", .list(events.map { .event($0) })),
    ])
  }
}

extension Report.Value {
  static func event(_ event: Event) -> Self {
    let fields: [Report.Field?] = [
      Report.Field("number", .number(event.number)), Report.Field("at", .time(event.at)),
      Report.Field("clock", time: event.clock), Report.Field("who", .text(event.who)),
      Report.Field("action", .text(event.action.rawValue)),
    ]
    return .group(
      fields.compactMap(\.self)
        + event.details.map { detail in
          switch detail.value {
          case .number(let number): Report.Field(detail.name, .number(number))
          case .text(let text): Report.Field(detail.name, .text(text))
          case .bytes(let bytes): Report.Field(detail.name, .hexadecimal(bytes))
          }
        })
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
