import BootChain
import ErrorClass
import Testing

/// SPEC 7.2.
@Suite("Refusing to go on")
struct ReportTests {
  @Test("prints one line with the class and nothing more, and ends with status 101")
  func refuses() async throws {
    let result = try #require(
      await #expect(processExitsWith: .exitCode(101), observing: [\.standardErrorContent]) {
        refuse("bootloader", "decryptor", .rollback)
      })
    #expect(result.standardErrorContent == Array("husk: bootloader: refused decryptor: rollback\n".utf8))
  }
}
