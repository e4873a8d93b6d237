import ErrorClass
import FormatFixtures
import HuskFormat
import TestSupport
import Testing

@testable import FormatVectors

/// Changes of single bits and bytes: of every object, everywhere.
@Suite("Mutated bytes")
struct BitTests {
  @Test("leave an object accepted only if nothing was changed, and its parts are all of it", arguments: Subject.all)
  func control(_ subject: Subject) {
    #expect(subject.refusal(of: subject.bytes) == nil)
    #expect(subject.sites.allSatisfy { !$0.range.isEmpty })
    #expect(subject.sites.map(\.range.count).reduce(0, +) == subject.bytes.count)
  }

  @Test("any bit: the class is one that SPEC has for that part")
  func bits() throws {
    var tally = Tally()
    for subject in Subject.all {
      for site in subject.sites {
        for bit in site.range.lowerBound * 8..<site.range.upperBound * 8 {
          var bytes = subject.bytes
          bytes[bit / 8] ^= 1 << UInt8(bit % 8)
          tally.check(
            subject.refusal(of: bytes), among: site.classes,
            "\(subject.testDescription), \(site.description), bit \(bit)")
        }
      }
    }
    tally.record("bits")
  }

  @Test("any byte removed, or twice")
  func shifted() throws {
    var tally = Tally()
    for subject in Subject.all {
      for index in subject.bytes.indices {
        var shorter = subject.bytes
        shorter.remove(at: index)
        var longer = subject.bytes
        longer.insert(subject.bytes[index], at: index)
        for bytes in [shorter, longer] where bytes != subject.bytes {
          let refusal = subject.refusal(of: bytes)
          // Lengths no longer fit: that shows before anything is verified, but for a text within a signed string.
          tally.check(refusal, among: Self.shifts, "\(subject.testDescription), byte \(index)")
        }
      }
    }
    tally.record("shifts")
  }

  private static let shifts: Set<ErrorClass> = [
    .malformed, .limitExceeded, .sizeMismatch, .signatureInvalid, .roleMismatch,
  ]

  @Test("cut off at any length: malformed, or in a payload size-mismatch")
  func truncated() throws {
    var tally = Tally()
    for subject in Subject.all {
      let isPackage = subject.testDescription == "package"
      for length in subject.bytes.indices {
        let isWithinPayload = isPackage && length >= (subject.sites.last?.range.lowerBound ?? 0)
        tally.check(
          subject.refusal(of: Array(subject.bytes[..<length])), among: [isWithinPayload ? .sizeMismatch : .malformed],
          "\(subject.testDescription), \(length) bytes")
      }
    }
    tally.record("truncations")
  }

  @Test("with something behind it: malformed, or behind a payload size-mismatch")
  func appended() throws {
    var tally = Tally()
    for subject in Subject.all {
      let expected: ErrorClass = subject.testDescription == "package" ? .sizeMismatch : .malformed
      for tail in [[0], [0x40], [0xf6], [0xff], subject.bytes, [UInt8](repeating: 0, count: 4096)] as [[UInt8]] {
        tally.check(
          subject.refusal(of: subject.bytes + tail), among: [expected],
          "\(subject.testDescription), \(tail.count) bytes")
      }
    }
    tally.record("tails")
  }

  @Test("of one kind, it isn't one of another, whatever its label says")
  func confused() throws {
    var tally = Tally()
    for subject in Subject.all {
      for other in Subject.all where other.testDescription != subject.testDescription {
        tally.check(
          other.refusal(of: subject.bytes), among: [.malformed],
          "\(subject.testDescription) as it is, for a \(other.testDescription)")
        let label = other.sites[0].range
        let relabelled = other.bytes[label] + subject.bytes[subject.sites[0].range.upperBound...]
        tally.check(
          other.refusal(of: Array(relabelled)), among: [.malformed],
          "\(subject.testDescription) labelled as a \(other.testDescription)")
      }
    }
    tally.record("kinds")
  }
}
