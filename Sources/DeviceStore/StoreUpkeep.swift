import ErrorClass

extension ModuleStore {
  /// Removes what nobody needs any more (SPEC 9.3): what a power cut or a crash left. To be called before the store is
  /// used, and not while something is received. What can't be removed stays for the next time.
  public func cleanUp() {
    for name in names(in: StorePaths.modules) {
      let path = StorePaths.modules.appending(name)
      if name.first == StorePaths.dot { storage.discard(path) } else { cleanUp(module: name) }
    }
    for module in names(in: StorePaths.grants) { removeHidden(in: StorePaths.grants(of: module)) }
    removeHidden(in: StorePaths.statusLists)
    // What was received of a stage can be gone on with.
    removeHidden(in: StorePaths.staged) { StorePaths.stages.contains(Array($0.dropFirst())) }
  }

  private func cleanUp(module: [UInt8]) {
    guard StorePaths.isName(module) else { return }
    removeHidden(in: StorePaths.module(module)) { $0 == StorePaths.bytes(StorePaths.partName) }
    // Where no state is known, what is there is all that there is.
    if let state = control(of: module).stored() {
      for slot in Slot.allCases where slot != state.good && slot != state.trial?.slot {
        storage.discard(StorePaths.package(module, slot))
      }
    }
    do throws(ErrorClass) {
      try storage.remove(StorePaths.module(module))
    } catch {
      // There is something in it.
    }
  }

  /// Removes names with a dot in front.
  private func removeHidden(in directory: StoragePath, except isKept: ([UInt8]) -> Bool = { _ in false }) {
    for name in names(in: directory) where name.first == StorePaths.dot && !isKept(name) {
      storage.discard(directory.appending(name))
    }
  }

  // MARK: What is there

  /// The names of the modules that are installed, or were, or are being received; in ascending order.
  public func modules() -> [[UInt8]] {
    names(in: StorePaths.modules).filter { StorePaths.isName($0) && !names(in: StorePaths.module($0)).isEmpty }
  }

  /// How much room something takes.
  public struct Usage: Equatable, Sendable {
    /// In bytes.
    public var packages: UInt64 = 0
    /// What is being received.
    public var parts: UInt64 = 0
  }

  public func usage(of module: [UInt8]) -> Usage {
    var usage = Usage(packages: 0, parts: size(of: StorePaths.part(of: module)))
    for slot in Slot.allCases { usage.packages += size(of: StorePaths.package(module, slot)) }
    return usage
  }

  /// Of stages that are to be tried.
  public func usageOfStages() -> Usage {
    var usage = Usage()
    for stage in StorePaths.stages {
      usage.packages += size(of: StorePaths.staged(stage))
      usage.parts += size(of: StorePaths.part(ofStage: stage))
    }
    return usage
  }

  /// Of grants and status lists, in bytes.
  public func usageOfRecords() -> UInt64 {
    var sum = sizes(in: StorePaths.statusLists)
    for module in names(in: StorePaths.grants) { sum += sizes(in: StorePaths.grants(of: module)) }
    return sum
  }

  private func sizes(in directory: StoragePath) -> UInt64 {
    names(in: directory).reduce(0) { $0 + size(of: directory.appending($1)) }
  }

  /// In bytes; 0 for what isn't there.
  public func size(of path: StoragePath) -> UInt64 {
    do throws(ErrorClass) {
      return try StoredFile(path, .reading, on: storage).size()
    } catch {
      return 0
    }
  }

  /// The paths of all status lists, in ascending order.
  public func statusLists() -> [StoragePath] {
    let suffix = StorePaths.bytes(".status")
    return names(in: StorePaths.statusLists)
      .filter { $0.first != StorePaths.dot && $0.count > suffix.count && $0.suffix(suffix.count).elementsEqual(suffix) }
      .map { StorePaths.statusLists.appending($0) }
  }
}
