import type { Asset, AssetState, TrackProgress, Visibility } from '../api/types';

export const STATE_LABELS: Record<AssetState, string> = {
  uploading: 'Uploading',
  queued: 'Queued',
  probing: 'Analysing',
  transcoding: 'Transcoding',
  ready: 'Ready',
  failed: 'Failed',
};

export const VISIBILITY_WORDS: Record<Visibility, { label: string; meaning: string }> = {
  public: { label: 'Public', meaning: 'Anyone can find and watch it.' },
  unlisted: { label: 'Unlisted', meaning: 'Anyone with the link can watch it.' },
  private: { label: 'Private', meaning: 'Only you, and people you give a link that expires.' },
};

export const VISIBILITIES: readonly Visibility[] = ['public', 'unlisted', 'private'];

const UNDER_WAY: readonly AssetState[] = ['queued', 'probing', 'transcoding'];

export const isUnderWay = (state: AssetState): boolean => UNDER_WAY.includes(state);

/** What happens to the asset now, as a sentence. */
export function stageSentence(asset: Asset): string {
  switch (asset.state) {
    case 'uploading':
      return asset.upload?.fetched ? 'The server fetches the file.' : 'Waiting for the rest of the file.';
    case 'queued':
      return 'In line for a worker.';
    case 'probing':
      return 'Looking at what is in the file.';
    case 'transcoding':
      return asset.playable ? 'Transcoding. It can be watched already.' : 'Transcoding.';
    case 'ready':
      return 'Ready to watch.';
    case 'failed':
      return asset.reason ?? 'It could not be transcoded.';
  }
}

/** `1080p` for a rung, `Audio` or `Audio 2` for an audio stream, `Images` for poster and thumbnails. */
export function trackLabel(track: Pick<TrackProgress, 'name' | 'height'>): string {
  const [kind = '', index = ''] = track.name.split('-');
  if (kind === 'video') return `${track.height ?? index}p`;
  if (kind === 'audio') return index === '' || index === '0' ? 'Audio' : `Audio ${Number(index) + 1}`;
  return kind.charAt(0).toUpperCase() + kind.slice(1);
}

/** Tallest rung of the ladder, null for audio. */
export function topHeight(tracks: readonly TrackProgress[]): number | null {
  const heights = tracks.map((track) => track.height ?? 0);
  const top = Math.max(0, ...heights);
  return top > 0 ? top : null;
}

export function hasVideo(asset: Asset): boolean {
  return asset.poster !== null || topHeight(asset.progress.tracks) !== null;
}

/** A ladder is read from the top: rungs by height, then audio, then images. */
export function byRung(a: TrackProgress, b: TrackProgress): number {
  const rank = (track: TrackProgress) =>
    track.name.startsWith('video') ? 0 : track.name.startsWith('audio') ? 1 : 2;
  return rank(a) - rank(b) || (b.height ?? 0) - (a.height ?? 0) || a.name.localeCompare(b.name);
}
