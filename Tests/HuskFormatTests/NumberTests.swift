import HuskFormat
import Testing

@Suite("Sizes, versions and times")
struct NumberTests {
  /// The formula of SPEC 4.2, as it stands there.
  private func reference(_ size: UInt64) -> UInt64 {
    var exponent: UInt64 = 0
    while size >> (exponent + 1) > 0 { exponent += 1 }
    var significant: UInt64 = 0
    while exponent >> (significant + 1) > 0 { significant += 1 }
    significant += 1
    let multiple: UInt64 = exponent > significant ? 1 << (exponent - significant) : 1
    return (size + multiple - 1) / multiple * multiple
  }

  @Test("padmé is the formula, for every small size and around powers of two")
  func padmeFormula() {
    for size in 2...20_000 as ClosedRange<UInt64> where padme(size) != reference(size) {
      Issue.record("padmé(\(size)) is \(padme(size)), not \(reference(size))")
    }
    for exponent in 15..<62 {
      for offset in [-1, 0, 1] as [Int64] {
        let size = UInt64(Int64(1) << Int64(exponent) + offset)
        #expect(padme(size) == reference(size))
      }
    }
  }

  @Test("padmé grows by 12 % at most, and padding again changes nothing")
  func padmeBounds() {
    var size: UInt64 = 2
    while size < 1 << 40 {
      let padded = padme(size)
      #expect(padded >= size && (padded - size) * 100 <= size * 12, "\(size)")
      #expect(padme(padded) == padded)
      size += size / 7 + 1
    }
  }

  @Test("padmé takes any size")
  func padmeExtremes() {
    #expect([0, 1, 2, 3, 8, 9].map(padme) == [0, 1, 2, 3, 8, 10])
    #expect(padme(.max) >= .max - 1)
    #expect(padme(1 << 63) == 1 << 63)
  }

  @Test("versions are ordered by major, minor and patch")
  func versions() {
    let ascending = [
      Version(0, 0, 0), Version(0, 0, 1), Version(0, 0, .max), Version(0, 1, 0), Version(0, 10, 0), Version(1, 0, 0),
      Version(1, 9, 9), Version(.max, .max, .max),
    ]
    for (one, lower) in ascending.enumerated() {
      for (other, higher) in ascending.enumerated() { #expect((lower < higher) == (one < other)) }
    }
  }

  @Test("a range includes both its ends, and needs them in order")
  func ranges() throws {
    let range = try #require(VersionRange(Version(1, 2, 3), Version(1, 4, 0)))
    for version in [Version(1, 2, 3), Version(1, 3, 99), Version(1, 4, 0)] { #expect(range.contains(version)) }
    for version in [Version(1, 2, 2), Version(1, 4, 1), Version(0, 3, 0), Version(2, 3, 0)] {
      #expect(!range.contains(version))
    }
    let single = try #require(VersionRange(Version(1, 0, 0), Version(1, 0, 0)))
    #expect(single.contains(Version(1, 0, 0)) && !single.contains(Version(1, 0, 1)))
    #expect(VersionRange(Version(1, 4, 0), Version(1, 2, 3)) == nil)
  }

  struct Time: Sendable {
    let bound: UInt64
    let clock: UInt64?
    /// For a limit of 100.
    let hasPassed: Bool
    let isBefore: Bool
  }

  @Test(
    "not-after counts on every device, not-before only with a trusted clock (SPEC 1.4)",
    arguments: [
      Time(bound: 99, clock: nil, hasPassed: false, isBefore: false),
      Time(bound: 100, clock: nil, hasPassed: false, isBefore: false),
      Time(bound: 101, clock: nil, hasPassed: true, isBefore: false),
      Time(bound: 0, clock: nil, hasPassed: false, isBefore: false),
      Time(bound: 0, clock: 99, hasPassed: false, isBefore: true),
      Time(bound: 0, clock: 100, hasPassed: false, isBefore: false),
      Time(bound: 0, clock: 101, hasPassed: true, isBefore: false),
      Time(bound: 101, clock: 99, hasPassed: true, isBefore: false),  // a clock that runs behind doesn't count
      Time(bound: 100, clock: 99, hasPassed: false, isBefore: false),
      Time(bound: 99, clock: 98, hasPassed: false, isBefore: true),
    ])
  func times(_ time: Time) {
    let basis = TimeBasis(lowerBound: time.bound, trustedClock: time.clock)
    #expect(basis.hasPassed(100) == time.hasPassed)
    #expect(basis.isBefore(100) == time.isBefore)
    #expect(!basis.hasPassed(nil) && !basis.isBefore(nil))
    #expect(!basis.hasPassed(.max))
  }

  @Test("a lower bound only rises")
  func raise() {
    var basis = TimeBasis(lowerBound: 100, trustedClock: nil)
    basis.raise(to: 99)
    #expect(basis.latest == 100)
    basis.raise(to: 101)
    #expect(basis.latest == 101)
  }

  @Test("a trusted clock outranks signed times")
  func trustedClock() {
    var basis = TimeBasis(lowerBound: 100, trustedClock: 200)
    basis.raise(to: 300)
    #expect(basis.latest == 200)
    #expect(!basis.hasPassed(250))
    #expect(basis.isBefore(250))
  }
}
