//! Publishers on their way in.

use std::sync::Arc;

use ::live::{Admission, LiveError, Protocol, Publisher};
use ingest::{PublishRequest, Reason, Refusal, srt::Question};
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

/// Tells SRT's handshakes what publishers of a channel must know, until nobody asks any more.
pub async fn tell_passphrases(origin: Origin, mut questions: mpsc::Receiver<Question>) {
    while let Some(question) = questions.recv().await {
        let passphrase = match question.channel.parse() {
            Ok(channel) => {
                origin.live.srt(&channel).await.map(|found| found.map(|(passphrase, _)| passphrase))
            }
            Err(_) => Ok(None),
        };
        match passphrase {
            Ok(passphrase) => question.answer(passphrase),
            // A question that is dropped is answered with "not now".
            Err(error) => warn!("an SRT publisher could not be let in: {error}"),
        }
    }
}

/// What a publisher has shown opens, if it does.
async fn shown(origin: &Origin, request: &PublishRequest) -> Result<Option<Admission>, LiveError> {
    let (live, said) = (&origin.live, &request.announcement);
    if request.protocol != ingest::Protocol::Srt {
        return live.authenticate(said.key.expose()).await;
    }
    let Ok(channel) = said.app.parse() else { return Ok(None) };
    // The passphrase may have changed since the handshake.
    let found = live.srt(&channel).await?;
    Ok(found.filter(|(passphrase, _)| *passphrase == said.key).map(|(_, admission)| admission))
}

/// Shows a publisher to the domain, and to the session of its channel or a new one.
async fn come_in(origin: Origin, request: PublishRequest) {
    let peer = request.peer;
    let admission = match shown(&origin, &request).await {
        Ok(Some(admission)) => admission,
        Ok(None) => {
            info!(%peer, "a publisher was refused: its stream key opens no channel");
            return request.refuse(Refusal::new(Reason::Denied, "This stream key opens no channel."));
        }
        Err(error) => return request.refuse(refusal(&error)),
    };
    let publisher = publisher(&request);
    if let Err(refusal) = origin.asker().admits(&admission, &publisher, peer.to_string()).await {
        return request.refuse(refusal);
    }
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
    let protocol = match request.protocol {
        ingest::Protocol::Rtmp | ingest::Protocol::Rtmps => Protocol::Rtmp,
        ingest::Protocol::Srt => Protocol::Srt,
    };
    Publisher { protocol, encoder: request.announcement.encoder.clone() }
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
