//! `/files`: the tus requests.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base::{Principal, UploadId};
use catalogue::{NewUpload, Upload, Visibility};
use httpkit::{Path, Problem};
use serde::{Deserialize, Serialize};

use super::{
    checksum::Algorithm,
    concat,
    protocol::{
        self, Kind, NEXUS_ASSET, TUS_RESUMABLE, UPLOAD_CONCAT, UPLOAD_DEFER_LENGTH, UPLOAD_EXPIRES,
        UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET, VERSION,
    },
    receive,
};
use crate::{
    Origin,
    http::{Access, Key, Member, Once, Routes, UPLOAD, problem},
};

/// What is kept of the answer to a creation: the upload is shown as it is when it is asked for again.
#[derive(Deserialize, Serialize)]
struct Begun {
    upload: UploadId,
}

pub(crate) fn routes() -> Routes {
    Routes::new()
        .options("/files", Access::Public, capabilities)
        .post("/files", UPLOAD, create)
        .options("/files/{id}", Access::Public, capabilities)
        .head("/files/{id}", UPLOAD, show)
        .patch("/files/{id}", UPLOAD, append)
        .delete("/files/{id}", UPLOAD, terminate)
        .answering_with(TUS_RESUMABLE, HeaderValue::from_static(VERSION))
}

