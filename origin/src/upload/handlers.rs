//! `/files`: the tus requests.

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{options, post},
};
use base::UploadId;
use catalogue::{NewUpload, Upload, Visibility};
use httpkit::{Path, Problem};

use super::{
    checksum::Algorithm,
    protocol::{
        self, NEXUS_ASSET, TUS_RESUMABLE, UPLOAD_EXPIRES, UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET,
        VERSION,
    },
    receive,
};
use crate::{
    Origin,
    http::{Creator, problem},
};

pub(crate) fn routes() -> Router<Origin> {
    let one = options(capabilities).head(show).patch(append).delete(terminate);
    Router::new().route("/files", post(create).options(capabilities)).route("/files/{id}", one).layer(
        axum::middleware::map_response(async |mut response: Response| {
            response.headers_mut().insert(TUS_RESUMABLE, HeaderValue::from_static(VERSION));
            response
        }),
    )
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
    headers.extend(HeaderValue::from_str(upload.asset.as_str()).map(|asset| (NEXUS_ASSET, asset)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if offset < upload.length {
        headers.extend(protocol::expires(upload.expires).map(|expires| (UPLOAD_EXPIRES, expires)));
    }
    headers.extend(more);
    response
}

async fn create(
    State(origin): State<Origin>,
    Creator(caller): Creator,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    protocol::check_version(&headers)?;
    let creation = protocol::creation(&headers, origin.limits.upload.size_max_bytes)?;
    let brings_bytes = protocol::content_length(&headers)? != Some(0)
        && (headers.contains_key(header::CONTENT_TYPE) || headers.contains_key(header::TRANSFER_ENCODING));
    if brings_bytes {
        protocol::check_body_type(&headers)?;
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
    let (upload, _) = origin.catalogue.create_upload(&caller, new).await.map_err(problem)?;
    let (stage, source) = (receive::stage_key(&upload.id)?, receive::source_key(&upload)?);
    origin.store.stage_begin(&stage, &source).await.map_err(problem)?;
    // The creation stands whatever becomes of its first bytes: the client learns the address and resumes.
    let offset = if brings_bytes {
        match receive::append(&origin, &upload, 0, body, checksum).await {
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
    if upload.length == 0 {
        receive::finish(&origin, &upload).await?;
    }
    let location = format!("{}/files/{}", origin.urls.public, upload.id);
    let location = HeaderValue::try_from(location).map_err(|_| Problem::internal())?;
    Ok(answer(StatusCode::CREATED, &upload, offset, vec![(header::LOCATION, location)]))
}

async fn show(
    State(origin): State<Origin>,
    Creator(caller): Creator,
    Path(id): Path<UploadId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    protocol::check_version(&headers)?;
    let upload = origin.catalogue.upload(&caller, &id).await.map_err(problem)?;
    let offset = receive::durable(&origin, &upload).await?;
    if offset == upload.length {
        // A crash may have come between the last byte and the row that says so.
        receive::finish(&origin, &upload).await?;
    }
    let mut more = vec![(UPLOAD_LENGTH, HeaderValue::from(upload.length))];
    if !upload.metadata.is_empty() {
        more.extend(HeaderValue::from_str(&upload.metadata).map(|metadata| (UPLOAD_METADATA, metadata)));
    }
    Ok(answer(StatusCode::OK, &upload, offset, more))
}

async fn append(
    State(origin): State<Origin>,
    Creator(caller): Creator,
    Path(id): Path<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    protocol::check_version(&headers)?;
    protocol::check_body_type(&headers)?;
    let at = protocol::offset(&headers)?;
    let checksum = protocol::checksum(&headers)?;
    let upload = origin.catalogue.upload(&caller, &id).await.map_err(problem)?;
    if upload.finished.is_some() || at > upload.length {
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
    if protocol::content_length(&headers)?.is_some_and(|length| length > upload.length - at) {
        return Err(Problem::payload_too_large(upload.length - at));
    }
    let offset = receive::append(&origin, &upload, at, body, checksum).await?;
    Ok(answer(StatusCode::NO_CONTENT, &upload, offset, vec![]))
}

async fn terminate(
    State(origin): State<Origin>,
    Creator(caller): Creator,
    Path(id): Path<UploadId>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    protocol::check_version(&headers)?;
    let upload = origin.catalogue.upload(&caller, &id).await.map_err(problem)?;
    origin.catalogue.terminate_upload(&upload).await.map_err(problem)?;
    let (stage, source) = (receive::stage_key(&id)?, receive::source_key(&upload)?);
    origin.store.stage_abort(&stage, &source).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}
