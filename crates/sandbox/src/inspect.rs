//! Asking a child what holds it in.

use pipeline_wire::{DoorReport, GraphSpec};

use crate::{NoSource, Sandbox, SandboxError};

impl Sandbox {
    /// Starts a child that tries its own door; what holds it in.
    ///
    /// # Errors
    /// [`SandboxError::Refused`] when the door is open somewhere; otherwise how the child ended.
    pub async fn inspect_door(&self) -> Result<DoorReport, SandboxError> {
        let mut child = self.start(&GraphSpec::DoorCheck, NoSource).await?;
        while child.next().await?.is_some() {}
        child.door().cloned().ok_or(SandboxError::Protocol("a child that never closed its door"))
    }
}
