import CBOR
import ErrorClass
import Protections
import SecureWorld
import TestSupport
import Testing

/// SPEC 8: what is said.
@Suite("Requests and replies")
struct MessageTests {
  private func request(_ hex: String, descriptors: Int = 0) throws -> Request {
    let message = bytes(fromHex: hex)
    return try Request(parsing: message[...], descriptorCount: descriptors)
  }

  @Test("a request is read as it was written", arguments: [Operation.hello, .load, .identity, .protections])
  func requests(_ operation: SecureWorld.Operation) throws {
    for id in [0, 1, 255, .max] as [UInt64] {
      let request = Request(id: id, operation: operation)
      let read = try Request(parsing: request.encoded()[...], descriptorCount: operation.descriptorCount)
      #expect(read == request)
    }
  }

  @Test("a request has the form of SPEC 8")
  func form() {
    #expect(hex(Request(id: 5, operation: .load).encoded()) == "84010501a0")
    #expect(SecureWorldProtocol.maximumMessage == 65_536)
    #expect(SecureWorldProtocol.deadline == 30_000)
  }

  @Test("a load may ask for progress, and nothing else may")
  func progressWish() throws {
    let wish = Request(id: 5, operation: .load, Request.Wishes(progress: true))
    #expect(hex(wish.encoded()) == "84010501a101f5")
    #expect(try request("84010501a101f5", descriptors: 2) == wish)
    #expect(try request("84010501a0", descriptors: 2).wishes.progress == false)
    let refused = [
      ("84010500a101f5", 0), ("84010502a101f5", 0), ("84010501a101f4", 2), ("84010501a10101", 2), ("84010501a104f5", 2),
      ("84010501a201f501f5", 2), ("84010501a120f5", 2), ("84010501a101", 2),
    ]
    for (hex, descriptors) in refused {
      let refusal = #expect(throws: Request.Refusal.self) { try request(hex, descriptors: descriptors) }
      #expect(refusal?.id == 5, "\(hex)")
    }
  }

  @Test("a load may be on trial, and a check may ask for segments, and nothing else may")
  func wishes() throws {
    let trial = Request(id: 5, operation: .load, Request.Wishes(progress: true, onTrial: true))
    #expect(hex(trial.encoded()) == "84010501a201f502f5")
    #expect(try request("84010501a201f502f5", descriptors: 2) == trial)
    let check = Request(id: 5, operation: .check, Request.Wishes(segments: 3..<256))
    #expect(hex(check.encoded()) == "84010507a1038203190100")
    #expect(try request("84010507a1038203190100", descriptors: 1) == check)
    #expect(try request("84010507a0", descriptors: 1).wishes == Request.Wishes())
    let refused = [
      ("84010501a102f4", 2), ("84010501a10201", 2), ("84010501a202f501f5", 2), ("84010507a102f5", 1),
      ("84010504a102f5", 1), ("84010501a103820304", 2), ("84010507a103820303", 1), ("84010507a103820403", 1),
      ("84010507a1038103", 1), ("84010507a10383030405", 1), ("84010507a1038203", 1), ("84010507a103822003", 1),
      ("84010507a0", 0), ("84010507a0", 2),
    ]
    for (hex, descriptors) in refused {
      let refusal = #expect(throws: Request.Refusal.self, "\(hex)") { try request(hex, descriptors: descriptors) }
      #expect(refusal?.id == 5, "\(hex)")
    }
  }

  static let checkedFile = CheckedFile(
    role: Array("module".utf8), name: Array("com.acme.codec".utf8), version: [1, 2, .max], securityVersion: .max,
    epoch: 7, payloadOffset: 600, payloadSize: 100_000, firstSegment: 16_456, segment: 16_400,
    digest: [UInt8](repeating: 9, count: 32), number: 5)

