import BootChain
import HuskFormat
import SecureStorage

/// What loads and checks are decided against, beside the device's own state.
struct DecisionContext {
  /// This processor's e_machine.
  let machine: UInt16
  /// Roots, floors and time as the boot chain handed them over.
  let boot: BootState
  /// The present; nil if there is a trusted clock that can't be read.
  let time: TimeBasis?
  /// What is remembered across boots; nil if it can't be.
  let memory: SecureState?
  /// What was released before, and to whom.
  let bindings: ScopeBindings
  let lists: StatusShelf
  /// Who asks.
  let user: UInt32
}

extension SecureState {
  func memory(of module: Name) -> ModuleMemory {
    ModuleMemory(sequence: highestSequence(of: module), floor: floor(of: module))
  }
}
