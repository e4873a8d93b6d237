import CBOR
import Cryptography
import FoundationEssentials
import GRDB

// The log is part of the transaction that does what it tells: neither is there without the other (SPEC 14.5).

extension Database {
  /// How far a clock may be behind the latest event before that is an error: seconds.
  private static let clockTolerance: UInt64 = 300

  /// Appends an event and returns its number. Throws `clockSetBack` if the clock is far behind the latest event's time.
  @discardableResult
  func append(_ action: Event.Action, _ details: [Event.Detail] = [], on occasion: Occasion) throws -> UInt64 {
    let last = try lastEvent()
    let latest = last?.event.at ?? 0
    if action != .clockAccepted, occasion.now < latest, latest - occasion.now > Self.clockTolerance {
      throw VaultError.clockSetBack(now: occasion.now, latest: latest)
    }
    let isBehind = action != .clockAccepted && occasion.now < latest
    let event = Event(
      number: (last?.event.number ?? 0) + 1, at: isBehind ? latest : occasion.now,
      clock: isBehind ? occasion.now : nil, who: occasion.who, action: action, details: details)
    let record = event.encoded
    let hash = try EventChain.hash(of: record, after: last?.hash ?? EventChain.start(of: meta().id))
    try execute(
      sql: "INSERT INTO events (number, record, hash) VALUES (?, ?, ?)",
      arguments: [Int64(clamping: event.number), Data(record), Data(hash)])
    return event.number
  }

  private func lastEvent() throws -> (event: Event, hash: [UInt8])? {
    try Row.fetchOne(self, sql: "SELECT record, hash FROM events ORDER BY number DESC LIMIT 1").map { row in
      guard let event = Event(try row.bytes("record", in: .event)) else { throw VaultError.damaged(.event) }
      return (event, try row.bytes("hash", in: .event, count: SHA256.byteCount))
    }
  }

  /// The log's head: how many events there are, and the hash of the last.
  func logHead() throws -> (count: UInt64, hash: [UInt8]) {
    guard let last = try lastEvent() else { return (0, try EventChain.start(of: meta().id)) }
    return (last.event.number, last.hash)
  }

  /// The events from a number on, in order.
  func events(from first: UInt64, limit: Int) throws -> [Event] {
    try Row.fetchAll(
      self, sql: "SELECT record FROM events WHERE number >= ? ORDER BY number LIMIT ?",
      arguments: [Int64(clamping: first), limit]
    ).map { row in
      guard let event = Event(try row.bytes("record", in: .event)) else { throw VaultError.damaged(.event) }
      return event
    }
  }
}

extension Vault {
  /// Events in order, from a number on; at most `limit` at once.
  public func events(from first: UInt64, limit: Int) throws(VaultError) -> [Event] {
    try read { try $0.events(from: first, limit: limit) }
  }

  /// The latest events, the last one first.
  public func latestEvents(_ count: Int) throws(VaultError) -> [Event] {
    try read { database in
      let last = try database.logHead().count
      return try database.events(from: last - min(last, UInt64(count)) + 1, limit: count).reversed()
    }
  }

  /// How many events the log has.
  public func eventCount() throws(VaultError) -> UInt64 {
    try read { try $0.logHead().count }
  }

  /// Records that the clock is right although it says an earlier time than the latest event had: from here on the log
  /// goes by it.
  public func acceptClock(on occasion: Occasion) throws(VaultError) {
    try write { database in _ = try database.append(.clockAccepted, on: occasion) }
  }
}

/// How events are chained (SPEC 14.5).
enum EventChain {
  /// What stands in the place of a hash before the first event.
  static func start(of vaultID: [UInt8]) throws(CryptographyError) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(2)
    encoder.encode(text: "husk-event-log")
    encoder.encode(bytes: vaultID)
    return try SHA256.hash(encoder.bytes.span.bytes)
  }

  static func hash(of record: [UInt8], after previous: [UInt8]) throws(CryptographyError) -> [UInt8] {
    let chained = previous + record
    return try SHA256.hash(chained.span.bytes)
  }
}
