import Cryptography
import Testing

@Suite struct LibraryHeapTests {
  @Test("libcrypto's objects lie on the protected heap, locked")
  func isProtected() throws {
    let heap = try LibraryHeap.current()
    #expect(heap.isProtected)
    #expect(heap.isLocked)
  }
}
