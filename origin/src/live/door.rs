//! Publishers on their way in.

use std::sync::Arc;

use ::live::{Admission, LiveError, Protocol, Publisher};
use ingest::{PublishRequest, Reason, Refusal};
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::{
    session::{Arrival, Session},
    stage::Stage,
};
use crate::Origin;

/// Publishers of one channel that wait for its session.
const ARRIVALS_MAX: usize = 4;

/// Takes publishers until nobody sends any more.
pub async fn take_publishers(origin: Origin, mut requests: mpsc::Receiver<PublishRequest>) {
    while let Some(request) = requests.recv().await {
        drop(origin.tasks.spawn("live-admission", come_in(origin.clone(), request)));
    }
}

/// Shows a publisher to the domain, and to the session of its channel or a new one.
async fn come_in(origin: Origin, request: PublishRequest) {
    let peer = request.peer;
    let admission = match origin.live.authenticate(request.announcement.key.expose()).await {
        Ok(Some(admission)) => admission,
        Ok(None) => {
            info!(%peer, "a publisher was refused: its stream key opens no channel");
            return request.refuse(Refusal::new(Reason::Denied, "This stream key opens no channel."));
        }
        Err(error) => return request.refuse(refusal(&error)),
    };
    let mut arrival = Arrival { request, admission };
    if let Some(door) = origin.stages().door(&arrival.admission.channel.id) {
        match door.send(arrival).await {
            Ok(()) => return,
            // The session ended at this moment.
            Err(mpsc::error::SendError(back)) => arrival = back,
        }
    }
    begin(origin, arrival).await;
}

async fn begin(origin: Origin, arrival: Arrival) {
    let Arrival { request, admission } = arrival;
    let begun = match origin.live.begin(&admission, &origin.worker, &publisher(&request)).await {
        Ok(begun) => begun,
        Err(error) => return request.refuse(refusal(&error)),
    };
    let (door, arrivals) = mpsc::channel(ARRIVALS_MAX);
    let stage = Arc::new(Stage::new(begun.lease.broadcast.clone(), begun.channel.choices.visibility));
    let channel = begun.channel.id.clone();
    let shelved = Session::keep(&origin, &begun, Arc::clone(&stage)).await;
    let kept = match shelved {
        Ok(kept) => kept,
        Err(error) => {
            warn!(%channel, "a broadcast cannot be kept: {error}");
            if let Err(error) = origin.live.let_go(&begun.lease).await {
                warn!(%channel, "a broadcast that cannot be kept is held until its lease ends: {error}");
            }
            return request.refuse(Refusal::new(Reason::Unavailable, error.to_string()));
        }
    };
    origin.stages().open(channel.clone(), Arc::clone(&stage), door);
    info!(%channel, peer = %request.peer, "channel {channel} has a publisher");
    let session = Session::new(origin.clone(), begun, stage, kept, request.admit());
    drop(origin.tasks.spawn("live-session", session.run(arrivals)));
}

/// A publisher as the domain knows it.
pub(super) fn publisher(request: &PublishRequest) -> Publisher {
    Publisher { protocol: Protocol::Rtmp, encoder: request.announcement.encoder.clone() }
}

/// Lets a publisher go on with a broadcast that lost its own, or refuses it.
pub(super) async fn come_back(
    origin: &Origin,
    lease: &::live::Lease,
    request: PublishRequest,
    admission: &Admission,
) -> Option<ingest::Media> {
    match origin.live.publisher_back(lease, admission, &publisher(&request)).await {
        Ok(()) => Some(request.admit()),
        Err(error) => {
            request.refuse(refusal(&error));
            None
        }
    }
}

/// What a publisher is told.
fn refusal(error: &LiveError) -> Refusal {
    match error {
        LiveError::Busy { .. } => Refusal::new(Reason::Busy, "Somebody else publishes to this channel."),
        LiveError::Revoked => Refusal::new(Reason::Denied, "This stream key opens no channel any more."),
        LiveError::TooManyStreams { .. } => Refusal::new(Reason::Denied, error.to_string()),
        _ => {
            warn!("a publisher could not be let in: {error}");
            Refusal::new(Reason::Unavailable, "The server cannot take a stream now; try again.")
        }
    }
}
