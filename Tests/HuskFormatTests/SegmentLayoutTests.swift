import HuskFormat
import Testing

/// SPEC 4.1.
@Suite("Segments")
struct SegmentLayoutTests {
  @Test("tile the payload, the first longer by a module's header, the last not empty", arguments: [true, false])
  func tiling(_ isModule: Bool) {
    let header: UInt64 = isModule ? 56 : 0
    for segmentSize in [16_400, 32_800, 262_400, 1_049_600] as [UInt64] {
      for segments in 1...4 as ClosedRange<UInt64> {
        let full = header + segments * segmentSize
        for payloadSize in [full - 1, full, full + 1, full - segmentSize + 1] {
          let layout = SegmentLayout(payloadSize: payloadSize, segmentSize: segmentSize, isModule: isModule)
          var position: UInt64 = 0
          for index in 0..<layout.count {
            let range = layout.range(of: index)
            #expect(range.lowerBound == position && !range.isEmpty)
            let size = segmentSize + (index == 0 ? header : 0)
            #expect(index == layout.count - 1 ? UInt64(range.count) <= size : UInt64(range.count) == size)
            position = range.upperBound
          }
          #expect(position == payloadSize)
          #expect(layout.range(of: layout.count).isEmpty)
        }
      }
    }
  }

  @Test("hold whole chunks in a module")
  func chunks() {
    let layout = SegmentLayout(payloadSize: 56 + 10 * 16_400 + 77, segmentSize: 4 * 16_400, isModule: true)
    #expect(layout.count == 3)
    for index in 1..<layout.count { #expect((layout.range(of: index).lowerBound - 56) % 16_400 == 0) }
  }

  @Test("number one at least, even where there is nothing")
  func empty() {
    for size in [0, 1, 55, 56] as [UInt64] {
      let layout = SegmentLayout(payloadSize: size, segmentSize: 16_400, isModule: true)
      #expect(layout.count == 1)
      #expect(layout.range(of: 0) == 0..<size)
    }
    #expect(SegmentLayout(payloadSize: 57, segmentSize: 16_400, isModule: true).count == 1)
    #expect(SegmentLayout(payloadSize: 0, segmentSize: 16_400, isModule: false).count == 1)
  }

  @Test("can be asked for with any numbers")
  func hostile() {
    let numbers: [UInt64] = [0, 1, 56, 16_400, 1 << 31, 1 << 32, 1 << 62, 1 << 63, .max - 56, .max - 1, .max]
    for payloadSize in numbers {
      for segmentSize in numbers {
        for isModule in [true, false] {
          let layout = SegmentLayout(payloadSize: payloadSize, segmentSize: segmentSize, isModule: isModule)
          #expect(layout.count >= 1)
          for index in [0, 1, 2, layout.count / 2, layout.count - 1, Int.max - 1] {
            #expect(layout.range(of: index).upperBound <= payloadSize)
          }
        }
      }
    }
  }
}
