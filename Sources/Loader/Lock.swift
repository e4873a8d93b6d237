import CLinux

/// A mutual-exclusion lock.
struct Lock: ~Copyable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  init() {
    mutex = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  borrowing func lock() {
    pthread_mutex_lock(mutex)
  }

  borrowing func unlock() {
    pthread_mutex_unlock(mutex)
  }
}
