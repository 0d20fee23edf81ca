export type FailureKind = 'network' | 'media' | 'unsupported' | 'other';

/** Why playback stopped, in words for a viewer. `status` is the HTTP status of a refused request, if any. */
export function failureWords(kind: FailureKind, status?: number): string {
  if (kind === 'unsupported') return 'This browser cannot play this stream.';
  if (kind === 'media') return 'The browser could not decode this stream.';
  if (kind !== 'network') return 'Playback stopped for an unknown reason.';
  if (status === 401 || status === 403) return 'This link has expired or is not valid.';
  if (status === 404 || status === 410) return 'This stream is not there any more.';
  if (status !== undefined && status >= 500) return 'The server has trouble sending this stream.';
  return 'The connection to the server was lost.';
}

const DECODE = 3;
const NOT_SUPPORTED = 4;

/** The same for the browser's own player; its code is that of `MediaError`. */
export function mediaErrorWords(code: number | undefined): string {
  if (code === DECODE) return failureWords('media');
  return code === NOT_SUPPORTED ? failureWords('network', 404) : failureWords('network');
}
