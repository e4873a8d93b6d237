import CBOR

/// An item with every supported type in it.
enum Sample {
  static func encoded() throws(CBORError) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.tag(55799)
    encoder.encodeMap { map in
      map.set(1) { $0.encode(text: "com.acme.codec/水") }
      map.set(2) { $0.encode(bytes: (0..<40).map { UInt8($0) }) }
      map.set(3) { value in
        value.beginArray(7)
        for number in [0, 24, 256, 1 << 17, 1 << 40] as [Int64] { value.encode(integer: number) }
        value.encode(integer: .min)
        value.encode(unsigned: .max)
      }
      map.set(24) { value in
        value.beginArray(3)
        value.encode(bool: true)
        value.encode(bool: false)
        value.encodeNull()
      }
      map.set(-1) { value in
        value.encodeMap { map in
          map.set(text: "a") {
            $0.tag(1); $0.encode(unsigned: 1_700_000_000)
          }
          map.set(text: "ab") { $0.encodeMap { _ in } }
        }
      }
      map.set(-70_001) { $0.beginArray(0) }
    }
    return encoder.bytes
  }
}

extension Collection<UInt8> {
  var hex: String { map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() }
}

/// A random number generator that gives the same sequence on every run (SplitMix64).
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
