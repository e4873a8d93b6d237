import BootChain
import CBOR
import ErrorClass
import TestSupport
import Testing

/// SPEC 7.6: what is said.
@Suite("Provider messages")
struct ProviderMessageTests {
  @Test("a request has the form of SPEC 7.6, and is read as it was written")
  func requests() throws {
    #expect(hex(ProviderRequest(id: 5, operation: .incrementCounter).encoded()) == "83010502")
    for operation in [ProviderOperation.secrets, .readCounter, .incrementCounter, .time, .confirm, .tryStaged] {
      for id in [0, 24, .max] as [UInt64] {
        let request = ProviderRequest(id: id, operation: operation)
        #expect(try ProviderRequest(parsing: request.encoded()[...]) == request)
        #expect(request.encoded().count <= 32)
      }
    }
  }

  @Test(
    "a request of another form is refused",
    arguments: [
      ("", 0), ("83", 0), ("8301", 0), ("82010502", 0), ("8401050200", 0), ("83020502", 0), ("83002502", 0),
      ("830105", 0), ("83010506", 5), ("83010520", 5), ("830105f6", 5), ("8301050200", 5), ("a0", 0), ("9f010502ff", 0),
      ("8301180502", 0),
    ] as [(String, UInt64)])
  func refusedRequests(_ text: String, id: UInt64) {
    let message = bytes(fromHex: text)
    let refusal = #expect(throws: ProviderRequest.Refusal.self) { try ProviderRequest(parsing: message[...]) }
    #expect(refusal?.id == id)
  }

  @Test("a reply has the form of SPEC 7.6, and is read as it was written")
  func replies() throws {
    #expect(hex(ProviderReply(id: 5, result: .value(7)).encoded()) == "8401050007")
    #expect(hex(ProviderReply(id: 5, result: .nothing).encoded()) == "84010500f6")
    #expect(hex(ProviderReply(id: 5, result: .failed(.notFound)).encoded()) == "8401051841f6")
    let results: [ProviderReply.Result] =
      [.value(0), .value(.max), .nothing] + ErrorClass.allCases.map { .failed($0) }
    for result in results {
      let reply = ProviderReply(id: .max, result: result)
      #expect(try ProviderReply(parsing: reply.encoded()[...]) == reply)
      #expect(reply.encoded().count <= 32)
    }
  }

  @Test(
    "a reply of another form is refused",
    arguments: [
      "", "84", "83010500", "840105", "84020500f6", "8401050020", "8401050040", "84010500f4", "8401051841",
      "840105184100",
      "8401051863f6", "84010520f6", "84010500f600", "8401251841f6", "8501050000f6", "a0",
    ])
  func refusedReplies(_ text: String) {
    let message = bytes(fromHex: text)
    #expect(throws: CBORError.self) { try ProviderReply(parsing: message[...]) }
  }
}
