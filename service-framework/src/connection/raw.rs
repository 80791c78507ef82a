//! The two calls of libzmq that its Rust binding does not wrap. The only unsafe code of this library.

#![expect(unsafe_code, reason = "the binding has no function for these options")]

use std::ffi::{c_int, c_void};

/// Makes a publishing socket say that there is no room instead of leaving subscribers out.
pub(super) const XPUB_NODROP: c_int = zmq_sys::ZMQ_XPUB_NODROP as c_int;

/// Ends a connection on which nothing is acknowledged for so many milliseconds.
pub(super) const TCP_MAXRT: c_int = zmq_sys::ZMQ_TCP_MAXRT as c_int;

/// Sets an option whose value is an int.
pub(super) fn set_int(socket: &mut zmq::Socket, option: c_int, value: c_int) -> zmq::Result<()> {
    // SAFETY: the socket is open as long as its owner lives; libzmq copies the value before it returns, and the
    // length is that of the value.
    let result = unsafe {
        zmq_sys::zmq_setsockopt(
            socket.as_mut_ptr(),
            option,
            (&raw const value).cast::<c_void>(),
            size_of::<c_int>(),
        )
    };
    check(result)
}

/// Ends the monitoring of a socket: its last event follows at once.
pub(super) fn stop_monitor(socket: &mut zmq::Socket) -> zmq::Result<()> {
    // SAFETY: the socket is open as long as its owner lives; a null endpoint is how libzmq is asked to stop.
    check(unsafe { zmq_sys::zmq_socket_monitor(socket.as_mut_ptr(), std::ptr::null(), 0) })
}

fn check(result: c_int) -> zmq::Result<()> {
    if result == 0 {
        return Ok(());
    }
    // SAFETY: reads the calling thread's own error number.
    Err(zmq::Error::from_raw(unsafe { zmq_sys::zmq_errno() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_taken_and_a_wrong_one_refused() {
        let context = zmq::Context::new();
        let mut publisher = context.socket(zmq::PUB).unwrap();
        assert_eq!(set_int(&mut publisher, XPUB_NODROP, 1), Ok(()));
        let mut router = context.socket(zmq::ROUTER).unwrap();
        assert_eq!(set_int(&mut router, XPUB_NODROP, 1), Err(zmq::Error::EINVAL));
    }
}
