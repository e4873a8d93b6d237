import DeviceStore
import ErrorClass
import HuskFormat

// What a control file tells of two slots (SPEC 7.10).

extension Report {
  init(control path: String, _ bytes: [UInt8]) throws {
    // Only whole ones count, on devices and here.
    guard let record = ControlRecord(bytes) else { throw FormatError(.malformed, in: .controlFile) }
    let state = record.state
    self.init(
      Self.head("control file", path) + [
        Field("sequence", .number(record.sequence)),
        Field("run", .number(state.run)),
        state.good.map { Field("good", .text("\($0.name)")) },
        state.trial.map { trial in
          Field(
            "trial",
            .group([
              Field("slot", .text("\(trial.slot.name)")), Field("triesLeft", .number(UInt64(trial.triesLeft))),
              Field("confirmed", .flag(trial.isConfirmed)),
            ]))
        },
        Field("event", .list(state.history.map { .event($0) })),
      ])
  }
}

extension Report.Value {
  fileprivate static func event(_ event: UpdateEvent) -> Self {
    let fields: [Report.Field?] = [
      Report.Field("run", .number(event.run)),
      Report.Field("what", .text("\(event.kind.name)")),
      Report.Field("slot", .text("\(event.slot.name)")),
      Report.Field("detail", .number(event.detail)),
      event.version.map { Report.Field("version", .text($0.map { "\($0)" }.joined(separator: "."))) },
    ]
    return .group(fields.compactMap(\.self))
  }
}
