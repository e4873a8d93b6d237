import Foundation
import Testing

@Suite("The sample data") struct DataTests {
  @Test("is what its scripts make, byte for byte")
  func isWhatItsScriptsMake() throws {
    try withTemporaryDirectory { out in
      let names = ["melody.wav", "day.csv", "day.labels.csv"]
      let made = names.map { out.appending(path: $0) }
      for (script, files) in [("data/make_audio.py", made[..<1]), ("data/make_activity.py", made[1...])] {
        let outcome = try Samples.python(script, files.map(\.path))
        #expect(outcome.status == 0, "\(outcome.errors)")
      }
      for (name, file) in zip(names, made) {
        let committed = Samples.folder.appending(path: "data/\(name)")
        #expect(try Data(contentsOf: file) == Data(contentsOf: committed), "\(name)")
      }
    }
  }
}
