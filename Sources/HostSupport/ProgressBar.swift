import CLinux
import Glibc

/// Shows on standard error how far long work has come, with rate and time left; nothing where that isn't a terminal.
///
/// The line is gone when this value is.
public struct ProgressBar: ~Copyable {
  private let unit: String
  private let isShown: Bool
  private let began = linux_monotonic_milliseconds()
  private var shownAt: Int64 = 0

  private static let interval: Int64 = 100
  private static let width = 30

  /// - Parameter unit: what is counted, such as `devices`.
  public init(_ unit: String) {
    self.unit = unit
    isShown = isatty(STDERR_FILENO) == 1
  }

  /// - Parameters:
  ///   - count: how many are done.
  ///   - done: how much of `total` is done, in whatever unit tells best.
  ///   - total: nil where it isn't known.
  public mutating func update(_ count: UInt64, done: UInt64, of total: UInt64?) {
    guard isShown else { return }
    let now = linux_monotonic_milliseconds()
    guard now - shownAt >= Self.interval else { return }
    shownAt = now
    write("\r\u{1b}[K" + Self.line(count, unit, done: done, of: total, milliseconds: UInt64(clamping: now - began)))
  }

  /// Takes the line away, so that something else can be printed.
  public mutating func clear() {
    guard isShown, shownAt > 0 else { return }
    write("\r\u{1b}[K")
    shownAt = 0
  }

  deinit {
    if isShown, shownAt > 0 { write("\r\u{1b}[K") }
  }

  /// What is shown after some time.
  static func line(
    _ count: UInt64, _ unit: String, done: UInt64, of total: UInt64?, milliseconds: UInt64
  ) -> String {
    let rate = milliseconds > 0 ? Double(count) * 1000 / Double(milliseconds) : 0
    let words = "\(count) \(unit), \(Int(rate))/s"
    guard let total, total > 0 else { return words }
    let share = min(1, Double(done) / Double(total))
    let filled = Int(share * Double(width))
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
    let left = share > 0 ? Double(milliseconds) / 1000 * (1 - share) / share : 0
    return "[\(bar)] \(Int(share * 100)) %  \(words), \(duration(Int(left))) left"
  }

  private static func duration(_ seconds: Int) -> String {
    let rest = seconds % 60
    let minutes = seconds / 60
    let padded = rest < 10 ? "0\(rest)" : "\(rest)"
    return minutes < 60 ? "\(minutes):\(padded)" : "\(minutes / 60) h \(minutes % 60) min"
  }
}

private func write(_ text: String) {
  let bytes = Array(text.utf8)
  _ = linux_write_all(STDERR_FILENO, bytes, bytes.count)
}
