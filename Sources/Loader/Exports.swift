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
    return try package.withDescriptor { (package) throws(ErrorClass) in
      try grant.withDescriptor { (grant) throws(ErrorClass) in try load(device, package, grant, options) }
    }
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
    let device = try use(device, as: Device.self)
    let list = try OpenFile(path, device.log)
    try list.withDescriptor { (list) throws(ErrorClass) in try device.showStatusList(list) }
  }
}

@c @implementation
public func husk_show_status_list_fd(_ device: OpaquePointer!, _ fd: Int32) -> husk_status {
  status { () throws(ErrorClass) in
    try use(device, as: Device.self).showStatusList(fd)
  }
}

@c @implementation
public func husk_confirm(_ device: OpaquePointer!) -> husk_status {
  status { () throws(ErrorClass) in try use(device, as: Device.self).confirm() }
}

@c @implementation
public func husk_update_try(_ device: OpaquePointer!) -> husk_status {
  status { () throws(ErrorClass) in try use(device, as: Device.self).tryStaged() }
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
    try write(&all, MemoryLayout<husk_module_info>.size, to: info)
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
    let identity = try use(device, as: Device.self).identity()
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
    try requireMemory()
    let facts = try allFacts(device == nil ? nil : borrow(device, as: Device.self))
    var array = try StructArray(protections, capacity, count: facts.count, count)
    for fact in facts {
      var element = husk_protection(fact)
      try array.append(&element, MemoryLayout<husk_protection>.size)
    }
  }
}

private func load(
  _ device: OpaquePointer?, _ package: Int32, _ grant: Int32, _ options: UnsafePointer<husk_load_options>?
) throws(ErrorClass) -> Module {
  let device = try borrow(device, as: Device.self)
  let known = try husk_load_options(reading: options, device.log)
  let module = try device.load(package: package, grant: grant, known)
  guard known.test(module) == 0 else { throw .selfTestFailed }
  return module
}