  @Test("what is said of a checked file must be complete, in order and nothing else")
  func checkedFiles() throws {
    let reply = Reply(id: 77, result: .checked(Self.checkedFile))
    #expect(try Reply(parsing: reply.encoded()[...], to: .check) == reply)
    let members = [
      "016167", "026161", "0383010203", "0404", "0505", "0606", "0707", "0808", "0909",
      "0a5820" + String(repeating: "09", count: 32), "0b0b",
    ]
    func parse(_ members: [String]) throws {
      let message = bytes(fromHex: "84010500" + "a" + String(members.count, radix: 16) + members.joined())
      _ = try Reply(parsing: message[...], to: .check)
    }
    #expect(throws: Never.self) { try parse(members) }
    for index in members.indices {
      var fewer = members
      fewer.remove(at: index)
      #expect(throws: CBORError.self) { try parse(fewer) }
      var twice = members
      twice.insert(members[index], at: index)
      #expect(throws: CBORError.self) { try parse(twice) }
    }
    for (index, value) in [
      (0, "0101"), (1, "0241ab"), (2, "03820102"), (2, "0383010220"), (3, "0420"), (6, "07f6"), (9, "0a4109"),
      (10, "0b60"), (10, "0c0b"),
      // Places and sizes that nobody could add up.
      (5, "061b0000000100000000"), (6, "071b0000000100000000"), (7, "081bffffffffffffffff"),
      (8, "091bffffffffffffffff"),
    ] {
      var changed = members
      changed[index] = value
      #expect(throws: CBORError.self, "\(value)") { try parse(changed) }
    }
    for (index, value) in [
      (4, "051bffffffffffffffff"), (5, "061affffffff"), (6, "071affffffff"), (10, "0b1bffffffffffffffff"),
    ] {
      var changed = members
      changed[index] = value
      #expect(throws: Never.self, "\(value)") { try parse(changed) }
    }
  }

  @Test("tells how many segments a payload has, and where they end")
  func segments() {
    var file = Self.checkedFile
    #expect(file.segments == 7)
    #expect((0...7).map { file.end(of: $0) } == [0, 16_456, 32_856, 49_256, 65_656, 82_056, 98_456, 100_000])
    file.payloadSize = 16_456 + 16_400
    #expect(file.segments == 2)
    (file.payloadSize, file.firstSegment) = (70, 70)
    #expect((file.segments, file.end(of: 1)) == (1, 70))
    file.payloadSize = 0
    #expect(file.segments == 0)
    (file.payloadSize, file.firstSegment, file.segment) = (.max, 1, 1)
    #expect(file.segments == .max)
    #expect(file.end(of: .max) == .max)
  }

  @Test("one that is refused after its id is answered to that id")
  func identified() throws {
    let refused = [
      ("84010504a0", 0), ("84010505a0", 1), ("84010506a0", 1), ("84010505a101f5", 0), ("84010503a0", 1),
      ("84010503a101f5", 0), ("840105" + "20" + "a0", 0), ("84010500a10100", 0),
      ("8401050080", 0),
      ("84010500a000", 0), ("84010500f6", 0), ("840105" + "1800" + "a0", 0),
      ("84010500a0", 1), ("84010500a0", 2), ("84010502a0", 1), ("84010501a0", 0), ("84010501a0", 1), ("84010501a0", 3),
    ]
    for (hex, descriptors) in refused {
      let refusal = #expect(throws: Request.Refusal.self) { try request(hex, descriptors: descriptors) }
      #expect(refusal?.id == 5, "\(hex), \(descriptors)")
    }
    #expect(throws: Never.self) { try request("84010500a0") }
    #expect(throws: Never.self) { try request("84010501a0", descriptors: 2) }
  }

  @Test(
    "one that is refused before its id is answered to none",
    arguments: [
      "", "84", "8401", "84010500", "83010500", "85010500a000", "84020500a0", "84000500a0", "84012500a0", "8401f600a0",
      "8401180500a0", "9f010500a0ff", "a0", "00", "ff", "8401f93c0000a0", "840161350000",
    ])
  func anonymous(_ hex: String) {
    let refusal = #expect(throws: Request.Refusal.self) { try request(hex) }
    #expect(refusal?.id == 0)
  }

  // MARK: Replies

  static let module = LoadedModule(
    name: Array("com.acme.codec".utf8), version: [1, 2, .max], securityVersion: .max, epoch: 7, size: 123_456,
    sequence: 5, notBefore: nil, notAfter: nil, features: nil)

