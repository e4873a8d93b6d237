public import Foundation

/// What `scripts/test.sh --sanitize` builds the tests and the tool with.
public enum Sanitizer: Sendable {
  case address
  case thread

  /// The one that is in this process, and so in the tool that was built together with it.
  ///
  ///     @Test("…", .disabled(if: Sanitizer.current != nil, "why that can't work with one"))
  public static let current: Sanitizer? =
    if dlsym(nil, "__asan_init") != nil {
      .address
    } else if dlsym(nil, "__tsan_init") != nil {
      .thread
    } else {
      nil
    }

  /// An environment for the tool, in which it finds what scripts/test.sh tells sanitizers.
  ///
  /// - Parameter isTraced: AddressSanitizer looks for leaks by tracing its own process, which takes that nobody else
  ///   does.
  public static func environment(
    _ environment: [String: String] = ProcessInfo.processInfo.environment, isTraced: Bool = false
  ) -> [String: String] {
    guard current != nil else { return environment }
    let names = ["ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"]
    var options = ProcessInfo.processInfo.environment.filter { names.contains($0.key) }
    if isTraced { options["ASAN_OPTIONS", default: ""] += ":detect_leaks=0" }
    return environment.merging(options) { $1 }
  }
}
