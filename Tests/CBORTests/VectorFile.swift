// Stands in for TestSupport until that has these three.
import Foundation

/// The folder of the public test vectors; `nil` where it is absent.
let vectors: URL? = {
  let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
  let folder =
    ProcessInfo.processInfo.environment["HUSK_VECTORS"].map { URL(filePath: $0) }
    ?? packageRoot.appending(path: "../shared/vectors")
  return FileManager.default.fileExists(atPath: folder.path) ? folder.standardized : nil
}()

func recordVectorCount(set: String, ran: Int, of total: Int) {
  print("vectors: \(set): \(ran) of \(total)")
}

func bytes(fromHex hex: String) -> [UInt8] {
  let digits = hex.compactMap { $0.hexDigitValue }
  precondition(digits.count == hex.count && digits.count % 2 == 0)
  return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
}