  static let fullModule: LoadedModule = {
    var module = Self.module
    module.notBefore = 0
    module.notAfter = 1_800_000_000
    module.features = [UInt8](repeating: 3, count: 1024)
    module.mayBeExecuteOnly = true
    return module
  }()

  static let replies: [(Reply.Result, SecureWorld.Operation)] = [
    (.hello(version: 1), .hello), (.hello(version: .max), .hello), (.loaded(module), .load),
    (.loaded(fullModule), .load),
    (.identity([]), .identity), (.identity([UInt8](repeating: 9, count: 60_000)), .identity),
    (.done, .confirm), (.done, .tryStaged), (.protections([]), .protections),
    (
      .protections([
        ProtectionFact(.secretMemory, .active), ProtectionFact(.landlock, .inactive, detail: .max),
        ProtectionFact(number: .max, state: .unknown, detail: 3),
      ]), .protections
    ),
  ]

  @Test("a reply is read as it was written")
  func replies() throws {
    for (result, operation) in Self.replies {
      let reply = Reply(id: 77, result: result)
      #expect(try Reply(parsing: reply.encoded()[...], to: operation) == reply)
      #expect(reply.encoded().count <= SecureWorldProtocol.maximumMessage)
    }
  }

  @Test("every class goes through, to any request", arguments: ErrorClass.allCases)
  func classes(_ errorClass: ErrorClass) throws {
    for operation in [SecureWorld.Operation.hello, .load, .identity, .protections, .confirm, .tryStaged] {
      let reply = Reply(id: 1, result: .failed(errorClass))
      #expect(try Reply(parsing: reply.encoded()[...], to: operation) == reply)
    }
  }

