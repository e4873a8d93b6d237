import Protections
import Testing

@Suite("The table of protections")
struct TableTests {
  @Test("numbers and names stand for one protection each")
  func unique() {
    #expect(Set(Protection.allCases.map { "\($0.name)" }).count == Protection.allCases.count)
    #expect(Protection.allCases.map(\.number) == Protection.allCases.map(\.number).sorted())
  }

  @Test("has words for everything, together less than 8 KiB")
  func texts() {
    var size = 0
    for protection in Protection.allCases {
      for text in [protection.name, protection.loss, protection.advice] {
        #expect(text.utf8CodeUnitCount > 0)
        size += text.utf8CodeUnitCount + 1
      }
    }
    #expect(size < 8192)
  }
}
