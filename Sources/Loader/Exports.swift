public import CHusk
import CLinux
import CLoader
import ErrorClass

// The functions of husk.h, which documents them. `@c @implementation` makes the compiler check each against the header.
// swift-format-ignore-file: AlwaysUseLowerCamelCase, NoLeadingUnderscores

@c @implementation
public func husk_open(
  _ socket_fd: Int32, _ options: UnsafePointer<husk_open_options>!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> husk_status {
  handOut(out) { () throws(ErrorClass) in
    try Device(socket: socket_fd, log: Log(husk_open_options(reading: options)))
  }
}

@c @implementation
public func husk_connect(
  _ socket_path: UnsafePointer<CChar>!, _ options: UnsafePointer<husk_open_options>!,
  _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> husk_status {
  handOut(out) { () throws(ErrorClass) in
    guard let socket_path else { throw .invalidArgument }
    return try Device(path: socket_path, log: Log(husk_open_options(reading: options)))
  }
}

@c @implementation
public func husk_close(_ device: OpaquePointer!) {
  release(device, as: Device.self)
}

@c @implementation
public func husk_load(
  _ device: OpaquePointer!, _ package_path: UnsafePointer<CChar>!, _ grant_path: UnsafePointer<CChar>!,
  _ options: UnsafePointer<husk_load_options>!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> husk_status {
  handOut(out) { () throws(ErrorClass) in
    guard let package_path, let grant_path else { throw .invalidArgument }
    let log = try borrow(device, as: Device.self).log
    let package = try OpenFile(package_path, log)
    let grant = try OpenFile(grant_path, log)
    return try load(device, package.descriptor, grant.descriptor, options)
  }
}

@c @implementation
public func husk_load_fd(
  _ device: OpaquePointer!, _ package_fd: Int32, _ grant_fd: Int32, _ options: UnsafePointer<husk_load_options>!,
  _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> husk_status {
  handOut(out) { () throws(ErrorClass) in try load(device, package_fd, grant_fd, options) }
}

@c @implementation
public func husk_show_status_list(_ device: OpaquePointer!, _ path: UnsafePointer<CChar>!) -> husk_status {
  status { () throws(ErrorClass) in
    guard let path else { throw .invalidArgument }
    let device = try session(device)
    try device.showStatusList(OpenFile(path, device.log).descriptor)
  }
}

@c @implementation
public func husk_show_status_list_fd(_ device: OpaquePointer!, _ fd: Int32) -> husk_status {
  status { () throws(ErrorClass) in
    try session(device).showStatusList(fd)
  }
}

@c @implementation
public func husk_confirm(_ device: OpaquePointer!) -> husk_status {
  status { () throws(ErrorClass) in try session(device).confirm() }
}

@c @implementation
public func husk_update_try(_ device: OpaquePointer!) -> husk_status {
  status { () throws(ErrorClass) in try session(device).tryStaged() }
}

@c @implementation
public func husk_symbol(
  _ module: OpaquePointer!, _ name: UnsafePointer<CChar>!, _ out: UnsafeMutablePointer<UnsafeMutableRawPointer?>!
) -> husk_status {
  status { () throws(ErrorClass) in
    guard let out else { throw .invalidArgument }
    out.pointee = nil
    guard let name else { throw .invalidArgument }
    out.pointee = try borrow(module, as: Module.self).symbol(name)
  }
}

@c @implementation
public func husk_module_get_info(
  _ module: OpaquePointer!, _ info: UnsafeMutablePointer<husk_module_info>!
) -> husk_status {
  status { () throws(ErrorClass) in
    guard let info else { throw .invalidArgument }
    var all = try borrow(module, as: Module.self).info
    let size = MemoryLayout<husk_module_info>.size
    // The size is all that may be read of a struct that the caller perhaps compiled against an older header.
    let room = UnsafeRawPointer(info).load(as: Int.self)
    guard loader_write_struct(info, room, &all, size) == 0 else { throw .invalidArgument }
  }
}

@c @implementation
public func husk_unload(_ module: OpaquePointer!) {
  release(module, as: Module.self)
}

@c @implementation
public func husk_identity(
  _ device: OpaquePointer!, _ buffer: UnsafeMutablePointer<UInt8>!, _ capacity: Int,
  _ length: UnsafeMutablePointer<Int>!
) -> husk_status {
  status { () throws(ErrorClass) in
    guard let length, buffer != nil || capacity == 0 else { throw .invalidArgument }
    length.pointee = 0
    let identity = try session(device).identity()
    length.pointee = identity.count
    guard identity.count <= capacity, let buffer else { throw .limitExceeded }
    buffer.update(from: identity, count: identity.count)
  }
}

@c @implementation
public func husk_protections(
  _ device: OpaquePointer!, _ protections: UnsafeMutablePointer<husk_protection>!, _ capacity: Int,
  _ count: UnsafeMutablePointer<Int>!
) -> husk_status {
  status { () throws(ErrorClass) in
    guard let count, protections != nil || capacity == 0 else { throw .invalidArgument }
    count.pointee = 0
    guard loader_has_memory() != 0 else { throw .outOfMemory }
    let facts = try allFacts(device == nil ? nil : borrow(device, as: Device.self))
    count.pointee = facts.count
    guard facts.count <= capacity, let protections else { throw .limitExceeded }
    try write(facts, to: protections)
  }
}

// MARK: - Helpers

private func load(
  _ device: OpaquePointer?, _ package: Int32, _ grant: Int32, _ options: UnsafePointer<husk_load_options>?
) throws(ErrorClass) -> Module {
  let device = try borrow(device, as: Device.self)
  let known: husk_load_options
  do throws(ErrorClass) {
    known = try husk_load_options(reading: options)
  } catch {
    device.log.error("the options: a size or a member that this libhusk doesn't know")
    throw error
  }
  let received = try device.load(package: package, grant: grant, known)
  return try Module(received, allowedSoname: known.allow_soname, log: device.log)
}

/// Makes an object and hands it to the caller, who releases it; null and a status if that fails.
private func handOut<Object: AnyObject>(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ make: () throws(ErrorClass) -> Object
) -> husk_status {
  status { () throws(ErrorClass) in
    guard let out else { throw .invalidArgument }
    out.pointee = nil
    guard loader_has_memory() != 0 else { throw .outOfMemory }
    out.pointee = OpaquePointer(Unmanaged.passRetained(try make()).toOpaque())
  }
}

/// The object behind a pointer that was handed out.
private func borrow<Object: AnyObject>(_ pointer: OpaquePointer?, as _: Object.Type) throws(ErrorClass) -> Object {
  guard let pointer else { throw .invalidArgument }
  return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
}

/// A session for a call that takes memory.
private func session(_ pointer: OpaquePointer?) throws(ErrorClass) -> Device {
  guard loader_has_memory() != 0 else { throw .outOfMemory }
  return try borrow(pointer, as: Device.self)
}

/// Takes back what was handed out; null is ignored.
private func release<Object: AnyObject>(_ pointer: OpaquePointer?, as _: Object.Type) {
  guard let pointer else { return }
  Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer)).release()
}

/// A file that is open for reading as long as this value lives.
private struct OpenFile: ~Copyable {
  let descriptor: Int32

  init(_ path: UnsafePointer<CChar>, _ log: Log) throws(ErrorClass) {
    descriptor = linux_open_read(path)
    guard descriptor >= 0 else {
      let reason = linux_errno()
      log.error(path, strerror(reason))
      throw reason == ENOENT ? .notFound : .io
    }
  }

  deinit { close(descriptor) }
}
