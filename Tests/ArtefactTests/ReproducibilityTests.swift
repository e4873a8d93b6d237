import DeviceSupport
import Foundation
import TestSupport
import Testing

@Suite("A second build", .serialized, .enabled(if: releasesAvailable, "\(needsReleases)"))
struct ReproducibilityTests {
  /// Builds anew from a copy of the sources that is somewhere else, as somebody else would: the result is the release
  /// that the other tests look at, byte for byte.
  @Test("of the same sources is the same, byte for byte, whoever makes it and wherever", arguments: Release.all)
  func identical(release: Release) throws {
    let scratch = try Scratch()
    let copy = scratch.directory.appending(path: "a/longer way/to husk".replacing(" ", with: "-"))
    try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
    try require(
      "sh",
      [
        "-c", "cd \"$0\" && git ls-files -coz --exclude-standard | tar -c --null -T - | tar -x -C \"$1\"",
        packageRoot.path, copy.path,
      ])
    // What another architecture's files are linked with is Debian's, and an input: not fetched a second time.
    let sysroot = packageRoot.appending(path: ".build-sysroot")
    if release.architecture != Release.host.architecture {
      try require("cp", ["-a", sysroot.path, copy.path])
    }
    let time = try run("git", ["-C", packageRoot.path, "log", "-1", "--format=%ct"]).stdout

    let home = scratch.directory.appending(path: "home")
    try FileManager.default.createDirectory(at: home, withIntermediateDirectories: false)
    let start = ContinuousClock.now
    let outcome = try run(
      "sh",
      [
        "-c", "umask 077; exec \"$0\" \"$@\"", copy.appending(path: "scripts/build-device.sh").path,
        release.architecture, scratch.directory.appending(path: "out/sdk").path,
      ],
      environment: [
        "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "", "HOME": home.path, "LANG": "C.UTF-8",
        "TZ": "Asia/Tokyo",
        "SOURCE_DATE_EPOCH": time.trimmingCharacters(in: .whitespacesAndNewlines),
      ], directory: home, seconds: building)
    #expect(outcome.status == 0, "\(outcome.stderr)")
    print("reproducibility: a second build for \(release) took \(start.duration(to: .now))")

    let second = scratch.directory.appending(path: "out/sdk")
    let information = try [release.folder, second].map {
      try String(contentsOf: $0.appending(path: "BUILD-INFO"), encoding: .utf8)
    }
    try #require(
      information[0] == information[1],
      "the release folder was made from other sources, or with other packages: run scripts/build-device.sh")
    try require("diff", ["-r", "--no-dereference", release.folder.path, second.path])
    let tarballs = try [release.folder, second].map { folder in
      let parent = folder.deletingLastPathComponent()
      let name = try FileManager.default.contentsOfDirectory(atPath: parent.path)
        .filter { $0.hasSuffix("-\(release.architecture).tar.gz") }.max()
      return try Data(contentsOf: parent.appending(path: #require(name)))
    }
    // Not compared by #expect itself, which would look for a shortest way from one to the other.
    let areSame = tarballs[0] == tarballs[1]
    #expect(areSame, "the folder was made at another commit, whose time is in it, or tar and gzip differ")
  }
}
