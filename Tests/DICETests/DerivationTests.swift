import Cryptography
import DICE
import FormatFixtures
import SecretBytes
import Testing

/// What the two derived secrets depend on: the sealing one must survive updates, and nothing else.
@Suite("DICE derivation")
struct DerivationTests {
  private struct Pair: Equatable {
    let attest: [UInt8]
    let seal: [UInt8]
  }

  private func derive(
    code: String = "code", configuration: String = "configuration", authority: String = "authority",
    mode: DICE.Mode = .normal, hidden: String = "hidden", attest: String = "attest", seal: String = "seal"
  ) throws -> Pair {
    let input = { (name: String) in bytes(named: name) + bytes(named: name + name) }
    let inputs = try #require(
      DICE.Inputs(
        code: input(code), configuration: input(configuration), authority: input(authority), mode: mode,
        hidden: input(hidden)))
    let secrets = DICE.Secrets(attest: try secret(named: attest), seal: try secret(named: seal))
    let next = try secrets.derived(with: inputs)
    return Pair(
      attest: next.attest.withBytes { $0.withUnsafeBytes { Array($0) } },
      seal: next.seal.withBytes { $0.withUnsafeBytes { Array($0) } })
  }

  @Test("is the same for the same inputs")
  func deterministic() throws {
    #expect(try derive() == derive())
    #expect(try derive().attest.count == DICE.secretSize)
    #expect(try derive().attest != derive().seal)
  }

  @Test("seals alike whatever code and configuration are, but attests to them")
  func updates() throws {
    for changed in [try derive(code: "x"), try derive(configuration: "x")] {
      #expect(try changed.seal == derive().seal)
      #expect(try changed.attest != derive().attest)
    }
  }

  @Test("seals and attests to authority, mode and hidden input")
  func identity() throws {
    let changes = try [
      derive(authority: "x"), derive(hidden: "x"), derive(mode: .debug), derive(mode: .recovery),
      derive(mode: .notConfigured),
    ]
    for changed in changes {
      #expect(try changed.seal != derive().seal)
      #expect(try changed.attest != derive().attest)
    }
    #expect(Set(changes.map(\.seal)).count == changes.count)
  }

  @Test("keeps the two secrets apart")
  func apart() throws {
    #expect(try derive(attest: "x").seal == derive().seal)
    #expect(try derive(attest: "x").attest != derive().attest)
    #expect(try derive(seal: "x").attest == derive().attest)
    #expect(try derive(seal: "x").seal != derive().seal)
  }

  @Test("takes inputs of 64 bytes only")
  func sizes() {
    let right = [UInt8](repeating: 0, count: 64)
    for count in [0, 63, 65] {
      let wrong = [UInt8](repeating: 0, count: count)
      for index in 0..<4 {
        var inputs = [right, right, right, right]
        inputs[index] = wrong
        #expect(
          DICE.Inputs(
            code: inputs[0], configuration: inputs[1], authority: inputs[2], mode: .normal, hidden: inputs[3]) == nil)
      }
    }
  }
}
