//! The calls of libzmq that its Rust binding does not wrap. The only unsafe code of this library.

#![expect(unsafe_code, reason = "the binding has no function for these options")]

#[cfg(feature = "cluster")]
use std::ffi::{CStr, c_char};
use std::ffi::{c_int, c_void};

/// Makes a publishing socket say that there is no room instead of leaving subscribers out.
pub(super) const XPUB_NODROP: c_int = zmq_sys::ZMQ_XPUB_NODROP as c_int;

/// Ends a connection on which nothing is acknowledged for so many milliseconds.
pub(super) const TCP_MAXRT: c_int = zmq_sys::ZMQ_TCP_MAXRT as c_int;

#[cfg(feature = "cluster")]
unsafe extern "C" {
    // The binding leaves it out; libzmq has it.
    fn zmq_curve_public(public: *mut c_char, secret: *const c_char) -> c_int;
}

/// Listens at a socket of the system that is there already, and closes it in the end.
#[cfg(feature = "cluster")]
pub(super) const USE_FD: c_int = 89;

/// Refuses everybody where nobody decides who may come in.
#[cfg(feature = "cluster")]
pub(super) const ZAP_ENFORCE_DOMAIN: c_int = 93;

/// The public key that belongs to a secret one, both in Z85.
#[cfg(feature = "cluster")]
pub(super) fn curve_public(secret: &CStr) -> zmq::Result<[u8; 40]> {
    let mut public = [0_u8; 41];
    if secret.to_bytes().len() != 40 {
        return Err(zmq::Error::EINVAL);
    }
    // SAFETY: libzmq reads the 40 characters and the zero of `secret`, and writes 40 characters and a zero.
    check(unsafe { zmq_curve_public(public.as_mut_ptr().cast(), secret.as_ptr()) })?;
    let (text, _zero) = public.split_at(40);
    Ok(text.try_into().unwrap_or([0; 40]))
}

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
