import Cryptography
import FoundationEssentials
import GRDB
public import HuskFormat

/// Many grants that were asked for together and are issued step by step (SPEC 14.6). What a step recorded is done, and
/// a job that stopped goes on behind it.
public struct GrantJob: Sendable {
  /// Of what was asked for, 32 bytes.
  public let digest: [UInt8]
  /// Nil until its first step is recorded.
  fileprivate var row: Int64?
  /// The row of the last device that is done, in the order of ``GrantCandidates``, for the latest series.
  public internal(set) var position: Int64
  /// In the order in which they were begun; those of an earlier run too.
  public internal(set) var series: [Part]

  public struct Part: Sendable {
    let row: Int64
    public let series: GrantSeries
    /// How many grants were recorded.
    public internal(set) var count: UInt64
  }

  /// A job that nothing was recorded of yet.
  public init(_ digest: [UInt8]) {
    self.init(digest: digest, row: nil, position: 0, series: [])
  }

  fileprivate init(digest: [UInt8], row: Int64?, position: Int64, series: [Part]) {
    self.digest = digest
    self.row = row
    self.position = position
    self.series = series
  }

  /// How many grants were recorded.
  public var count: UInt64 { series.reduce(0) { $0 + $1.count } }

  /// A grant that was issued and is to be recorded; a ``CandidateCheck`` makes it.
  public struct Grant: Sendable {
    public let record: GrantRecord
    let seal: [UInt8]
    /// Of its device, as it was when the grant was issued.
    let row: Int64
    let identityRow: Int64
    let status: DeviceStatus
  }
}

extension Vault {
  /// A job that was begun and not finished; nil if there is none.
  ///
  /// - Parameter digest: of what was asked for, 32 bytes.
  public func unfinishedJob(_ digest: [UInt8]) throws(VaultError) -> GrantJob? {
    try read { database in
      let row = try Row.fetchOne(
        database, sql: "SELECT id, position FROM jobs WHERE digest = ? AND finished_at IS NULL",
        arguments: [Data(digest)])
      guard let row else { return nil }
      let job = try row.rowID("id", in: .job)
      let series = try Row.fetchAll(
        database, sql: "SELECT id, terms, chain, count FROM grant_series WHERE job = ? ORDER BY id", arguments: [job])
      return GrantJob(
        digest: digest, row: job, position: try row.rowID("position", in: .job),
        series: try series.map { row in
          GrantJob.Part(
            row: try row.rowID("id", in: .grant), series: try GrantSeries(stored: row),
            count: try row.number("count", in: .grant))
        })
    }
  }

  /// Ends a job: asking for the same again begins another.
  public func finish(_ job: GrantJob, on occasion: Occasion) throws(VaultError) {
    guard let row = job.row else { return }
    try write { database in
      try database.execute(
        sql: "UPDATE jobs SET finished_at = ? WHERE id = ? AND finished_at IS NULL",
        arguments: [Int64(clamping: occasion.now), row])
    }
  }

  /// What tells whether another process changed the vault since.
  public func changeMark() throws(VaultError) -> Int64 {
    try read { try $0.changeMark() }
  }

  /// Records a step of a job, all or nothing.
  ///
  /// - Parameters:
  ///   - grants: in the order of their candidates, put safely away already.
  ///   - series: which they belong to; the job's latest, or one that begins with them.
  ///   - keeps: whether the vault keeps the grants themselves.
  ///   - mark: a ``changeMark()`` of before their candidates were read.
  /// - Returns: false if a device got another grant, another identity or another status since then: nothing was
  ///   recorded, and the step is to be done anew.
  public func record(
    _ grants: [GrantJob.Grant], of series: GrantSeries, in job: inout GrantJob, keeps: Bool, since mark: Int64,
    with key: VaultKey, on occasion: Occasion
  ) throws(VaultError) -> Bool {
    var changed = job
    let isDone = try write(with: key) { database in
      let module = try database.moduleID(series.terms.module)
      if try database.changeMark() != mark {
        for grant in grants where try !database.isCurrent(grant, module: module) { return false }
      }
      let row = try database.row(of: job, now: occasion.now)
      changed.row = row
      if changed.series.last?.series != series {
        changed.series.append(try database.begin(series, module: module, in: row))
      }
      let last = changed.series.count - 1
      for grant in grants { try database.insert(grant, module: module, series: changed.series[last].row, keeps: keeps) }
      changed.series[last].count += UInt64(grants.count)
      changed.position = grants.last?.row ?? changed.position
      try database.update(row, position: changed.position, series: changed.series[last])
      try database.append(
        .granted,
        [
          Event.Detail("module", .text(series.terms.module.text)), Event.Detail("epoch", .number(series.terms.epoch)),
          Event.Detail("devices", .number(UInt64(grants.count))),
          Event.Detail("digest", .bytes(try digest(ofDevices: grants.map { Array($0.record.deviceID) }))),
        ], on: occasion)
      return true
    }
    if isDone { job = changed }
    return isDone
  }
}

