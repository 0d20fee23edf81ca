import { mediaErrorWords } from './errors';
import type { Edge, Engine, EngineOptions, Report, TextChoice } from './playback';

/** Safari plays HLS itself, with AirPlay and with less power than a script would need. */
export function playsHlsItself(video: HTMLVideoElement): boolean {
  return navigator.vendor.startsWith('Apple') && video.canPlayType('application/vnd.apple.mpegurl') !== '';
}

export function attachNative(video: HTMLVideoElement, options: EngineOptions, report: Report): Engine {
  const events = new AbortController();
  const on = (kind: keyof HTMLMediaElementEventMap, listener: () => void) =>
    video.addEventListener(kind, listener, { signal: events.signal });
  on('loadedmetadata', () => {
    report({ audioOnly: video.videoWidth === 0 });
    if (!options.live && options.startAt > 0) video.currentTime = options.startAt;
  });
  on('durationchange', () => report({ growing: video.duration === Infinity }));
  on('error', () => report({ error: mediaErrorWords(video.error?.code) }));
  const texts = watchTexts(video, report, events.signal);
  video.preload = options.lazy ? 'none' : 'auto';
  video.src = options.url;
  return {
    selectLevel: () => undefined,
    selectAudio: () => undefined,
    selectText: texts.select,
    edge: () => (options.live ? nativeEdge(video) : null),
    destroy: () => {
      events.abort();
      video.removeAttribute('src');
      video.load();
    },
  };
}

interface DatedVideo extends HTMLVideoElement {
  /** Of the moment 0; an invalid date without EXT-X-PROGRAM-DATE-TIME. */
  getStartDate?: () => Date;
}

/** Safari keeps its own distance from the end of what can be sought. */
const NATIVE_HOLD_BACK_S = 3;

function nativeEdge(video: DatedVideo): Edge | null {
  const { seekable } = video;
  if (seekable.length === 0) return null;
  const position = Math.max(seekable.end(seekable.length - 1) - NATIVE_HOLD_BACK_S, seekable.start(0));
  const began = video.getStartDate?.().getTime() ?? NaN;
  const shownAtMs = Number.isFinite(began) ? began + video.currentTime * 1000 : null;
  return { position, shownAtMs, drift: null };
}

/** Reports the text tracks that the browser found in the playlist, and shows one of them. */
function watchTexts(video: HTMLVideoElement, report: Report, signal: AbortSignal) {
  const tracks = () => [...video.textTracks].filter(({ kind }) => kind !== 'metadata');
  const choice = ({ label, language }: TextTrack, index: number): TextChoice => ({
    index,
    label: label || language || `Subtitles ${index + 1}`,
  });
  const tell = () => {
    const shown = tracks().findIndex(({ mode }) => mode === 'showing');
    report({ textChoices: tracks().map(choice), currentText: shown < 0 ? null : shown });
  };
  for (const kind of ['addtrack', 'removetrack', 'change'])
    video.textTracks.addEventListener(kind, tell, { signal });
  return {
    select: (wanted: number | null) =>
      tracks().forEach((track, index) => {
        track.mode = index === wanted ? 'showing' : 'disabled';
      }),
  };
}
