import type { Watch } from '../api/types';
import type { ShareLinks } from '../asset/share';

/**
 * A newer answer about the same film. The stream's address stays as it was: for private films each answer
 * carries another token, and a player must not start anew for that.
 */
export function mergeWatch(before: Watch | null, fresh: Watch): Watch {
  if (before?.id !== fresh.id || before.hls === null) return fresh;
  return { ...fresh, hls: before.hls, dash: before.dash, thumbs: before.thumbs ?? fresh.thumbs };
}

export const isFinal = ({ state }: Watch): boolean => state === 'ready' || state === 'failed';

/** Links for someone who is not signed in: the page they are on and its frame, not the bare streams. */
export function pageLinks(watch: Watch, origin: string, token: string | null): ShareLinks {
  const query = token === null ? '' : `?${new URLSearchParams({ token }).toString()}`;
  return {
    watch: `${origin}/watch/${watch.id}${query}`,
    embed: `${origin}/embed/${watch.id}${query}`,
    hls: null,
    dash: null,
  };
}
