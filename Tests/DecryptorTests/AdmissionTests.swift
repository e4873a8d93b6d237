import Testing

@testable import Decryptor

/// SPEC 8: who may be a client.
@Suite("A decryptor that listens lets in")
struct AdmissionTests {
  private let rule = AdmissionRule(user: 100, group: 200, own: 300)

  @Test("the firmware's user, whatever the group")
  func user() {
    #expect(rule.admits(user: 100, group: 0, isMember: false))
    #expect(rule.admits(user: 100, group: 200, isMember: true))
  }

  @Test("members of the firmware's group, whoever they are")
  func group() {
    #expect(rule.admits(user: 101, group: 200, isMember: false))
    #expect(rule.admits(user: 101, group: 0, isMember: true))
    #expect(rule.admits(user: 0, group: 200, isMember: false))
  }

  @Test("nobody else: neither root, nor who has the numbers in the wrong place")
  func others() {
    for (user, group) in [(0, 0), (101, 201), (200, 100), (0, 100), (.max, .max)] as [(UInt32, UInt32)] {
      #expect(!rule.admits(user: user, group: group, isMember: false), "\(user), \(group)")
    }
  }

  @Test("never its own user")
  func own() {
    #expect(!rule.admits(user: 300, group: 200, isMember: true))
    let same = AdmissionRule(user: 300, group: 200, own: 300)
    #expect(!same.admits(user: 300, group: 200, isMember: true))
    #expect(same.admits(user: 301, group: 200, isMember: false))
  }
}
