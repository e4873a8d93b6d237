import DeviceSupport
import Foundation
import TestSupport
import Testing

@Suite("Sizes", .enabled(if: releasesAvailable, "\(needsReleases)"))
struct SizeTests {
  @Test("of libhusk's text stay below the limits, without the module store and with it", arguments: Artefact.libraries)
  func text(library: Artefact) throws {
    let text = try textSize(of: library.file)
    print("size: \(library): text \(text) bytes")
    #expect(text <= (library.name == "libhusk.so" ? 96 : 144) * 1024)
  }

  @Test("of what a firmware has of libhusk that only loads modules stay below the limit", arguments: Release.all)
  func loadingOnly(release: Release) throws {
    let scratch = try Scratch()
    func weigh(_ name: String, _ source: String, _ more: [String]) throws -> Int {
      let file = scratch.directory.appending(path: name)
      try run(
        "\(release.architecture)-linux-gnu-gcc",
        ["-Os", "-Wl,--gc-sections,-z,separate-code", "-o", file.path, source] + more)
      return try textSize(of: file)
    }
    let empty = scratch.directory.appending(path: "empty.c")
    try Data("int main(void) { return 0; }\n".utf8).write(to: empty)
    let program = packageRoot.appending(path: "Tests/Programs/only_loads.c").path
    let library = release.staticLibrary.path
    let text =
      try weigh("loads", program, ["-I", release.headers.path, library]) - weigh("empty", empty.path, [])
    print("size: \(release.architecture): loading only: text \(text) bytes")
    #expect(text <= 96 * 1024)
  }

  @Test(
    "are kept in a table that accounts for every file, and says that stages are mostly libcrypto",
    arguments: Release.all)
  func table(release: Release) throws {
    let rows = try rows(of: release)
    let files =
      Artefact.stages.filter { $0.release.architecture == release.architecture }
      + release.sharedLibraries.map { Artefact(release, at: $0.resolvingSymlinksInPath()) }
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

  /// What `SIZES` says of each file, in KiB.
  private func rows(of release: Release) throws -> [String: [Double]] {
    let table = try String(contentsOf: release.folder.appending(path: "SIZES"), encoding: .utf8)
    return table.split(separator: "\n").reduce(into: [:]) { rows, line in
      let words = line.split(separator: " ")
      let numbers = words.dropFirst().compactMap { Double($0) }
      if numbers.count == 8, words.count == 9 { rows[String(words[0])] = numbers }
    }
  }

  @Test("stand in SPEC as they are, to a tenth", arguments: Release.all)
  func specification(release: Release) throws {
    let text = try String(contentsOf: packageRoot.appending(path: "SPEC.md"), encoding: .utf8)
    func isClose(_ stated: Double, _ measured: Double) -> Bool {
      abs(stated - measured) <= max(measured / 10, 4)
    }
    let rows = try rows(of: release)
    var named: Set<String> = []
    for line in text.matches(of: #/(?m)^\| `([a-z.-]+)`, (\w+) \|(.*)\|$/#) where line.output.2 == release.architecture
    {
      let name = String(line.output.1)
      named.insert(name)
      let stated = line.output.3.split(separator: "|").compactMap { Double($0.filter { $0 != " " }) }
      let measured = try #require(rows.first { $0.key.hasPrefix(name) }?.value, "\(name)")
      // C and Swift of Husk are one there, and the rest is left out.
      let expected = Array(measured[0..<4]) + [measured[4] + measured[5], measured[7]]
      #expect(stated.count == expected.count)
      #expect(zip(stated, expected).allSatisfy(isClose), "\(line.output.0): \(expected)")
    }
    #expect(named.count == rows.count)
    let texts = text.matches(of: #/Of (libhusk[-a-z]*\.so), (\d+) KiB \(x86_64\) and (\d+) KiB \(aarch64\)/#)
    #expect(Set(texts.map { String($0.output.1) }) == Set(release.sharedLibraries.map(\.lastPathComponent)))
    for text in texts {
      let size = try textSize(of: Artefact(release, "lib/\(text.output.1)").file)
      let stated = release.architecture == "x86_64" ? text.output.2 : text.output.3
      #expect(isClose(Double(stated) ?? 0, Double(size) / 1024))
    }
  }

  private func textSize(of file: URL) throws -> Int {
    let numbers = try #require(run("size", [file.path]).stdout.split(separator: "\n").last)
    return try #require(numbers.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) })
  }
}
