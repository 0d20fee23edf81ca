//! Multipart uploads, request by request. Objects go by their full names.

use std::io;

use aws_sdk_s3::{
    primitives::ByteStream as Body,
    types::{CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;

use super::{Failure, Only, S3, found, of, tag::content_md5};
use crate::BlobError;

impl S3 {
    /// Begins one; its name at the server.
    pub(super) async fn begin_multipart(&self, object: &str) -> Result<String, BlobError> {
        let request = self.client.create_multipart_upload().bucket(&self.bucket).key(object);
        let upload = of(object, request.send().await)?.upload_id;
        Ok(upload.ok_or_else(|| io::Error::other("a multipart upload without a name"))?)
    }

    pub(super) async fn upload_part(
        &self,
        object: &str,
        upload: &str,
        number: i32,
        bytes: Bytes,
    ) -> Result<CompletedPart, BlobError> {
        let (digest, md5) = (self.tags.of(&bytes), content_md5(&bytes));
        let request = self.client.upload_part().bucket(&self.bucket).key(object).upload_id(upload);
        let part =
            of(object, request.part_number(number).content_md5(md5).body(Body::from(bytes)).send().await)?;
        let part = completed(number, part.e_tag)?;
        let arrived = digest.fits(part.e_tag.as_deref().unwrap_or_default());
        if arrived { Ok(part) } else { Err(Failure::damaged(object).into()) }
    }

    /// Makes the object of the parts; of none, an empty one.
    pub(super) async fn complete_multipart(
        &self,
        object: &str,
        upload: &str,
        parts: Vec<CompletedPart>,
    ) -> Result<(), BlobError> {
        if parts.is_empty() {
            self.put_at(object, Bytes::new(), Only::Always).await?;
            return self.abort_multiparts(object).await;
        }
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.client.complete_multipart_upload().bucket(&self.bucket).key(object);
        of(object, request.upload_id(upload).multipart_upload(parts).send().await)?;
        Ok(())
    }

    /// Drops all that were begun for an object: more than one when a process ended while it began one. A server
    /// lists at most a thousand.
    pub(super) async fn abort_multiparts(&self, object: &str) -> Result<(), BlobError> {
        let request = self.client.list_multipart_uploads().bucket(&self.bucket).prefix(object);
        let uploads = of(object, request.send().await)?.uploads.unwrap_or_default();
        for upload in uploads.into_iter().filter(|upload| upload.key.as_deref() == Some(object)) {
            let request = self.client.abort_multipart_upload().bucket(&self.bucket).key(object);
            found(of(object, request.set_upload_id(upload.upload_id).send().await))?;
        }
        Ok(())
    }
}

/// A part by its number and the ETag that the server gave it.
pub(super) fn completed(number: i32, e_tag: Option<String>) -> Result<CompletedPart, BlobError> {
    let e_tag = e_tag.ok_or_else(|| io::Error::other("a part without an ETag"))?;
    Ok(CompletedPart::builder().part_number(number).e_tag(e_tag).build())
}
