import CLinux
import DeviceStore
import ErrorClass

/// Starts verified stages in processes of their own, which end with this one.
struct StageLauncher {
  /// The program that starts them, for what it says when it can't.
  let name: StaticString

  /// A user and group that a stage becomes.
  struct User {
    let user: UInt32
    let group: UInt32
  }

  /// - Parameters:
  ///   - user: nil for the one of this process.
  ///   - arguments: as for ``StageImage/execute(arguments:descriptors:)``.
  /// - Returns: the process; it is the caller's to wait for.
  func start(
    _ image: consuming StageImage, as user: User?, arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>,
    descriptors: [Int32]
  ) throws(ErrorClass) -> pid_t {
    let parent = getpid()
    let process = linux_fork()
    guard process >= 0 else { throw .internal }
    if process > 0 { return process }
    let stage = image.stage
    do throws(ErrorClass) {
      // When memory runs out, the normal world goes first. In a session of its own it shares no terminal with the others:
      // for a terminal's sake the kernel stops and ends whole process groups, whoever made it do so.
      guard stage != .firmware || (linux_first_to_go() == 0 && setsid() >= 0) else { throw .internal }
      if let user, linux_become(user.user, user.group) != 0 { throw .internal }
      // A change of user undoes what was said before about the parent's end.
      guard linux_die_with_parent(parent) == 0, stage == .firmware || linux_keep_only_standard_error() == 0 else {
        throw .internal
      }
      try image.execute(arguments: arguments, descriptors: descriptors)
    } catch {
      refuse(name, stage.name, error)
    }
  }

  /// Starts the decryptor, and waits until it has its secrets or has ended.
  ///
  /// - Parameters:
  ///   - handoff: the decryptor's.
  ///   - flash: the flash directory, in which the secure storage lies (SPEC 7.8).
  ///   - clients: the socket to the normal world, connected or listening. It is closed here.
  ///   - updates: nil where updates are no business of the provider's.
  func startDecryptor(
    _ image: consuming StageImage, as user: User?, handoff: consuming Handoff,
    counter: consuming MonotonicCounter<POSIXStorage>, flash: POSIXStorage, clients: Int32, updates: UpdateDesk?
  ) throws(ErrorClass) -> ProvidedDecryptor {
    var near: Int32 = -1
    var far: Int32 = -1
    guard linux_socket_pair(&near, &far) == 0 else { throw .internal }
    var provider = ProviderServer(socket: near, handoff: handoff, counter: counter, updates: updates)
    // Room for the program's name and the ending nil; it lives as long as the process.
    let arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: 2)
    arguments.initialize(repeating: nil, count: 2)
    let storage = Self.openSecureStorage(flash)
    let process = try start(image, as: user, arguments: arguments, descriptors: [far, clients] + storage)
    for descriptor in [far, clients] + storage { close(descriptor) }
    provider.giveSecrets()
    return ProvidedDecryptor(process: process, provider: provider)
  }

  /// Opens the files of the secure storage, and makes them for their owner alone if they aren't there. Without them the
  /// decryptor starts nevertheless, and says what it lacks: then there are none.
  private static func openSecureStorage(_ flash: POSIXStorage) -> [Int32] {
    let mask = umask(0o077)
    defer { umask(mask) }
    let paths = [BootPath.storage.appending("0"), BootPath.storage.appending("1")]
    var files: [Int32] = []
    do throws(ErrorClass) {
      if !paths.allSatisfy(flash.exists) { try flash.makeDirectory(BootPath.storage) }
      for path in paths { files.append(try openToKeep(path, flash)) }
      // What is written to them must not be lost with their names. Whoever made these may have been ended before they were
      // durable.
      try flash.synchronizeDirectory(BootPath.storage)
      try flash.synchronizeDirectory(BootPath.storage.directory)
      return files
    } catch {
      for file in files { flash.close(file) }
      return []
    }
  }

  /// Where nothing can be written, what is there can still be read: what changes nothing of it goes on.
  private static func openToKeep(_ path: StoragePath, _ flash: POSIXStorage) throws(ErrorClass) -> Int32 {
    do throws(ErrorClass) {
      return try flash.open(path, .writing)
    } catch {
      guard error == .readOnly else { throw error }
      return try flash.open(path, .reading)
    }
  }
}

/// A decryptor that runs, and its secret provider.
struct ProvidedDecryptor: ~Copyable {
  let process: pid_t
  var provider: ProviderServer

  init(process: pid_t, provider: consuming ProviderServer) {
    self.process = process
    self.provider = provider
  }
}

/// Collects a process, and returns the exit status that stands for how it ended.
func exitStatus(of process: pid_t) -> Int32 {
  let outcome = linux_wait(process)
  return outcome >= 256 ? 128 + outcome - 256 : outcome
}