extension Database {
  fileprivate func changeMark() throws -> Int64 {
    guard let mark = try Int64.fetchOne(self, sql: "PRAGMA data_version") else { throw VaultError.damaged(.meta) }
    return mark
  }

  /// Whether a device may get the grant that was made for it: nothing that it rests on has changed.
  fileprivate func isCurrent(_ grant: GrantJob.Grant, module: Int64) throws -> Bool {
    let statement = try cachedStatement(
      sql: """
        SELECT status = ?1 AND identity = ?2
          AND coalesce((SELECT max(sequence) FROM grants WHERE device = devices.id AND module = ?3), 0) = ?4
        FROM devices WHERE id = ?5
        """)
    return try Bool.fetchOne(
      statement,
      arguments: [
        grant.status.rawValue, grant.identityRow, module, Int64(clamping: grant.record.sequence - 1), grant.row,
      ]) ?? false
  }

  /// The row of a job, which its first step makes; throws `busy` if another process is at the same job.
  fileprivate func row(of job: GrantJob, now: UInt64) throws -> Int64 {
    let found = try Row.fetchOne(
      cachedStatement(sql: "SELECT id, position FROM jobs WHERE digest = ? AND finished_at IS NULL"),
      arguments: [Data(job.digest)])
    let row = try found?.rowID("id", in: .job)
    guard row == job.row, try found?.rowID("position", in: .job) ?? 0 == job.position else { throw VaultError.busy }
    if let row { return row }
    try execute(
      sql: "INSERT INTO jobs (digest, position, started_at) VALUES (?, 0, ?)",
      arguments: [Data(job.digest), Int64(clamping: now)])
    return lastInsertedRowID
  }

  fileprivate func begin(_ series: GrantSeries, module: Int64, in job: Int64) throws -> GrantJob.Part {
    try execute(
      sql: """
        INSERT INTO grant_series (job, module, epoch, terms, chain, count, is_foreign) VALUES (?, ?, ?, ?, ?, 0, 0)
        """,
      arguments: [
        job, module, Int64(clamping: series.terms.epoch), Data(series.terms.encoded()), Data(series.chain),
      ])
    return GrantJob.Part(row: lastInsertedRowID, series: series, count: 0)
  }

  fileprivate func insert(_ grant: GrantJob.Grant, module: Int64, series: Int64, keeps: Bool) throws {
    let record = keeps ? Data(grant.record.bytes) : nil
    let statement = try cachedStatement(
      sql: "INSERT INTO grants (device, module, sequence, series, identity, seal, record) VALUES (?, ?, ?, ?, ?, ?, ?)")
    try statement.execute(arguments: [
      grant.row, module, Int64(clamping: grant.record.sequence), series, grant.identityRow,
      Data(grant.seal), record,
    ])
  }

  fileprivate func update(_ job: Int64, position: Int64, series: GrantJob.Part) throws {
    try execute(
      sql: "UPDATE grant_series SET count = ? WHERE id = ?", arguments: [Int64(clamping: series.count), series.row])
    try execute(sql: "UPDATE jobs SET position = ? WHERE id = ?", arguments: [position, job])
  }
}