  @Test("a reply has the form of SPEC 8, and says nothing with a class")
  func replyForm() {
    #expect(hex(Reply(id: 5, result: .hello(version: 1)).encoded()) == "84010500a10101")
    #expect(hex(Reply(id: 5, result: .identity([0xab])).encoded()) == "84010500a10141ab")
    let facts = [ProtectionFact(.secretMemory, .inactive, detail: 38), ProtectionFact(.landlock, .active, detail: 6)]
    #expect(
      hex(Reply(id: 5, result: .protections(facts)).encoded()) == "84010500" + "82" + "8301001826" + "83080106")
    #expect(hex(Reply(id: 5, result: .failed(.signatureInvalid)).encoded()) == "84010506a0")
    let module = LoadedModule(
      name: Array("a.b".utf8), version: [1, 2, 3], securityVersion: 4, epoch: 5, size: 6, sequence: 7, notBefore: 8,
      notAfter: 9, features: [10])
    #expect(
      hex(Reply(id: 5, result: .loaded(module)).encoded()) == "84010500a9" + "0163612e62" + "0283010203" + "0304"
        + "0405" + "0506" + "0607" + "0708" + "0809" + "09410a")
    var executeOnly = Self.module
    executeOnly.mayBeExecuteOnly = true
    #expect(hex(Reply(id: 5, result: .loaded(executeOnly)).encoded()).hasSuffix("0605" + "0af5"))
  }

  @Test(
    "a reply of another form is refused",
    arguments: [
      ("", .hello), ("84", .hello), ("83010500", .hello), ("85010500a1010100", .hello), ("84020500a10101", .hello),
      ("84012000a10101", .hello), ("84010500a0", .hello), ("84010500a10201", .hello), ("84010500a201010201", .hello),
      ("84010500a1010100", .hello), ("84010500a10120", .hello), ("84010500f6", .hello),
      ("8401051863a0", .hello), ("84010520a0", .hello), ("8401051a7fffffffa0", .hello),
      ("8401051b0000000100000001a0", .hello), ("84010506a10101", .hello), ("84010506f6", .hello),
      ("84010500a10101", .identity), ("84010500a10160", .identity), ("84010500a0", .identity), ("84010500a0", .load),
      ("84010500a10141ab", .load),
      // A load reply that is right but for its label 10, which is true or not there.
      ("84010500a7" + "0163612e62" + "0283010203" + "0304" + "0405" + "0506" + "0607" + "0af4", .load),
      ("84010500a7" + "0163612e62" + "0283010203" + "0304" + "0405" + "0506" + "0607" + "0a01", .load),
      // Facts: not a map, two or four members, an unknown state, numbers that don't ascend.
      ("84010500a0", .protections), ("8401050081820100", .protections), ("840105008184010000" + "00", .protections),
      ("840105008183010300", .protections), ("84010500828302000083010000", .protections),
      ("84010500828301000083010000", .protections),
    ] as [(String, SecureWorld.Operation)])
  func refusedReplies(_ hex: String, _ operation: SecureWorld.Operation) {
    let message = bytes(fromHex: hex)
    #expect(throws: CBORError.self) { try Reply(parsing: message[...], to: operation) }
  }

  @Test("what is said of a module must be complete, in order and nothing else")
  func moduleMembers() throws {
    let members = [
      "0163612e62", "0283010203", "0304", "0405", "0506", "0607", "0708", "0809", "09410a",
    ]
    func parse(_ members: [String]) throws {
      let message = bytes(fromHex: "84010500" + "a" + String(members.count, radix: 16) + members.joined())
      _ = try Reply(parsing: message[...], to: .load)
    }
    #expect(throws: Never.self) { try parse(members) }
    for index in members.indices {
      var fewer = members
      fewer.remove(at: index)
      if index < 6 {
        #expect(throws: CBORError.self) { try parse(fewer) }
      } else {
        #expect(throws: Never.self) { try parse(fewer) }
      }
      var twice = members
      twice.insert(members[index], at: index)
      #expect(throws: CBORError.self) { try parse(twice) }
      if index > 0 {
        var swapped = members
        swapped.swapAt(index, index - 1)
        #expect(throws: CBORError.self) { try parse(swapped) }
      }
    }
    for (index, value) in [
      (0, "0141ab"), (1, "02820102"), (1, "028401020304"), (1, "0283010220"), (1, "0283011b000000010000000003"),
      (2, "0320"), (3, "04f6"), (4, "0540"), (8, "0960"), (8, "0a410a"),
    ] {
      var changed = members
      changed[index] = value
      #expect(throws: CBORError.self, "\(value)") { try parse(changed) }
    }
  }

  // MARK: Progress

  @Test("progress has the form of SPEC 8, and is read as it was written")
  func progress() throws {
    let progress = Progress(id: 5, done: 7, total: 256)
    #expect(hex(progress.encoded()) == "84020507190100")
    for progress in [progress, Progress(id: .max, done: .max, total: .max), Progress(id: 0, done: 0, total: 0)] {
      #expect(try Progress(parsing: progress.encoded()[...]) == progress)
    }
    for refused in [
      "", "8402", "83020507", "85020507190100f6", "84020507190100f6", "84010507190100", "84030507190100",
      "8402050807", "8402052007", "84020500f6", "8402f60708",
    ] {
      let message = bytes(fromHex: refused)
      #expect(throws: CBORError.self, "\(refused)") { try Progress(parsing: message[...]) }
    }
  }

  @Test("a client tells progress from the reply")
  func kinds() throws {
    for operation in [SecureWorld.Operation.hello, .load, .identity, .protections, .confirm, .tryStaged] {
      let progress = Progress(id: 5, done: 1, total: 2)
      #expect(try DecryptorMessage(parsing: progress.encoded()[...], to: operation) == .progress(progress))
      let reply = Reply(id: 5, result: .failed(.expired))
      #expect(try DecryptorMessage(parsing: reply.encoded()[...], to: operation) == .reply(reply))
      for refused in ["", "84", "8403050102", "a0", "8402050201"] {
        let message = bytes(fromHex: refused)
        #expect(throws: CBORError.self, "\(refused)") {
          try DecryptorMessage(parsing: message[...], to: operation)
        }
      }
    }
  }

  @Test("nothing that is cut off is taken for a message")
  func truncated() {
    let request = Request(id: 1000, operation: .load).encoded()
    for length in request.indices {
      #expect(throws: Request.Refusal.self) { try Request(parsing: request[..<length], descriptorCount: 2) }
    }
    for (result, operation) in Self.replies {
      let reply = Reply(id: 1000, result: result).encoded()
      for length in reply.indices where length < 200 || length > reply.count - 10 {
        #expect(throws: CBORError.self) { try Reply(parsing: reply[..<length], to: operation) }
      }
    }
  }
}
