import HostSupport
import Testing

@Suite("Times as text")
struct TimestampTests {
  @Test(
    "are read and shown in UTC",
    arguments: [
      ("1970-01-01", 0, "1970-01-01T00:00:00Z"),
      ("1970-01-01T00:00:59Z", 59, "1970-01-01T00:00:59Z"),
      ("2000-02-29T12:34:56Z", 951_827_696, "2000-02-29T12:34:56Z"),
      ("2024-12-31T23:59:59z", 1_735_689_599, "2024-12-31T23:59:59Z"),
      ("2026-11-22T18:30:00+01:00", 1_795_368_600, "2026-11-22T17:30:00Z"),
      ("2026-11-22 18:30:00-05:30", 1_795_392_000, "2026-11-23T00:00:00Z"),
      ("2100-03-01", 4_107_542_400, "2100-03-01T00:00:00Z"),
      ("9999-12-31T23:59:59Z", 253_402_300_799, "9999-12-31T23:59:59Z"),
    ] as [(String, UInt64, String)])
  func readsAndShows(text: String, seconds: UInt64, shown: String) {
    #expect(Timestamp(text)?.seconds == seconds)
    #expect(Timestamp(seconds: seconds).text == shown)
  }

  @Test("that end something include the day that a date alone names")
  func endOfDay() {
    #expect(Timestamp("2028-12-31", endOfDay: true)?.text == "2028-12-31T23:59:59Z")
    #expect(Timestamp("2028-12-31T12:00:00Z", endOfDay: true)?.text == "2028-12-31T12:00:00Z")
    #expect(Timestamp("2028-12-32", endOfDay: true) == nil)
  }

  @Test("agree with themselves on every day of five centuries")
  func everyDay() {
    for day in UInt64(0)..<182_621 {
      let time = Timestamp(seconds: day * 86_400 + day % 86_400)
      guard Timestamp(time.text) == time else {
        Issue.record("day \(day): \(time.text)")
        return
      }
    }
  }

  @Test(
    "of no calendar are refused",
    arguments: [
      "", "2026", "2026-13-01", "2026-00-10", "2026-02-29", "2100-02-29", "2026-04-31", "1969-12-31", "2026-1-01",
      "2026-01-01T", "2026-01-01T12:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
      "2026-01-01T00:00:00", "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00Zx", "1970-01-01T00:00:00+00:01",
      "２０２６-01-01", "+026-01-01",
    ])
  func refuses(text: String) {
    #expect(Timestamp(text) == nil)
  }

  @Test("too late for four digits of year are shown as a number")
  func farFuture() {
    #expect(Timestamp(seconds: 253_402_300_800).text == "253402300800 s after 1970")
    #expect(Timestamp(seconds: .max).text == "18446744073709551615 s after 1970")
  }
}
