import ArgumentParser
import HuskFormat
import Vault

/// What came of a job.
struct GrantSummary {
  /// By an earlier run of the same job.
  var earlier: UInt64 = 0
  var issued: UInt64 = 0
  var leftOut: [Reason: UInt64] = [:]
  /// Whether terms were met that have run out: what was granted on them can't be issued anew.
  var hasExpiredTerms = false

  /// Why a device got no grant.
  enum Reason: Hashable {
    case status(DeviceStatus)
    case lifecycle(Lifecycle)
    case untrusted
    case unusableGrantKey
  }

  var leftOutCount: UInt64 { leftOut.values.reduce(0, +) }

  /// Tells it; throws if there is nothing that was granted.
  func print(asJSON json: Bool) throws {
    let reasons = leftOut.sorted { $0.key.words < $1.key.words }
    try Report([
      Report.Field("granted", .number(issued)),
      earlier > 0 ? Report.Field("grantedBefore", .number(earlier)) : nil,
      Report.Field("leftOut", .number(leftOutCount)),
      reasons.isEmpty
        ? nil
        : Report.Field("reasons", .group(reasons.map { Report.Field($0.key.words, .number($0.value)) })),
      hasExpiredTerms
        ? Report.Field("expiredTerms", .flag(true, words: "some grants had run out: not issued anew")) : nil,
    ]).print(asJSON: json)
    if issued + earlier == 0 { throw ExitCode.failure }
  }
}

extension GrantSummary.Reason {
  var words: String {
    switch self {
    case .status(let status): status.name
    case .lifecycle(let lifecycle): "\(lifecycle.name)"
    case .untrusted: "untrusted"
    case .unusableGrantKey: "unusableGrantKey"
    }
  }
}
