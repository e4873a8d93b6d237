import DeviceSupport
import Foundation
import TestSupport
import Testing

@Suite("Sizes", .enabled(if: releasesAvailable, "\(needsReleases)"))
struct SizeTests {
  @Test("of libhusk's text stay below the limit", arguments: Artefact.libraries)
  func text(library: Artefact) throws {
    let numbers = try #require(run("size", [library.file.path]).stdout.split(separator: "\n").last)
    let text = try #require(numbers.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) })
    print("size: \(library): text \(text) bytes")
    #expect(text <= 96 * 1024)
  }

  @Test(
    "are kept in a table that accounts for every file, and says that stages are mostly libcrypto",
    arguments: Release.all)
  func table(release: Release) throws {
    let table = try String(contentsOf: release.folder.appending(path: "SIZES"), encoding: .utf8)
    let rows = table.split(separator: "\n").reduce(into: [String: [Double]]()) { rows, line in
      let words = line.split(separator: " ")
      let numbers = words.dropFirst().compactMap { Double($0) }
      if numbers.count == 8, words.count == 9 { rows[String(words[0])] = numbers }
    }
    let files =
      Artefact.stages.filter { $0.release.architecture == release.architecture }
      + [Artefact(release, at: release.sharedLibrary.resolvingSymlinksInPath())]
    #expect(Set(rows.keys) == Set(files.map(\.name)))
    for file in files {
      let numbers = try #require(rows[file.name])
      let bytes = try #require(file.file.resourceValues(forKeys: [.fileSizeKey]).fileSize)
      #expect(abs(numbers[7] - Double(bytes) / 1024) < 0.1, "\(file)")
      #expect(abs(numbers[7] - numbers[0..<7].reduce(0, +)) < 1, "\(file)")
      // What nothing accounts for is little, but for padding to the 64 KiB pages of Arm.
      #expect(numbers[6] >= 0 && numbers[6] < 4 * 64, "\(file)")
      let isStage = file.file.path.contains("/stages/")
      #expect(isStage == (numbers[0] > numbers[1] + numbers[3] + numbers[4] + numbers[5]), "\(file)")
    }
  }
}
