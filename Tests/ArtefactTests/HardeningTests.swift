import DeviceSupport
import Foundation
import TestSupport
import Testing

/// What checksec(1) would look at, and more, in every file that ships (SPEC 12.1).
@Suite("What ships on devices", .enabled(if: releasesAvailable, "\(needsReleases)"))
struct HardeningTests {
  @Test("has stages that are static: what is measured is what runs", arguments: Artefact.stages)
  func isStatic(stage: Artefact) throws {
    #expect(try !stage.programHeaders().contains { $0.type == "INTERP" })
    #expect(try stage.needed() == [])
    if stage.release.architecture == Release.host.architecture {
      #expect(try run("ldd", [stage.file.path]).stdout.contains("statically linked"))
    }
  }

  @Test("runs at any address", arguments: Artefact.all)
  func isPositionIndependent(artefact: Artefact) throws {
    #expect(try artefact.type() == "DYN")
    let entries = try artefact.dynamicEntries()
    #expect(!entries.contains { $0.contains("TEXTREL") })
    let isProgram = Artefact.stages.contains { $0.file == artefact.file } || artefact.name == "firmware"
    #expect(entries.contains { $0.hasPrefix("FLAGS_1") && $0.contains("PIE") } == isProgram)
  }

  @Test("has stages that find themselves wherever the kernel puts them", arguments: Artefact.stages)
  func relocates(stage: Artefact) throws {
    // A stage that nobody started as it must be says so, which takes tables of pointers.
    let outcome = try stage.release.execute(stage.file.path)
    #expect(outcome.status > 0)
    #expect(outcome.stderr.hasPrefix("husk: \(stage.name): "), "\(outcome)")
  }

  @Test("has stages that the kernel puts elsewhere each time")
  func randomAddress() throws {
    let addresses = try (0..<2).map { _ in
      let outcome = try run(
        "gdb",
        [
          "-nx", "-batch", "-ex", "set disable-randomization off", "-ex", "starti", "-ex", "info proc mappings",
          Release.host.stage("bootrom").path,
        ])
      let line = outcome.stdout.split(separator: "\n").first { $0.hasSuffix("/bootrom") && $0.contains("0x") }
      return try #require(line?.split(separator: " ").first, "\(outcome)")
    }
    #expect(addresses[0] != addresses[1])
  }

  @Test("has no memory that is writable and executable", arguments: Artefact.all)
  func noExecutableData(artefact: Artefact) throws {
    let headers = try artefact.programHeaders()
    #expect(headers.contains { $0.type == "GNU_STACK" && $0.flags == "RW" })
    let executable = headers.filter { $0.type == "LOAD" && $0.flags.contains("E") }
    #expect(executable.map(\.flags) == ["RE"])
    // Code lies in pages of its own: headers, tables and constants can't be executed either.
    #expect(executable.allSatisfy { $0.offset > 0 })
    #expect(headers.contains { $0.type == "LOAD" && $0.flags == "R" && $0.offset > executable[0].offset })
  }

  @Test("has tables of addresses that nobody can write to, complete from the start", arguments: Artefact.all)
  func readOnlyRelocations(artefact: Artefact) throws {
    #expect(try artefact.programHeaders().contains { $0.type == "GNU_RELRO" })
    let entries = try artefact.dynamicEntries()
    #expect(entries.contains { $0.hasPrefix("FLAGS ") && $0.contains("BIND_NOW") })
    #expect(entries.contains { $0.hasPrefix("FLAGS_1") && $0.contains("NOW") })
    #expect(!entries.contains { $0.hasPrefix("RPATH") || $0.hasPrefix("RUNPATH") })
  }

