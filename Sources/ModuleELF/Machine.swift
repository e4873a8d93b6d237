/// The processors that Husk knows, by their e_machine number.
public enum Machine: UInt16, Sendable {
  /// EM_X86_64
  case x86_64 = 62
  /// EM_AARCH64
  case aarch64 = 183
}
