import Foundation
import Testing

/// The activity module on people it has not seen: Samples/checks/activity_checks.py has the details.
@Suite("The activity module") struct ActivityTests {
  @Test(
    "behaves as its header says",
    arguments: [
      "names_the_labels", "scores_add_up", "needs_no_particular_wrist", "takes_other_rates",
      "refuses_what_is_no_number", "refuses_short_windows", "refuses_bad_arguments", "takes_extremes",
    ])
  func check(_ name: String) throws {
    let outcome = try Samples.python("checks/activity_checks.py", [name, Samples.module(Samples.activity)])
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  @Test("is as accurate on held-out people as its README says")
  func isAsAccurateAsItsReadmeSays() throws {
    let outcome = try Samples.python("activity/evaluate.py", [Samples.module(Samples.activity)])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let readme = try String(contentsOf: Samples.folder.appending(path: "activity/README.md"), encoding: .utf8)
    let measured = try accuracy(in: outcome.text), said = try accuracy(in: readme)
    #expect(measured >= said)
    #expect(said > 95)
  }

  @Test("has the model that its training script makes, byte for byte")
  func hasTheModelThatTrainingMakes() throws {
    try withTemporaryDirectory { out in
      // Only the file in `out` is asked for: the tree stays as it is.
      let model = out.appending(path: "model.inc")
      try Samples.make([model.path], out: out)
      let committed = Samples.folder.appending(path: "activity/model.inc")
      #expect(try Data(contentsOf: model) == Data(contentsOf: committed))
    }
  }

  /// The number in "accuracy 99.6 % of …".
  private func accuracy(in text: String) throws -> Double {
    let match = try #require(text.firstMatch(of: /accuracy ([0-9.]+) %/))
    return try #require(Double(match.1))
  }
}
