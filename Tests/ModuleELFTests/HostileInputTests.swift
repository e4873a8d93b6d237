import ModuleELF
import ModuleLint
import Testing

@Suite("Hostile input never traps")
struct HostileInputTests {
  @Test("cut off at every length, an object gives an error or the same names")
  func truncation() throws {
    let object = try Samples.rich()
    let whole = try elf(object)
    let (soname, needed, runpath) = (try whole.soname(), try whole.needed(), try whole.runpath())
    for length in 0..<object.count {
      let part = Array(object[..<length])
      if let file = try? elf(part) {
        #expect(file.programHeaders == whole.programHeaders)
        #expect(file.dynamicTable == whole.dynamicTable)
        #expect(try file.soname() == soname)
        #expect(try file.needed() == needed)
        #expect(try file.runpath() == runpath)
      }
      // The section headers come last, so that lint misses any end that is cut off.
      #expect(throws: ELFError.self) { try lint(part) }
    }
  }

  @Test("with bytes changed at random, an object gives an error or a report", arguments: 0..<4)
  func mutation(seed: UInt64) throws {
    let object = try Samples.rich()
    var random = SplitMix64(state: seed)
    var reports = 0
    for _ in 0..<5_000 {
      var changed = object
      for _ in 0...Int.random(in: 0..<4, using: &random) {
        // Half of the changes go where tables are dense: the header and the program headers.
        let range = Bool.random(using: &random) ? 0..<640 : 0..<object.count
        changed[Int.random(in: range, using: &random)] =
          [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)]
          .randomElement(using: &random) ?? 0
      }
      do throws(ELFError) {
        _ = try lint(changed)
        reports += 1
      } catch {
        #expect(error != .unreadable)
      }
    }
    // Otherwise the test would show no more than that the header is checked.
    #expect(reports > 500)
    #expect(reports < 4_500)
  }

  @Test("a source that fails is reported as such, whichever read fails")
  func failingSource() throws {
    let object = try Samples.rich()
    var reads = 0
    while true {
      let source = FailingSource(bytes: object, failingRead: reads)
      do throws(ELFError) {
        let file = try ELFFile(source)
        _ = try file.soname()
        _ = try file.needed()
        break
      } catch {
        #expect(error == .unreadable)
      }
      reads += 1
    }
    #expect(reads >= 5)
  }

  @Test("an array gives no bytes outside it")
  func arrayBounds() {
    let source = ArraySource([1, 2, 3, 4])
    #expect(source.count == 4)
    for (offset, size, isInside) in [(1, 3, true), (2, 3, false), (4, 1, false), (UInt64.max, 1, false)] {
      var bytes = [UInt8](repeating: 0, count: size)
      #expect(bytes.withUnsafeMutableBytes { source.read(at: offset, into: $0) } == isInside)
      #expect(bytes == (isInside ? [2, 3, 4] : [UInt8](repeating: 0, count: size)))
    }
  }
}

/// A file of which one read fails, counted from zero.
private final class FailingSource: ByteSource {
  private let array: ArraySource
  private var remaining: Int

  init(bytes: [UInt8], failingRead: Int) {
    array = ArraySource(bytes)
    remaining = failingRead
  }

  var count: UInt64 { array.count }

  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    defer { remaining -= 1 }
    return remaining != 0 && array.read(at: offset, into: buffer)
  }
}

/// A small generator of random numbers that can be started again from a seed.
private struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
