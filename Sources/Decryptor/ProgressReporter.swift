import SecureWorld

/// Tells a client how far its load is, in equal steps (SPEC 8). What the client doesn't take is left out.
struct ProgressReporter {
  private let client: Channel
  private let id: UInt64
  private var step: UInt64 = 0

  /// - Parameter id: the request's.
  init(client: Channel, id: UInt64) {
    self.client = client
    self.id = id
  }

  /// - Parameters:
  ///   - done: bytes of the payload that were verified and decrypted.
  ///   - total: the payload's size, which isn't 0 and within the limit.
  mutating func report(_ done: UInt64, of total: UInt64) {
    let reached = done * Progress.most / total
    guard reached > step else { return }
    step = reached
    do throws(Channel.Failure) {
      try client.send(Progress(id: id, done: done, total: total).encoded(), waits: false)
    } catch {
      // Left out, as said.
    }
  }
}
