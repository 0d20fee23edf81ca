//! Poster and thumbnails.

use catalogue::Piece;
use jobs::Settled;
use media::Object;
use pipeline_wire::{FromChild, GraphSpec, ImageKind};

use crate::{Attempt, Transcoder, error::Trouble, source::StoredSource, wire};

pub(crate) async fn run(transcoder: &Transcoder, attempt: Attempt<'_>) -> Result<Settled, Trouble> {
    let plan = attempt.plan()?;
    let (Some(video), Some(images)) = (&plan.video, &plan.images) else {
        return Err(Trouble::Internal("images of a film without pictures"));
    };
    let version = attempt.version;
    let source = StoredSource::open(&transcoder.store, &attempt.asset).await?;
    let spec = GraphSpec::Images(wire::images_spec(source.spec(), plan, video, images));
    let mut child = transcoder.sandbox.start(&spec, source).await?;
    let (mut posters, mut sprites, mut stored) = (0, 0, 0);
    while let Some(frame) = child.next().await? {
        let FromChild::Image { kind, index, bytes } = frame else { continue };
        let object = match kind {
            ImageKind::Poster => Object::Poster { version },
            ImageKind::Sprite => Object::Sprite { version, index },
        };
        *(if kind == ImageKind::Poster { &mut posters } else { &mut sprites }) += 1;
        stored += bytes.len() as u64;
        transcoder.put(&attempt.key(object)?, bytes).await?;
    }
    if (posters, sprites) != (1, images.sprite_count()) {
        return Err(Trouble::Incomplete(format!(
            "{posters} posters and {sprites} of {} sprites",
            images.sprite_count()
        )));
    }
    let thumbs = media::images::thumbs_vtt(images, plan.duration_ns);
    stored += thumbs.len() as u64;
    transcoder.put(&attempt.key(Object::Thumbs { version })?, thumbs.into()).await?;
    let mut tx = transcoder.db.write().await?;
    let made_by = attempt.claim.attempt;
    transcoder.catalogue.finish_work(&mut tx, attempt.id(), version, Piece::Images, made_by).await?;
    transcoder.catalogue.note_images(&mut tx, attempt.id(), version, stored).await?;
    Ok(transcoder.queue.complete(tx, attempt.claim).await?)
}
