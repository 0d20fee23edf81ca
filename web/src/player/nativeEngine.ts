import { mediaErrorWords } from './errors';
import type { Engine, EngineOptions, Report } from './playback';

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
  video.preload = options.lazy ? 'none' : 'auto';
  video.src = options.url;
  return {
    selectLevel: () => undefined,
    selectAudio: () => undefined,
    destroy: () => {
      events.abort();
      video.removeAttribute('src');
      video.load();
    },
  };
}
