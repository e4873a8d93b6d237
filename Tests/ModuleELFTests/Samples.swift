import ModuleELF

/// Modules that many tests start from.
enum Samples {
  /// One exported function with a buffer on its stack.
  static let source = """
    __attribute__((visibility("default"))) int probe(int x) {
      volatile char buffer[32];
      buffer[x & 31] = (char)x;
      return buffer[0] * 3;
    }
    """

  /// Flags for a module about which lint says as little as it can.
  static let cleanFlags = [
    "-shared", "-fPIC", "-O2", "-s", "-nostartfiles", "-fvisibility=hidden", "-fno-ident", "-fstack-protector-all",
    "-fcf-protection=full", "-Wl,-z,ibt,-z,shstk", "-Wl,-z,relro,-z,now", "-Wl,-z,noexecstack",
    "-Wl,-soname,libprobe.so", "-Wl,--build-id=none",
  ]

  /// A small object that has every kind of table: symbols, notes, constructors, a search path, several names.
  static func rich() throws -> [UInt8] {
    try Toolchain.build(
      """
      static volatile int started;
      __attribute__((constructor)) static void start(void) { started = 1; }
      static __attribute__((noinline)) int secret_step(int x) { return x * 7; }
      const char *where(void) { return "/home/someone/probe.c"; }
      int probe(int x) { return secret_step(x) + 1; }
      """,
      [
        "-shared", "-fPIC", "-O1", "-g1", "-nostartfiles", "-Wl,-z,ibt,-z,shstk", "-Wl,-z,noseparate-code",
        "-Wl,-soname,libprobe.so", "-Wl,-rpath,/opt/probe", "-Wl,--build-id=sha1",
      ])
  }
}

/// Changes to an object's bytes, at the places that the gABI gives them.
extension [UInt8] {
  mutating func store<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    for index in 0..<Value.bitWidth / 8 { self[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
  }

  func load<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value {
    (0..<Value.bitWidth / 8).reduce(0) { $0 | Value(self[offset + $1]) << (8 * $1) }
  }

  func with<Value: FixedWidthInteger>(_ value: Value, at offset: Int) -> [UInt8] {
    var copy = self
    copy.store(value, at: offset)
    return copy
  }

  /// Where the first program header of a type is.
  func programHeader(_ type: UInt32) throws -> Int {
    let start = Int(load(UInt64.self, at: 32))
    let all = (0..<Int(load(UInt16.self, at: 56))).map { start + 56 * $0 }
    guard let found = all.first(where: { load(UInt32.self, at: $0) == type }) else {
      throw Toolchain.Failure(description: "no program header of type \(type)")
    }
    return found
  }

  /// Where the first dynamic entry of a tag is.
  func dynamicEntry(_ tag: UInt64) throws -> Int {
    let start = Int(load(UInt64.self, at: try programHeader(SegmentType.dynamic) + 8))
    var place = start
    while load(UInt64.self, at: place) != tag {
      if load(UInt64.self, at: place) == 0 { throw Toolchain.Failure(description: "no dynamic entry \(tag)") }
      place += 16
    }
    return place
  }

  /// Where the first section header of a type is.
  func sectionHeader(_ type: UInt32) throws -> Int {
    let start = Int(load(UInt64.self, at: 40))
    let all = (0..<Int(load(UInt16.self, at: 60))).map { start + 64 * $0 }
    guard let found = all.first(where: { load(UInt32.self, at: $0 + 4) == type }) else {
      throw Toolchain.Failure(description: "no section header of type \(type)")
    }
    return found
  }

  /// Without section headers, as sstrip leaves an object.
  var withoutSections: [UInt8] {
    with(UInt64(0), at: 40).with(UInt16(0), at: 60).with(UInt16(0), at: 62)
  }
}

func elf(_ bytes: [UInt8]) throws(ELFError) -> ELFFile<ArraySource> {
  try ELFFile(ArraySource(bytes))
}

func text(_ bytes: some Collection<UInt8>) -> String {
  String(decoding: bytes, as: UTF8.self)
}