  @Test("watches its stack, in C and in Swift", arguments: Release.all)
  func stackProtector(release: Release) throws {
    // What takes the address of something on its stack: every program of ours does, in either language.
    for name in ["Loader"] + Artefact.stages.filter({ $0.release.architecture == release.architecture }).map(\.name) {
      let functions = try Artefact(release, object: name).functions()
      let protected = functions.filter { $0.calls.contains("__stack_chk_fail") }
      #expect(protected.contains { $0.name.hasPrefix("$e") || $0.name == "main" }, "\(name)")
    }
    let shims = try Artefact(release, object: "CLinux").functions()
    for name in ["linux_receive", "linux_execute"] {
      let function = try #require(shims.first { $0.name == name })
      #expect(function.calls.contains("__stack_chk_fail"), "\(name)")
    }
    // And in what an integrator links.
    let library = try Artefact(release, "lib/libhusk.a").functions()
    #expect(library.contains { $0.name == "linux_receive" && $0.calls.contains("__stack_chk_fail") })
    #expect(library.contains { $0.name.hasPrefix("$e") && $0.calls.contains("__stack_chk_fail") })
  }

  @Test("is marked for the processor's branch protection as far as its parts allow", arguments: Release.all)
  func branchProtection(release: Release) throws {
    let marks: Set = release.architecture == "aarch64" ? ["BTI", "PAC"] : ["IBT", "SHSTK"]
    for artefact in [Artefact(release, "lib/libhusk.a"), Artefact(release, object: "CLinux")]
      + release.sharedLibraries.map({ Artefact(release, at: $0) })
      + Artefact.stages.map({ Artefact(release, object: $0.name) })
    {
      #expect(try artefact.branchProtections().isSuperset(of: marks), "\(artefact)")
    }
  }

  @Test("needs no library of Swift, nor any but libc", arguments: Artefact.libraries + Artefact.firmware)
  func noRuntime(artefact: Artefact) throws {
    // On Arm the stack protector's value is the dynamic linker's, which is a part of libc.
    let libc: Set = ["libc.so.6", "ld-linux-aarch64.so.1"]
    let allowed = artefact.name == "firmware" ? libc.union(["libm.so.6"]) : libc
    #expect(try Set(artefact.needed()).isSubset(of: allowed))
  }

  @Test("has sample modules that need nothing", arguments: Artefact.modules)
  func independentModules(module: Artefact) throws {
    #expect(try module.needed() == [])
  }

  @Test("tells nothing of the machine that built it", arguments: Release.all)
  func noPaths(release: Release) throws {
    let files = try FileManager.default.subpathsOfDirectory(atPath: release.folder.path)
      .map { release.folder.appending(path: $0) }
      .filter { (try? $0.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile) == true }
    #expect(files.count > 20)
    let compiler = try run("sh", ["-c", "readlink -f \"$(command -v swiftc)\" | sed 's,/usr/bin/.*,,'"]).stdout
    let places = [packageRoot.path, NSHomeDirectory(), compiler.trimmingCharacters(in: .whitespacesAndNewlines)]
      .map { $0.trimmingCharacters(in: ["/"]) + "/" }
    for file in files + Artefact.modules.map(\.file) + Artefact.firmware.map(\.file) {
      let bytes = try Data(contentsOf: file)
      let isBinary = bytes.starts(with: Data("\u{7f}ELF".utf8)) || bytes.starts(with: Data("!<arch>".utf8))
      for text in places + (isBinary ? ["/.build", "Sources/", ".swift\0", "/home/", "/root/", "/tmp/"] : []) {
        #expect(bytes.range(of: Data(text.utf8)) == nil, "\(text) in \(file.lastPathComponent)")
      }
    }
  }
}

@Suite("The tool husk")
struct ToolTests {
  @Test("runs at any address, with tables of addresses that nobody can write to")
  func hardened() throws {
    let tool = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .appending(path: "husk")
    let headers = try run("readelf", ["-ldW", tool.path]).stdout
    #expect(headers.contains("Flags: NOW PIE"))
    #expect(headers.contains("GNU_RELRO"))
    #expect(headers.contains(#/GNU_STACK .* RW /#))
    #expect(!headers.contains(#/LOAD .* RWE /#))
  }
}
