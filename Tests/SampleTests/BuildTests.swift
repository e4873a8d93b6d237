import Foundation
import Testing

@Suite("The samples' build") struct BuildTests {
  @Test(
    "exports what a module's header marks, and needs nothing of libc but memcpy",
    arguments: [
      (Samples.codec, ["adpcm_decode_block", "adpcm_encode_block", "adpcm_frames_per_block", "adpcm_interface"]),
      (Samples.activity, ["activity_classify", "activity_interface", "activity_label"]),
    ])
  func exportsOnlyTheInterface(_ module: String, _ interface: [String]) throws {
    let symbols = try run("nm", ["-D", Samples.module(module)])
    #expect(symbols.status == 0, "\(symbols.errors)")
    var defined: [Substring] = [], needed: [Substring] = []
    for line in symbols.text.split(separator: "\n") {
      // "address type name", without the address when the symbol is elsewhere. "w" need not be found.
      let fields = line.split(separator: " ")
      let name = try #require(fields.last), type = fields[fields.count - 2]
      if type == "U" { needed.append(name.prefix { $0 != "@" }) } else if type != "w" { defined.append(name) }
    }
    #expect(defined.sorted() == interface.map { Substring($0) })
    #expect(Set(needed).isSubset(of: ["memcpy"]))
  }

  @Test("gives the same bytes wherever the sources and the output are, and tells nobody where")
  func isReproducible() throws {
    try withTemporaryDirectory { elsewhere in
      let copy = elsewhere.appending(path: "sources"), out = elsewhere.appending(path: "out")
      try FileManager.default.copyItem(at: Samples.folder, to: copy)
      try Samples.make(["modules"], from: copy, out: out)
      for name in [Samples.codec, Samples.activity] {
        let first = try Data(contentsOf: URL(filePath: Samples.module(name)))
        #expect(try Data(contentsOf: out.appending(path: "\(name).so")) == first, "\(name)")
        #expect(first.range(of: Data(Samples.folder.path.utf8)) == nil, "\(name)")
      }
    }
  }

  @Test("hardens what it links", arguments: [Samples.codec, Samples.activity, "firmware"])
  func isHardened(_ name: String) throws {
    let isFirmware = name == "firmware"
    let file = isFirmware ? try Samples.firmware() : try Samples.module(name)
    let layout = try run("readelf", ["--wide", "--file-header", "--segments", "--dynamic", "--sections", file]).text
    #expect(layout.contains(/Type: +DYN/))
    #expect(layout.contains("GNU_RELRO"))
    #expect(layout.contains("BIND_NOW"))
    #expect(layout.contains(/GNU_STACK.* RW +0x/))
    #expect(!layout.contains(".debug_") && !layout.contains(".symtab"))
    #expect(!layout.contains("TEXTREL") && !layout.contains("RPATH") && !layout.contains("RUNPATH"))
    if isFirmware {
      #expect(layout.contains("PIE"))
      #expect(try run("nm", ["-D", file]).text.contains("__stack_chk_fail"))
    }
  }
}
