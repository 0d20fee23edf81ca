//! `Idempotency-Key` on requests that create something (draft-ietf-httpapi-idempotency-key-header-07).

use axum::{
    extract::FromRequestParts,
    http::{HeaderName, StatusCode, request::Parts},
};
use base::Principal;
use db::Tx;
use httpkit::Problem;
use idempotency::{Answer, Turn, fingerprint};
use serde::{Serialize, de::DeserializeOwned};

use super::error::problem;
use crate::Origin;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The key of a request, if it has one.
pub(crate) struct Key(Option<String>);

impl Key {
    /// Whether the request has one, and so will be asked again if its answer is lost.
    pub(crate) const fn is_given(&self) -> bool {
        self.0.is_some()
    }
}

impl FromRequestParts<Origin> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Origin) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let (first, more) = (values.next(), values.next());
        let Some(value) = first else { return Ok(Self(None)) };
        let once = value.to_str().ok().filter(|_| more.is_none());
        let text =
            once.ok_or_else(|| Problem::bad_request("one Idempotency-Key of visible ASCII is expected"))?;
        // A structured string in the draft; many clients send it bare.
        let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        Ok(Self(Some(bare.to_owned())))
    }
}

/// A request that is performed once: the transaction it is performed in, and the answer it got before.
pub(crate) struct Once {
    tx: Tx,
    turn: Option<Turn>,
    kept: Option<Answer>,
}

impl Once {
    /// Begins; without a key every request is the first.
    pub(crate) async fn begin(
        origin: &Origin,
        caller: &Principal,
        Key(key): Key,
        target: &str,
        request: &impl Serialize,
    ) -> Result<Self, Problem> {
        let service = &origin.idempotency;
        let turn = key.map(|key| service.enter(&caller.tenant, &key)).transpose().map_err(problem)?;
        let mut tx = service.transaction().await.map_err(problem)?;
        let Some(turn) = turn else { return Ok(Self { tx, turn: None, kept: None }) };
        let body = serde_json::to_string(request).map_err(|_| Problem::internal())?;
        let kept = service.claim(&mut tx, &turn, &fingerprint(&[target, &body])).await.map_err(problem)?;
        Ok(Self { tx, turn: Some(turn), kept })
    }

    /// What was kept of the answer to the same request, if it was performed before.
    pub(crate) fn before<T: DeserializeOwned>(&self) -> Result<Option<T>, Problem> {
        let kept = self.kept.as_ref().map(|kept| serde_json::from_str(&kept.body));
        kept.transpose().map_err(|_| Problem::internal())
    }

    pub(crate) fn tx(&mut self) -> &mut Tx {
        &mut self.tx
    }

    /// Keeps the answer, if there is a key, and commits.
    pub(crate) async fn commit(
        mut self,
        origin: &Origin,
        status: StatusCode,
        answer: &impl Serialize,
    ) -> Result<(), Problem> {
        if let Some(turn) = &self.turn {
            let body = serde_json::to_string(answer).map_err(|_| Problem::internal())?;
            let answer = Answer { status: status.as_u16(), body };
            origin.idempotency.keep(&mut self.tx, turn, &answer).await.map_err(problem)?;
        }
        self.tx.commit().await.map_err(problem)
    }
}
