//! Publishers over SRT as the asker meets them: encoders of others as they are, and those who mean harm.

mod encoders;
mod hostile;
mod outcomes;
mod rig;
mod stream;
