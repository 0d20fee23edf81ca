import { mediaErrorWords } from './errors';
import type { Engine, EngineOptions, Report, TextChoice } from './playback';

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
    if (options.startAt > 0) video.currentTime = options.startAt;
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
    destroy: () => {
      events.abort();
      video.removeAttribute('src');
      video.load();
    },
  };
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
