//! Publishers as the asker meets them: real sockets and real bytes, of encoders and of those who mean harm.

mod amf;
mod client;
mod encoders;
mod hostile;
mod limits;
mod outcomes;
mod recorded;
mod rig;
mod tls;
