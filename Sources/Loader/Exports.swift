public import CHusk
import CLinux
import ErrorClass

// The functions of husk.h, which documents them. `@c @implementation` makes the compiler check each against the header.
// swift-format-ignore-file: AlwaysUseLowerCamelCase, NoLeadingUnderscores

@c @implementation
public func husk_open(_ socket_fd: Int32, _ out: UnsafeMutablePointer<OpaquePointer?>!) -> husk_status {
  handOut(out) { () throws(ErrorClass) in try Device(socket: socket_fd) }
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
    let package = try OpenFile(package_path)
    let grant = try OpenFile(grant_path)
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
    // The size is all that may be read of a struct that the caller perhaps compiled against an older header.
    guard let info, info.pointee.size >= MemoryLayout<Int>.size else { throw .invalidArgument }
    let size = info.pointee.size
    var all = try borrow(module, as: Module.self).info
    all.size = size
    memcpy(info, &all, min(size, MemoryLayout<husk_module_info>.size))
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
    let identity = try borrow(device, as: Device.self).identity()
    length.pointee = identity.count
    guard identity.count <= capacity, let buffer else { throw .limitExceeded }
    buffer.update(from: identity, count: identity.count)
  }
}

@c @implementation
public func husk_status_string(_ status: husk_status) -> UnsafePointer<CChar>! {
  if status == HUSK_OK { return ("success" as StaticString).cString }
  return (ErrorClass(rawValue: status)?.text ?? "unknown status").cString
}

@c @implementation
public func husk_version() -> UnsafePointer<CChar>! {
  ("0.1.0" as StaticString).cString
}

// MARK: - Helpers

private func load(
  _ device: OpaquePointer?, _ package: Int32, _ grant: Int32, _ options: UnsafePointer<husk_load_options>?
) throws(ErrorClass) -> Module {
  guard package >= 0, grant >= 0 else { throw .invalidArgument }
  if let options, options.pointee.size < MemoryLayout<husk_load_options>.size { throw .invalidArgument }
  let received = try borrow(device, as: Device.self).load(package: package, grant: grant)
  return try Module(received, allowedSoname: options?.pointee.allow_soname)
}

/// Makes an object and hands it to the caller, who releases it; null and a status if that fails.
private func handOut<Object: AnyObject>(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ make: () throws(ErrorClass) -> Object
) -> husk_status {
  status { () throws(ErrorClass) in
    guard let out else { throw .invalidArgument }
    out.pointee = nil
    out.pointee = OpaquePointer(Unmanaged.passRetained(try make()).toOpaque())
  }
}

/// The object behind a pointer that was handed out.
private func borrow<Object: AnyObject>(_ pointer: OpaquePointer?, as _: Object.Type) throws(ErrorClass) -> Object {
  guard let pointer else { throw .invalidArgument }
  return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
}

/// Takes back what was handed out; null is ignored.
private func release<Object: AnyObject>(_ pointer: OpaquePointer?, as _: Object.Type) {
  guard let pointer else { return }
  Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer)).release()
}

/// A file that is open for reading as long as this value lives.
private struct OpenFile: ~Copyable {
  let descriptor: Int32

  init(_ path: UnsafePointer<CChar>) throws(ErrorClass) {
    descriptor = linux_open_read(path)
    guard descriptor >= 0 else { throw linux_errno() == ENOENT ? .notFound : .io }
  }

  deinit { close(descriptor) }
}
