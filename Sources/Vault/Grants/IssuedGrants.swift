import FoundationEssentials
import GRDB
public import HuskFormat

/// A grant that was issued.
public struct IssuedGrant: Equatable, Sendable {
  private let series: GrantSeries
  public let sequence: UInt64
  /// Whether it was wrapped to the grant key that the device has now.
  public let isForCurrentKey: Bool
  /// Of the grant itself, where the vault keeps it; nothing in it is verified.
  private let record: GrantRecord?

  fileprivate init(series: GrantSeries, sequence: UInt64, isForCurrentKey: Bool, record: GrantRecord?) {
    self.series = series
    self.sequence = sequence
    self.isForCurrentKey = isForCurrentKey
    self.record = record
  }

  /// The grant itself, where the vault keeps it, after its signature was checked by the chain that comes with it.
  public func checkedFile() throws(FormatError) -> [UInt8]? {
    guard let record else { return nil }
    return try series.checkedFile(record)
  }

  public var terms: CommonGrantTerms { series.terms }
  public var module: Name { terms.module }
  public var epoch: UInt64 { terms.epoch }
  /// Seconds since 1970.
  public var issuedAt: UInt64 { terms.issuedAt }
}

extension Vault {
  /// The grants that a device got, by module and in order.
  public func grants(of device: DeviceRecord) throws(VaultError) -> [IssuedGrant] {
    try read { database in
      var series: [Int64: GrantSeries] = [:]
      return try Row.fetchAll(
        database,
        sql: """
          SELECT sequence, series, record, grant_key FROM grants JOIN modules ON modules.id = module
          JOIN identities ON identities.id = identity WHERE grants.device = ? ORDER BY name, sequence
          """,
        arguments: [device.row]
      ).map { row in
        let number = try row.rowID("series", in: .grant)
        let common = try series[number] ?? database.series(number)
        series[number] = common
        let sequence = try row.number("sequence", in: .grant)
        let record = try row.optionalBytes("record", in: .grant).map { bytes in
          guard let record = GrantRecord(bytes[...]), record.sequence == sequence else {
            throw VaultError.damaged(.grant)
          }
          return record
        }
        return IssuedGrant(
          series: common, sequence: sequence,
          isForCurrentKey: try row.bytes("grant_key", in: .identity) == device.identity.grantKey,
          record: record)
      }
    }
  }

  /// The terms under which devices have their latest grants, in a lasting order, with their epochs and issue times left
  /// out: what a new issue of everything gives anew.
  ///
  /// - Parameter module: of one module alone.
  public func grantedTerms(of module: Name?) throws(VaultError) -> [GrantedTerms] {
    try read { database in
      let rows = try Row.fetchAll(
        database,
        sql: """
          SELECT grant_series.id, terms FROM grant_series JOIN modules ON modules.id = module
          WHERE NOT is_foreign AND (?1 IS NULL OR name = ?1)
          """,
        arguments: [module?.text])
      var found: [[UInt8]: GrantedTerms] = [:]
      for row in rows {
        var terms = try CommonGrantTerms(stored: row)
        // The encoding is the only one, so this is of what stands there.
        let digest = try terms.digest()
        terms.epoch = 0
        terms.issuedAt = 0
        let key = terms.encoded()
        var granted = found[key] ?? GrantedTerms(terms: terms, series: [:])
        granted.series[try row.rowID("id", in: .grant)] = digest
        found[key] = granted
      }
      return found.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
    }
  }
}

/// Terms that grants were issued under, whatever the time and epoch.
public struct GrantedTerms: Equatable, Sendable {
  /// With epoch and issue time 0.
  public let terms: CommonGrantTerms
  /// The rows of the series that have them, and the digests of what stands there.
  var series: [Int64: [UInt8]]
}

extension Database {
  /// What grants have in common, as it was stored.
  func series(_ id: Int64) throws -> GrantSeries {
    let row = try Row.fetchOne(
      cachedStatement(sql: "SELECT terms, chain FROM grant_series WHERE id = ?"), arguments: [id])
    guard let row else { throw VaultError.damaged(.grant) }
    return try GrantSeries(stored: row)
  }
}

extension GrantSeries {
  init(stored row: Row) throws {
    let terms = try CommonGrantTerms(stored: row)
    let chain = try row.bytes("chain", in: .grant)
    do throws(FormatError) {
      self = try GrantSeries(terms: terms, chain: chain)
    } catch {
      throw VaultError.damaged(.grant)
    }
  }
}

extension CommonGrantTerms {
  fileprivate init(stored row: Row) throws {
    let bytes = try row.bytes("terms", in: .grant)
    do throws(FormatError) {
      self = try CommonGrantTerms(encoded: bytes)
    } catch {
      throw VaultError.damaged(.grant)
    }
  }
}
