import CLinux
import ErrorClass

extension StageImage {
  /// Becomes the stage (step 5 of SPEC 7.2): executes the very memory file that was verified. Returns only by throwing.
  ///
  /// - Parameters:
  ///   - arguments: ends in nil; the first place is overwritten with the stage's name.
  ///   - descriptors: what the stage finds at 3, 4, …
  consuming func execute(
    arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, descriptors: [Int32]
  ) throws(ErrorClass) -> Never {
    arguments[0] = stage.name.withUTF8Buffer { utf8 in
      // A static string ends in a NUL, and exec doesn't write to it.
      UnsafeMutablePointer(mutating: utf8.withMemoryRebound(to: CChar.self) { $0.baseAddress })
    }
    _ = linux_execute(file.descriptor, arguments, descriptors, descriptors.count)
    throw .internal
  }
}
