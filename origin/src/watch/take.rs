//! One taken file into an upload: begun once under the identifier that its place names, gone on with after a crash.

use std::{
    ffi::{OsStr, OsString},
    io::{self, SeekFrom},
    sync::Arc,
};

use base::{Principal, UploadId};
use base64::{Engine, engine::general_purpose::STANDARD};
use blob::BlobError;
use bytes::{Bytes, BytesMut};
use catalogue::{CatalogueError, NewUpload, Upload, Visibility};
use futures_util::{Stream, stream};
use httpkit::Problem;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, Take},
};
use tracing::warn;

use super::{
    blocking,
    folder::{End, Folder},
    settling::Standing,
};
use crate::{
    Origin,
    upload::{IntakeError, Source, durable, expiry, finish, source_key, stage_key, take_in},
};

/// Bytes read at a time.
const READ_BYTES: usize = 256 << 10;

const CHANGED: &str = "It changed while it was taken in. Put it here again once it is whole.";
const GONE: &str = "What was made of it was cancelled or deleted while it was taken in.";

/// Whose files they become.
#[derive(Clone, Debug)]
pub(super) struct Taker {
    pub principal: Principal,
    pub visibility: Visibility,
}

/// A file and the upload it goes into.
pub(super) struct Taken {
    pub folder: Arc<Folder>,
    pub id: UploadId,
    pub name: OsString,
}

/// Why a file did not go in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// It will not, for this reason.
    #[error("{0}")]
    Final(String),
    /// It may later: what came so far stays.
    #[error("{0}")]
    Later(String),
}

impl From<CatalogueError> for Trouble {
    fn from(error: CatalogueError) -> Self {
        match error {
            error if error.is_moot() => Self::Final(GONE.to_owned()),
            CatalogueError::TooLarge { .. }
            | CatalogueError::OverQuota { .. }
            | CatalogueError::Invalid { .. } => Self::Final(format!("It is not taken: {error}.")),
            error => Self::Later(error.to_string()),
        }
    }
}

impl From<BlobError> for Trouble {
    fn from(error: BlobError) -> Self {
        Self::Later(error.to_string())
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self::Later(problem.to_string())
    }
}

impl From<IntakeError<io::Error>> for Trouble {
    fn from(error: IntakeError<io::Error>) -> Self {
        match error {
            IntakeError::Source(error) => Self::Final(unreadable(&error)),
            IntakeError::TooMuch { .. } => Self::Final(CHANGED.to_owned()),
            IntakeError::Store(error) => error.into(),
            IntakeError::Catalogue(error) => error.into(),
            IntakeError::Internal(problem) => problem.into(),
        }
    }
}

fn unreadable(error: &io::Error) -> String {
    format!("It cannot be read: {error}.")
}

/// A file's bytes from where it stands.
fn pieces(file: Take<File>) -> impl Stream<Item = Result<Bytes, io::Error>> + Send + Unpin {
    Box::pin(stream::try_unfold(file, async |mut file| {
        let mut piece = BytesMut::with_capacity(READ_BYTES);
        let read = file.read_buf(&mut piece).await?;
        Ok((read > 0).then(|| (piece.freeze(), file)))
    }))
}

/// What is noted of a file with its upload, so that another one in its place is told from it.
fn metadata(name: &OsStr, standing: &Standing) -> String {
    let pair = |key: &str, value: &str| format!("{key} {}", STANDARD.encode(value));
    let changed = standing.changed_ns.to_string();
    [pair("filename", &name.to_string_lossy()), pair("modified", &changed)].join(",")
}

impl Taken {
    async fn open(&self) -> Result<(std::fs::File, Standing), Trouble> {
        let (folder, id, name) = (self.folder.clone(), self.id.clone(), self.name.clone());
        let opened = blocking(move || folder.open_taken(&id, &name)).await;
        opened.map_err(|error| Trouble::Final(unreadable(&error)))
    }

    async fn begin(&self, origin: &Origin, taker: &Taker, standing: &Standing) -> Result<Upload, Trouble> {
        let new = NewUpload {
            title: None,
            name: self.name.to_string_lossy().into_owned(),
            length: Some(standing.bytes),
            visibility: taker.visibility,
            metadata: metadata(&self.name, standing),
            expires: expiry(origin),
        };
        let noted = new.metadata.clone();
        let upload = origin.catalogue.create_upload_once(&taker.principal, &self.id, new).await?;
        if upload.finished.is_none() {
            // One that was given up is not found by its owner any more.
            origin.catalogue.upload(&taker.principal, &self.id).await?;
        }
        if upload.length != Some(standing.bytes) || upload.metadata != noted {
            return Err(Trouble::Final(CHANGED.to_owned()));
        }
        Ok(upload)
    }

    async fn fill(&self, origin: &Origin, taker: &Taker) -> Result<(), Trouble> {
        let (file, standing) = self.open().await?;
        if standing.bytes == 0 {
            return Err(Trouble::Final("It is empty.".to_owned()));
        }
        let upload = self.begin(origin, taker, &standing).await?;
        if upload.finished.is_some() {
            return Ok(());
        }
        let (stage, source) = (stage_key(&upload.id)?, source_key(&upload)?);
        if origin.store.head(&source).await?.is_none() {
            origin.store.stage_begin(&stage, &source).await?;
        }
        let at = durable(origin, &upload).await?;
        let mut file = File::from_std(file);
        let read = file.seek(SeekFrom::Start(at)).await.map_err(|error| Trouble::Final(unreadable(&error)));
        read?;
        let left = standing.bytes.saturating_sub(at);
        let end = take_in(origin, &upload, at, &mut Source::new(pieces(file.take(left)))).await?;
        if end != standing.bytes || self.open().await?.1 != standing {
            return Err(Trouble::Final(CHANGED.to_owned()));
        }
        Ok(finish(origin, &upload).await?)
    }

    /// Brings the file in; how it ended, or `None` when it has to be tried again.
    pub(super) async fn run(&self, origin: &Origin, taker: &Taker) -> Option<End> {
        match self.fill(origin, taker).await {
            Ok(()) => Some(End::Done),
            Err(Trouble::Final(reason)) => match self.give_up(origin, taker).await {
                Ok(()) => Some(End::Failed(reason)),
                Err(error) => {
                    warn!(upload = %self.id, "an upload of a file that is not taken could not be given up: {error}");
                    None
                }
            },
            Err(Trouble::Later(why)) => {
                warn!(upload = %self.id, "a file of the watched folder is tried again: {why}");
                None
            }
        }
    }

    /// Removes the asset and the upload, if they were begun.
    async fn give_up(&self, origin: &Origin, taker: &Taker) -> Result<(), CatalogueError> {
        let given_up = async {
            let upload = origin.catalogue.upload(&taker.principal, &self.id).await?;
            origin.catalogue.terminate_upload(&upload).await
        };
        match given_up.await {
            Err(error) if !error.is_moot() => Err(error),
            _ => Ok(()),
        }
    }
}