async fn capabilities(State(origin): State<Origin>) -> Response {
    let headers = [
        (protocol::TUS_VERSION, HeaderValue::from_static(VERSION)),
        (protocol::TUS_EXTENSION, HeaderValue::from_static(protocol::EXTENSIONS)),
        (protocol::TUS_MAX_SIZE, HeaderValue::from(origin.limits.upload.size_max_bytes)),
        (protocol::TUS_CHECKSUM_ALGORITHM, HeaderValue::from_static(Algorithm::NAMES)),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

fn answer(
    status: StatusCode,
    upload: &Upload,
    offset: u64,
    more: Vec<(HeaderName, HeaderValue)>,
) -> Response {
    let mut response = (status, [(UPLOAD_OFFSET, HeaderValue::from(offset))]).into_response();
    let headers = response.headers_mut();
    let asset = upload.asset.as_ref().and_then(|asset| HeaderValue::from_str(asset.as_str()).ok());
    headers.extend(asset.map(|asset| (NEXUS_ASSET, asset)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if upload.length.is_none_or(|length| offset < length) || upload.is_partial() {
        headers.extend(protocol::expires(upload.expires).map(|expires| (UPLOAD_EXPIRES, expires)));
    }
    headers.extend(more);
    response
}

async fn create(
    State(origin): State<Origin>,
    Member(caller): Member,
    key: Key,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    protocol::check_version(&headers)?;
    receive::check_room(&origin).await?;
    let creation = protocol::creation(&headers)?;
    let announced = protocol::content_length(&headers)?;
    let brings_bytes = announced != Some(0)
        && (headers.contains_key(header::CONTENT_TYPE) || headers.contains_key(header::TRANSFER_ENCODING));
    if brings_bytes {
        protocol::check_body_type(&headers)?;
        if matches!(creation.kind, Kind::Final(..)) {
            return Err(Problem::bad_request("a final upload is made of its parts and takes no bytes"));
        }
    }
    let checksum = protocol::checksum(&headers)?;
    let given = |key: &str| creation.metadata.get(key).filter(|value| !value.is_empty());
    let visibility = match given("visibility") {
        Some(text) => text.parse().map_err(|reason| Problem::bad_request(format!("visibility: {reason}")))?,
        None => Visibility::default(),
    };
    let new = NewUpload {
        title: given("title").cloned(),
        name: given("filename").or_else(|| given("name")).cloned().unwrap_or_default(),
        length: creation.length,
        visibility,
        metadata: creation.metadata_text.clone(),
        expires: receive::expiry(&origin),
    };
    let comes_back = key.is_given() && matches!(creation.kind, Kind::Whole);
    let upload = match &creation.kind {
        Kind::Whole => match begin_once(&origin, &caller, key, new).await? {
            (upload, true) => return created_before(&origin, &upload).await,
            (upload, false) => Ok(upload),
        },
        Kind::Partial(concat) => origin.catalogue.create_partial(&caller, concat, new).await,
        Kind::Final(concat, parts) => {
            let upload = origin.catalogue.create_final(&caller, concat, parts, new).await;
            let upload = upload.map_err(problem)?;
            concat::assemble(&origin, &upload).await?;
            return created(&origin, &upload, upload.offset);
        }
    };
    let upload = upload.map_err(problem)?;
    begin_stage(&origin, &upload, comes_back).await?;
    // The creation stands whatever becomes of its first bytes: the client learns the address and resumes.
    let offset = if brings_bytes {
        match receive::append(&origin, &upload, 0, body, announced, checksum).await {
            Ok(offset) => offset,
            Err(refused)
                if refused.status().is_client_error() && refused.status() != StatusCode::REQUEST_TIMEOUT =>
            {
                return Err(refused);
            }
            Err(_) => receive::durable(&origin, &upload).await?,
        }
    } else {
        0
    };
    if upload.length == Some(0) {
        receive::finish(&origin, &upload).await?;
    }
    created(&origin, &upload, offset)
}

/// Begins a whole upload, once for each Idempotency-Key; whether that was done before.
async fn begin_once(
    origin: &Origin,
    caller: &Principal,
    key: Key,
    new: NewUpload,
) -> Result<(Upload, bool), Problem> {
    let request = (new.length, &new.metadata);
    let mut once = Once::begin(origin, caller, key, "POST /files", &request).await?;
    if let Some(begun) = once.before::<Begun>()? {
        let upload = origin.catalogue.upload(caller, &begun.upload).await.map_err(problem)?;
        return Ok((upload, true));
    }
    let upload = origin.catalogue.create_upload(once.tx(), caller, new).await.map_err(problem)?;
    once.commit(origin, StatusCode::CREATED, &Begun { upload: upload.id.clone() }).await?;
    Ok((upload, false))
}

/// The answer to a creation that was made before. Whoever made it may have died before there was room for its bytes.
async fn created_before(origin: &Origin, upload: &Upload) -> Result<Response, Problem> {
    let Some(offset) = receive::arrived(origin, upload).await? else {
        begin_stage(origin, upload, true).await?;
        return created(origin, upload, 0);
    };
    created(origin, upload, offset)
}

/// Makes room for a new upload's bytes. Without it the upload is given up, unless its client comes back for it: any
/// other never learns of it, and would leave another behind with each try.
async fn begin_stage(origin: &Origin, upload: &Upload, comes_back: bool) -> Result<(), Problem> {
    let (stage, source) = (receive::stage_key(&upload.id)?, receive::source_key(upload)?);
    let begun = origin.store.stage_begin(&stage, &source).await;
    if begun.is_err() && !comes_back {
        let given_up = if upload.is_partial() {
            origin.catalogue.give_up_partial(upload).await
        } else {
            origin.catalogue.terminate_upload(upload).await
        };
        if let Err(error) = given_up {
            tracing::warn!(upload = %upload.id, %error, "an upload that was not begun stays until it expires: {error}");
        }
    }
    begun.map_err(problem)
}

fn created(origin: &Origin, upload: &Upload, offset: u64) -> Result<Response, Problem> {
    let location = format!("{}/files/{}", origin.urls.public, upload.id);
    let location = HeaderValue::try_from(location).map_err(|_| Problem::internal())?;
    Ok(answer(StatusCode::CREATED, upload, offset, vec![(header::LOCATION, location)]))
}

async fn show(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<UploadId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    protocol::check_version(&headers)?;
    let upload = origin.catalogue.upload(&caller, &id).await.map_err(problem)?;
    let unmade = upload.is_final() && upload.finished.is_none();
    let offset = if unmade { 0 } else { receive::durable(&origin, &upload).await? };
    if upload.length == Some(offset) && !unmade {
        // A crash may have come between the last byte and the row that says so.
        receive::finish(&origin, &upload).await?;
    }
    let length = match upload.length {
        Some(length) => (UPLOAD_LENGTH, HeaderValue::from(length)),
        None => (UPLOAD_DEFER_LENGTH, HeaderValue::from_static("1")),
    };
    let echoed = [(UPLOAD_METADATA, Some(&upload.metadata)), (UPLOAD_CONCAT, upload.concat.as_ref())];
    let echoed = echoed.into_iter().filter_map(|(name, text)| {
        let text = text.filter(|text| !text.is_empty())?;
        Some((name, HeaderValue::from_str(text).ok()?))
    });
    let mut response = answer(StatusCode::OK, &upload, offset, [length].into_iter().chain(echoed).collect());
    if unmade {
        // Until a final upload is made it has no offset (tus concatenation extension).
        response.headers_mut().remove(UPLOAD_OFFSET);
    }
    Ok(response)
}

async fn append(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    protocol::check_version(&headers)?;
    protocol::check_body_type(&headers)?;
    let at = protocol::offset(&headers)?;
    let checksum = protocol::checksum(&headers)?;
    let mut upload = origin.catalogue.upload(&caller, &id).await.map_err(problem)?;
    if upload.is_final() {
        return Err(Problem::forbidden("a final upload is made of its parts and takes no bytes"));
    }
    if upload.is_import() {
        return Err(Problem::forbidden("the server itself fetches the bytes of this upload"));
    }
    if let Some(length) = protocol::length(&headers)? {
        origin.catalogue.set_upload_length(&mut upload, length).await.map_err(problem)?;
    }
    if upload.finished.is_some() || upload.length.is_some_and(|length| at > length) {
        let offset = receive::durable(&origin, &upload).await?;
        // A repeated last request, whose answer was lost: nothing is left to send.
        let empty = protocol::content_length(&headers)?.is_none_or(|length| length == 0)
            && !headers.contains_key(header::TRANSFER_ENCODING);
        let repeated = at == offset && empty;
        return if repeated {
            Ok(answer(StatusCode::NO_CONTENT, &upload, offset, vec![]))
        } else {
            Err(receive::offset_conflict(offset))
        };
    }
    let announced = protocol::content_length(&headers)?;
    if let Some(room) = upload.length.map(|length| length - at).filter(|room| announced > Some(*room)) {
        return Err(Problem::payload_too_large(room));
    }
    let offset = receive::append(&origin, &upload, at, body, announced, checksum).await?;
    Ok(answer(StatusCode::NO_CONTENT, &upload, offset, vec![]))
}

async fn terminate(
    State(origin): State<Origin>,
    Member(caller): Member,
    Path(id): Path<UploadId>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    protocol::check_version(&headers)?;
    let upload = origin.catalogue.upload(&caller, &id).await.map_err(problem)?;
    if upload.is_partial() {
        origin.catalogue.give_up_partial(&upload).await.map_err(problem)?;
        return concat::remove_partial(&origin, &id).await.map(|()| StatusCode::NO_CONTENT);
    }
    origin.catalogue.terminate_upload(&upload).await.map_err(problem)?;
    let (stage, source) = (receive::stage_key(&id)?, receive::source_key(&upload)?);
    origin.store.stage_abort(&stage, &source).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}
