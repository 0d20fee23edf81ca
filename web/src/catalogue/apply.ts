import type { Asset, FeedEvent, Progress, UploadEvent } from '../api/types';

export type Assets = ReadonlyMap<string, Asset>;

/** The assets after one event of the feed. Returns the same map when nothing changed. */
export function applyEvent(assets: Assets, event: FeedEvent): Assets {
  switch (event.kind) {
    case 'asset.progress':
      return change(assets, event.progress.asset, (asset) => withProgress(asset, event.progress));
    case 'upload.progress':
      return change(assets, event.upload.asset, (asset) => withUpload(asset, event.upload));
    case 'asset.deleted':
      return without(assets, event.id);
    default:
      return upsert(assets, [event.asset]);
  }
}

/** Adds assets or replaces those already known; an answer older than what is known is dropped. */
export function upsert(assets: Assets, fresh: readonly Asset[]): Assets {
  const next = new Map(assets);
  for (const asset of fresh) {
    const known = next.get(asset.id);
    if (!known || known.updated_ms <= asset.updated_ms) next.set(asset.id, keepProgress(known, asset));
  }
  return next;
}

/** An answer and the progress events before it are not ordered: what was reached of a version stays reached. */
function keepProgress(known: Asset | undefined, fresh: Asset): Asset {
  const same =
    known?.state === 'transcoding' && fresh.state === 'transcoding' && known.version === fresh.version;
  return same ? withProgress(fresh, known.progress) : fresh;
}

export function without(assets: Assets, id: string): Assets {
  if (!assets.has(id)) return assets;
  const next = new Map(assets);
  next.delete(id);
  return next;
}

function change(assets: Assets, id: string, update: (asset: Asset) => Asset): Assets {
  const asset = assets.get(id);
  return asset ? new Map(assets).set(id, update(asset)) : assets;
}

/** Percentages only rise: progress events are not ordered with the asset's own. */
function withProgress(asset: Asset, { percent, tracks }: Progress): Asset {
  const percents = new Map(tracks.map((track) => [track.name, track.percent]));
  const known = new Set(asset.progress.tracks.map((track) => track.name));
  const merged = asset.progress.tracks.map((track) => ({
    ...track,
    percent: Math.max(track.percent, percents.get(track.name) ?? 0),
  }));
  const added = tracks.filter((track) => !known.has(track.name));
  const progress = { percent: Math.max(asset.progress.percent, percent), tracks: [...merged, ...added] };
  return { ...asset, progress };
}

function withUpload(asset: Asset, { offset, length }: UploadEvent): Asset {
  if (!asset.upload) return asset;
  return { ...asset, upload: { ...asset.upload, offset: Math.max(asset.upload.offset, offset), length } };
}
