import CBOR
import Testing

/// Random and mutated inputs. Nothing may trap, and whatever is accepted must be the one encoding of what it says.
@Suite("Hostile input")
struct HostileInputTests {
  /// - Returns: whether the input was accepted.
  private func examine(_ input: [UInt8]) throws -> Bool {
    var reader = CBORReader(input)
    var refusal: CBORError?
    do throws(CBORError) {
      try reader.skipItem()
      try reader.finish()
    } catch {
      refusal = error
      #expect((0...input.count).contains(error.offset), "\(input.hex)")
    }
    #expect(CBORDiagnostic(input).error == refusal, "\(input.hex)")
    do throws(CBORError) {
      let again = try GenericItem.decode(input).encoded()
      #expect(refusal == nil && again == input, "\(input.hex)")
    } catch {
      #expect(refusal != nil, "\(input.hex): skipped, but not decoded: \(error)")
    }
    return refusal == nil
  }

  @Test("random inputs")
  func random() throws {
    var random = SplitMix(seed: 1)
    var accepted = 0
    for _ in 0..<20_000 {
      let length = Int.random(in: 0...24, using: &random)
      let input = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &random) }
      if try examine(input) { accepted += 1 }
    }
    #expect(accepted > 0)
  }

  @Test("a sample with bytes changed, removed, inserted and repeated")
  func mutated() throws {
    let sample = try Sample.encoded()
    #expect(try examine(sample))
    var random = SplitMix(seed: 2)
    var accepted = 0
    for _ in 0..<20_000 {
      var input = sample
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let index = Int.random(in: 0..<input.count, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: input[index] = .random(in: .min ... .max, using: &random)
        case 1: input[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: input.remove(at: index)
        case 3: input.insert(.random(in: .min ... .max, using: &random), at: index)
        default:
          let end = Int.random(in: index...min(index + 8, input.count), using: &random)
          input.insert(contentsOf: Array(input[index..<end]), at: index)
        }
      }
      if try examine(input) { accepted += 1 }
    }
    #expect(accepted > 100, "mutations that stay canonical show that acceptance is exercised")
    #expect(accepted < 20_000)
  }

  @Test("every input of one and of two bytes")
  func exhaustive() throws {
    for first in UInt8.min ... .max {
      _ = try examine([first])
      for second in UInt8.min ... .max { _ = try examine([first, second]) }
    }
  }
}
