import Dispatch
import FoundationEssentials
import Synchronization

/// Work on all cores whose results come in order.
public enum Pipeline {
  /// How many processors this process may use.
  public static var width: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

  /// Hands the results of `work` to `deliver` in the order of their inputs, while others are worked on.
  ///
  /// A bounded number of inputs is under way at any time. `next` and `deliver` run on the caller's thread, in turns. When
  /// anything throws, what is under way is waited for, and nothing more is delivered.
  ///
  /// - Parameters:
  ///   - next: the next input; nil when there are no more.
  ///   - work: on one input; runs on any thread, several at once.
  public static func run<Input: Sendable, Output: Sendable>(
    next: () throws -> Input?, work: @escaping @Sendable (Input) throws -> Output, deliver: (Output) throws -> Void
  ) throws {
    let queue = DispatchQueue(label: "husk.pipeline", attributes: .concurrent)
    var underWay: [Slot<Output>] = []
    // The queue owns no memory of the inputs once they are done, but its blocks hold it until they are.
    defer { for slot in underWay { slot.wait() } }
    var isAtEnd = false
    while true {
      while !isAtEnd, underWay.count < 8 * width {
        guard let input = try next() else {
          isAtEnd = true
          break
        }
        let slot = Slot<Output>()
        queue.async { slot.fill(Result { try work(input) }) }
        underWay.append(slot)
      }
      guard !underWay.isEmpty else { return }
      try deliver(underWay.removeFirst().take())
    }
  }

  /// A result to come.
  private final class Slot<Output: Sendable>: Sendable {
    private let isFilled = DispatchSemaphore(value: 0)
    private let result = Mutex<Result<Output, any Error>?>(nil)

    func fill(_ result: Result<Output, any Error>) {
      self.result.withLock { $0 = result }
      isFilled.signal()
    }

    func wait() {
      isFilled.wait()
    }

    func take() throws -> Output {
      wait()
      // Filled before it was signalled.
      return try result.withLock { $0.unsafelyUnwrapped }.get()
    }
  }
}
