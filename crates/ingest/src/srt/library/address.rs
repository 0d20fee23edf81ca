//! Addresses as the system's calls have them.

use std::{
    ffi::c_int,
    io, mem,
    net::{SocketAddr, SocketAddrV4, SocketAddrV6},
};

/// Room for any address, and its length.
pub(super) fn empty() -> (libc::sockaddr_storage, c_int) {
    // SAFETY: all fields are numbers, for which zeros are a value.
    let name: libc::sockaddr_storage = unsafe { mem::zeroed() };
    (name, mem::size_of::<libc::sockaddr_storage>() as c_int)
}

/// An address and its length.
pub(super) fn raw(address: SocketAddr) -> (libc::sockaddr_storage, c_int) {
    let (mut name, _) = empty();
    let len = match address {
        SocketAddr::V4(address) => {
            let at: *mut libc::sockaddr_in = (&raw mut name).cast();
            // SAFETY: the storage is larger than any address, and aligned for all.
            unsafe {
                (*at).sin_family = libc::AF_INET as libc::sa_family_t;
                (*at).sin_port = address.port().to_be();
                (*at).sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
            }
            mem::size_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(address) => {
            let at: *mut libc::sockaddr_in6 = (&raw mut name).cast();
            // SAFETY: as above.
            unsafe {
                (*at).sin6_family = libc::AF_INET6 as libc::sa_family_t;
                (*at).sin6_port = address.port().to_be();
                (*at).sin6_addr.s6_addr = address.ip().octets();
                (*at).sin6_scope_id = address.scope_id();
            }
            mem::size_of::<libc::sockaddr_in6>()
        }
    };
    (name, len as c_int)
}

/// The address that is in memory.
///
/// # Errors
/// When it is null, or of a family without ports.
///
/// # Safety
/// `name` is null, or a whole address of the family that it states.
pub(super) unsafe fn cooked(name: *const libc::sockaddr) -> io::Result<SocketAddr> {
    let unknown = || io::Error::other("an address of no known family");
    if name.is_null() {
        return Err(unknown());
    }
    // SAFETY: the caller says so; unaligned reads ask for nothing more.
    unsafe {
        match c_int::from(name.read_unaligned().sa_family) {
            libc::AF_INET => {
                let at = name.cast::<libc::sockaddr_in>().read_unaligned();
                let ip = at.sin_addr.s_addr.to_ne_bytes().into();
                Ok(SocketAddrV4::new(ip, u16::from_be(at.sin_port)).into())
            }
            libc::AF_INET6 => {
                let at = name.cast::<libc::sockaddr_in6>().read_unaligned();
                let (ip, port) = (at.sin6_addr.s6_addr.into(), u16::from_be(at.sin6_port));
                Ok(SocketAddrV6::new(ip, port, 0, at.sin6_scope_id).into())
            }
            _ => Err(unknown()),
        }
    }
}
