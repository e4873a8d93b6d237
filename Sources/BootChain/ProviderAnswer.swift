import CBOR
public import ErrorClass

/// What a provider answered to a request, as it came: whoever decides by it reads it anew (SPEC 15.4).
public struct ProviderAnswer: Equatable, Sendable {
  let request: UInt64
  let message: [UInt8]

  /// A provider's answer.
  ///
  /// - Parameters:
  ///   - request: the request's number.
  ///   - message: at most 32 bytes.
  public init(request: UInt64, message: [UInt8]) {
    self.request = request
    self.message = message
  }

  /// The value in it, nil if there is none. Throws the class of a refusal, or `internal` for what is no answer to the
  /// request.
  public func value() throws(ErrorClass) -> UInt64? {
    let reply = try reply()
    guard reply.id == request else { throw .internal }
    switch reply.result {
    case .value(let value): return value
    case .nothing: return nil
    case .failed(let errorClass): throw errorClass
    }
  }

  func reply() throws(ErrorClass) -> ProviderReply {
    do throws(CBORError) {
      return try ProviderReply(parsing: message[...])
    } catch {
      throw .internal
    }
  }
}
