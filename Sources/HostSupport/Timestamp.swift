import CLinux

/// A time in seconds since 1970-01-01T00:00:00Z, as text of RFC 3339.
public struct Timestamp: Equatable, Sendable {
  public let seconds: UInt64

  public init(seconds: UInt64) {
    self.seconds = seconds
  }

  /// The host's clock.
  public static var now: Timestamp { Timestamp(seconds: UInt64(clamping: linux_realtime_seconds())) }

  /// Reads `2026-11-22`, `2026-11-22T18:30:00Z` or `2026-11-22T18:30:00+01:00`; nil for anything else, or before 1970.
  ///
  /// - Parameter endOfDay: whether a date alone means the day's last second rather than its first.
  public init?(_ text: String, endOfDay: Bool = false) {
    var fields = DigitReader(text)
    guard let year = fields.number(4), fields.skip("-"), let month = fields.number(2), fields.skip("-"),
      let day = fields.number(2), year >= 1970, (1...12).contains(month),
      (1...Self.daysInMonth(month, of: year)).contains(day)
    else { return nil }
    var total = Self.daysSince1970(year, month, day) * 86_400
    if fields.isAtEnd {
      if endOfDay { total += 86_399 }
    } else {
      guard fields.skip("T") || fields.skip("t") || fields.skip(" "), let hour = fields.number(2), fields.skip(":"),
        let minute = fields.number(2), fields.skip(":"), let second = fields.number(2), hour < 24, minute < 60,
        second < 60, let offset = fields.zoneOffset(), fields.isAtEnd
      else { return nil }
      total += hour * 3600 + minute * 60 + second - offset
    }
    guard total >= 0 else { return nil }
    seconds = UInt64(total)
  }

  /// `2026-11-22T18:30:00Z`; the number of seconds where the year has more than four digits.
  public var text: String {
    guard seconds < 253_402_300_800 else { return "\(seconds) s after 1970" }
    let days = Int(seconds / 86_400)
    let rest = Int(seconds % 86_400)
    var year = 1970 + days / 366
    while Self.daysSince1970(year + 1, 1, 1) <= days { year += 1 }
    var month = 1
    while month < 12, Self.daysSince1970(year, month + 1, 1) <= days { month += 1 }
    let day = days - Self.daysSince1970(year, month, 1) + 1
    let date = "\(year)-\(pad(month))-\(pad(day))"
    return "\(date)T\(pad(rest / 3600)):\(pad(rest / 60 % 60)):\(pad(rest % 60))Z"
  }
}

extension Timestamp {
  private static func isLeap(_ year: Int) -> Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  }

  private static func daysInMonth(_ month: Int, of year: Int) -> Int {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let before = year - 1
    var days = (year - 1970) * 365 + (before / 4 - before / 100 + before / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400)
    for earlier in 1..<month { days += daysInMonth(earlier, of: year) }
    return days + day - 1
  }
}

private func pad(_ number: Int) -> String {
  number < 10 ? "0\(number)" : "\(number)"
}

/// Reads fixed-width numbers off a text.
private struct DigitReader {
  private var rest: Substring.UTF8View

  init(_ text: String) {
    rest = Substring(text).utf8
  }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func number(_ width: Int) -> Int? {
    guard rest.count >= width else { return nil }
    var value = 0
    for digit in rest.prefix(width) {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      value = value * 10 + Int(digit - UInt8(ascii: "0"))
    }
    rest = rest.dropFirst(width)
    return value
  }

  mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: character) else { return false }
    rest = rest.dropFirst()
    return true
  }

  /// `Z` or `+hh:mm`, in seconds east of UTC.
  mutating func zoneOffset() -> Int? {
    if skip("Z") || skip("z") { return 0 }
    let isEast = skip("+")
    guard isEast || skip("-"), let hours = number(2), skip(":"), let minutes = number(2), hours < 24, minutes < 60
    else { return nil }
    return (isEast ? 1 : -1) * (hours * 3600 + minutes * 60)
  }
}
