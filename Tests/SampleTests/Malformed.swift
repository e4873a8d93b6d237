import Foundation
import Testing

/// A file, what is wrong with it, and what the firmware says of it.
struct Malformed: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let complaint: String
  let file: Data

  init(_ description: String, _ complaint: String, _ file: Data) {
    testDescription = description
    self.complaint = complaint
    self.file = file
  }

  init(_ description: String, _ complaint: String, _ text: String) {
    self.init(description, complaint, Data(text.utf8))
  }
}

/// Expects that the firmware refused what it read from standard input, for the reason given, and wrote nothing.
func expectRefusal(_ outcome: Outcome, _ complaint: String) {
  #expect(outcome.status == 3)
  #expect(outcome.output.isEmpty)
  #expect(outcome.errors == "firmware: error: reading -: \(complaint)\n")
}
