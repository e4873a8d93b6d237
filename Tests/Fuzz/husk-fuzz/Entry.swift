import CFuzzer
import Foundation

// What libFuzzer, which has `main`, calls (https://llvm.org/docs/LibFuzzer.html).
//
//   husk-fuzz --targets                              prints the names of the targets
//   husk-fuzz --seeds TARGET VECTORS DIRECTORY       writes the seeds that come of the vectors into a directory
//   husk-fuzz TARGET [libFuzzer's arguments]         fuzzes; HUSK_FUZZ_SEEDS tells the seeds' directory

/// The target, which the first argument or, in processes that libFuzzer starts, the environment tells.
nonisolated(unsafe) private var target = FuzzTarget.cbor

private let targetVariable = "HUSK_FUZZ_TARGET"

@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
  let words = (0..<Int(count.pointee)).compactMap { arguments.pointee[$0].map { String(cString: $0) } }
  switch words.dropFirst().first {
  case "--targets":
    print(FuzzTarget.all.map { $0.name }.joined(separator: "\n"))
    exit(0)
  case "--seeds":
    guard words.count == 5, let target = FuzzTarget.named(words[2]) else { usage() }
    do {
      try target.writeSeeds(of: words[3], to: words[4])
      exit(0)
    } catch {
      say("husk-fuzz: \(error)")
      exit(1)
    }
  default: break
  }
  if let found = words.dropFirst().first.flatMap({ FuzzTarget.named($0) }) {
    setenv(targetVariable, found.name, 1)
    target = found
    // libFuzzer takes every other word for a corpus.
    for index in 1..<Int(count.pointee) { arguments.pointee[index] = arguments.pointee[index + 1] }
    count.pointee -= 1
  } else if let found = ProcessInfo.processInfo.environment[targetVariable].flatMap({ FuzzTarget.named($0) }) {
    target = found
  } else {
    usage()
  }
  if let seeds = ProcessInfo.processInfo.environment["HUSK_FUZZ_SEEDS"] { SignedParts.learn(from: seeds) }
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func runOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  target.run(Array(UnsafeBufferPointer(start: data, count: size))) ? 0 : -1
}

@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ maximum: Int, _ seed: UInt32) -> Int {
  var chance = Chance(seed: UInt64(seed))
  if target.isCBOR, chance.below(2) == 0,
    let mutated = StructureMutator.mutate(
      Array(UnsafeBufferPointer(start: data, count: size)), maximum: maximum, &chance)
  {
    data.update(from: mutated, count: mutated.count)
    return mutated.count
  }
  return LLVMFuzzerMutate(data, size, maximum)
}

private func usage() -> Never {
  say("usage: husk-fuzz TARGET [LIBFUZZER'S ARGUMENTS]; husk-fuzz --targets")
  exit(2)
}

private func say(_ line: String) {
  FileHandle.standardError.write(Data("\(line)\n".utf8))
}
