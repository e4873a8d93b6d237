/// What became of the memory of the modules that this process has loaded: each protection is tried per module.
public struct ModuleMemory: Equatable, Sendable {
  /// How many modules are loaded.
  public var modules = 0
  /// Of how many all memory is locked.
  public var locked = 0
  /// Of how many all memory is kept out of core dumps.
  public var excludedFromDumps = 0
  /// Of how many the text can be executed but not read.
  public var executeOnly = 0

  /// No module is loaded.
  public init() {}
}
