import DeviceSupport
import Foundation
import TestSupport

// One instruction of a stage or of libhusk is skipped, one after another: each conditional branch of Husk's own code is taken
// always or never, each call and each jump is left out, in the file that ships or in the process that runs it. Then it meets
// what it must refuse, for one reason at a time. Nothing of it may run or be released (SPEC 15.4).
//
// `Tests/Programs/skip_boots.c`, `skip_loads.c` and `skip_answers.c` do it. The tests take a part of all, the same each time,
// and print how many that are; `scripts/skips.sh` takes all.

/// The instructions of a stage or library, as it ships, that are skipped one at a time.
struct Skips {
  /// What the programs of Tests/Programs read: a line for each way of skipping one.
  let lines: [String]
  /// How many branches, calls and jumps there are in Husk's own code.
  let instructions: Int
  /// How many ways there are to skip one of them.
  let all: Int

  /// All of them, or a part that is the same each time.
  ///
  /// - Parameter fraction: one of so many is taken.
  init(of stage: String, oneOf fraction: Int) throws {
    try self.init(of: Release.host.stage(stage), built: "stages/\(stage)", oneOf: fraction)
  }

  /// - Parameter library: a file, no link.
  init(ofLibrary library: URL, oneOf fraction: Int) throws {
    try self.init(of: library, built: "lib/\(library.lastPathComponent)", oneOf: fraction)
  }

  private init(of file: URL, built name: String, oneOf fraction: Int) throws {
    let release = try ExecutableFile(file)
    let sites = try Self.instructions(of: Self.build.appending(path: name).path)
    instructions = sites.count
    let all = try sites.flatMap { try Self.lines($0, release) }
    self.all = all.count
    // Another part can be asked for; 1 is all of it.
    let part = ProcessInfo.processInfo.environment["HUSK_SKIPS"].flatMap { Int($0) } ?? fraction
    lines = all.enumerated().filter { $0.offset % part == 0 }.map(\.element)
  }

  private init() { (lines, instructions, all) = ([], 0, 0) }

  static let none = Skips()

  private struct Instruction {
    let address: UInt64
    let bytes: [UInt8]
    let mnemonic: String
    let function: String
  }

  /// What scripts/build-device.sh leaves of a build: the stages' symbols included, and maps.
  private static let build = packageRoot.appending(path: ".build-device/\(Release.host.architecture)")

  /// Branches, calls and jumps of what Husk's objects brought into a file: the linker's map says where that is.
  private static func instructions(of file: String) throws -> [Instruction] {
    let sections = try ownCode(of: file)
    let ranges = sections.map(\.range)
    guard let first = ranges.first, let last = ranges.last else { return [] }
    let listing = try run(
      "objdump",
      [
        "-d", "-w", "--start-address=\(first.lowerBound)", "--stop-address=\(last.upperBound)", file,
      ]
    ).stdout
    var function = ""
    var range = 0
    var found: [Instruction] = []
    for line in listing.split(separator: "\n") {
      if line.hasSuffix(">:"), let name = line.split(separator: "<").last { function = String(name.dropLast(2)) }
      let fields = line.split(separator: "\t")
      guard fields.count >= 3, let colon = fields[0].firstIndex(of: ":"),
        let address = UInt64(fields[0][..<colon].trimmingCharacters(in: .whitespaces), radix: 16)
      else { continue }
      while range < ranges.count, ranges[range].upperBound <= address { range += 1 }
      guard range < ranges.count, ranges[range].contains(address) else { continue }
      let words = fields[2].split(separator: " ").drop { ["notrack", "bnd"].contains($0) }
      guard let mnemonic = words.first, mnemonic.hasPrefix("j") || mnemonic.hasPrefix("call") else { continue }
      found.append(
        Instruction(
          address: address, bytes: fields[1].split(separator: " ").compactMap { UInt8($0, radix: 16) },
          mnemonic: String(mnemonic), function: sections[range].function ?? function))
    }
    return found
  }

  /// An input section of code in a map: address, size, and the object that it comes from.
  nonisolated(unsafe) private static let section = #/^ \.text\.?(\S*)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S+)/#

  /// A function has mostly a section of its own, which is named for it.
  private static func ownCode(of file: String) throws -> [(range: Range<UInt64>, function: String?)] {
    let map = try String(contentsOfFile: "\(file).map", encoding: .utf8)
    guard let start = map.range(of: "Linker script and memory map") else { return [] }
    // A long name of a section has a line of its own.
    let text = map[start.upperBound...].replacing(#/\n( \.text\S+)\n/#) { "\n\($0.output.1)" }
    return text.split(separator: "\n").compactMap { line in
      guard let match = line.firstMatch(of: section), match.output.4.hasPrefix(".build-device/"),
        let address = UInt64(match.output.2, radix: 16), let size = UInt64(match.output.3, radix: 16), size > 0
      else { return nil }
      return (address..<(address + size), match.output.1.isEmpty ? nil : String(match.output.1))
    }.sorted { $0.range.lowerBound < $1.range.lowerBound }
  }

  /// The ways to skip an instruction, of a file that ships: it must be there, byte by byte.
  private static func lines(_ instruction: Instruction, _ release: ExecutableFile) throws -> [String] {
    let bytes = instruction.bytes
    let offset = try release.offset(of: instruction.address, holding: bytes)
    func line(_ skipped: [UInt8], _ way: String) -> String {
      let name = "\(String(instruction.address, radix: 16)):\(instruction.mnemonic):\(way):\(instruction.function)"
      let place = "\(String(offset, radix: 16)) \(String(instruction.address, radix: 16))"
      return "\(place) \(hex(bytes)) \(hex(skipped)) \(name.prefix(250))"
    }
    let left = [line([UInt8](repeating: 0x90, count: bytes.count), "left-out")]
    // Jcc rel8 and Jcc rel32 become JMP with the same distance from the same end.
    switch (bytes[0], bytes.count) {
    case (0x70...0x7f, 2): return left + [line([0xeb, bytes[1]], "taken")]
    case (0x0f, 6): return left + [line([0x90, 0xe9] + bytes[2...], "taken")]
    default: return left
    }
  }
}

/// Where in an executable file what is linked to an address lies.
private struct ExecutableFile {
  private let bytes: Data
  private let loads: [(address: UInt64, offset: UInt64, size: UInt64)]

  init(_ file: URL) throws {
    let bytes = try Data(contentsOf: file)
    func number(_ offset: Int, _ count: Int) -> UInt64 {
      bytes[offset..<(offset + count)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    let table = Int(number(32, 8))
    self.bytes = bytes
    loads = (0..<Int(number(56, 2))).map { table + 56 * $0 }.filter { number($0, 4) == 1 }.map {
      (address: number($0 + 16, 8), offset: number($0 + 8, 8), size: number($0 + 32, 8))
    }
  }

  func offset(of address: UInt64, holding expected: [UInt8]) throws -> UInt64 {
    guard let load = loads.first(where: { ($0.address..<($0.address + $0.size)).contains(address) }) else {
      throw ProgramFailure(description: "nothing is linked to \(address)")
    }
    let offset = address - load.address + load.offset
    guard bytes[offset..<(offset + UInt64(expected.count))].elementsEqual(expected) else {
      throw ProgramFailure(description: "what ships isn't what is in .build-device: build it anew")
    }
    return offset
  }
}
