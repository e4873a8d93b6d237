import CLinux

/// Who may be a client of a decryptor that listens (SPEC 8).
struct AdmissionRule: Equatable {
  /// The notes' firmware user.
  let user: UInt32
  /// The notes' firmware group.
  let group: UInt32
  /// The decryptor's own user, which is never let in.
  let own: UInt32

  /// - Parameter isMember: whether ``group`` is among the peer's supplementary groups.
  func admits(user peer: UInt32, group peerGroup: UInt32, isMember: Bool) -> Bool {
    peer != own && (peer == user || peerGroup == group || isMember)
  }
}

/// The socket that clients connect to.
struct Entrance {
  let listener: Int32
  let rule: AdmissionRule
  /// While there is no descriptor to be had for a client, nobody is let in until this time (CLOCK_MONOTONIC,
  /// milliseconds).
  private(set) var closedUntil: Int64 = 0

  /// The most clients at a time.
  static let mostClients = 16
  /// The most of one user, who thus can't keep all others out.
  static let mostClientsOfOneUser = 8

  init(listener: Int32, rule: AdmissionRule) {
    self.listener = listener
    self.rule = rule
  }

  /// Takes in one of those who wait; nil if that one isn't let in, or has gone. Whoever isn't is hung up on.
  ///
  /// - Parameter clients: the users of those that are in.
  /// - Returns: the connected socket, which is the caller's, and the user that connected.
  mutating func admit(among clients: [UInt32], now: Int64) -> (socket: Int32, user: UInt32)? {
    let socket = linux_accept(listener)
    guard socket >= 0 else {
      // Whether a descriptor or memory is short, or one client has gone: the next try is soon enough.
      closedUntil = now + Client.pause
      return nil
    }
    var user: UInt32 = 0
    var group: UInt32 = 0
    guard clients.count < Self.mostClients, linux_peer(socket, &user, &group) == 0,
      clients.count(where: { $0 == user }) < Self.mostClientsOfOneUser,
      rule.admits(user: user, group: group, isMember: linux_peer_has_group(socket, rule.group) == 1)
    else {
      close(socket)
      return nil
    }
    return (socket, user)
  }
}
