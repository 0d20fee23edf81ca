import type { Asset } from '../api/types';

const FRAME_WIDTH = 640;
const FRAME_HEIGHT = 360;
const AUDIO_FRAME_HEIGHT = 160;

export interface ShareLinks {
  watch: string;
  embed: string;
  hls: string | null;
  dash: string | null;
}

export function publicLinks(asset: Asset): ShareLinks {
  return { watch: asset.share, embed: asset.embed, hls: asset.hls, dash: asset.dash };
}

/** A link that starts at a moment, in whole seconds. */
export function linkAt(url: string, seconds: number | null): string {
  if (seconds === null || seconds < 1) return url;
  const parsed = new URL(url);
  parsed.searchParams.set('t', String(Math.floor(seconds)));
  return parsed.href;
}

export function withToken(url: string, token: string): string {
  const parsed = new URL(url);
  parsed.searchParams.set('token', token);
  return parsed.href;
}

/** The frame a site pastes into its pages. */
export function embedCode(url: string, title: string, video: boolean): string {
  const height = video ? FRAME_HEIGHT : AUDIO_FRAME_HEIGHT;
  return (
    `<iframe src="${escapeAttribute(url)}" title="${escapeAttribute(title)}" width="${FRAME_WIDTH}" ` +
    `height="${height}" loading="lazy" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen ` +
    `style="border:0;max-width:100%"></iframe>`
  );
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '"': '&quot;', '<': '&lt;', '>': '&gt;' };

function escapeAttribute(text: string): string {
  return text.replace(/[&"<>]/g, (char) => ENTITIES[char] ?? char);
}

/** Seconds named by `?t=`: whole or decimal, never negative; null when absent or nonsense. */
export function startSeconds(search: string): number | null {
  const text = new URLSearchParams(search).get('t');
  if (text === null || !/^\d+(\.\d+)?s?$/.test(text)) return null;
  return Number.parseFloat(text);
}
