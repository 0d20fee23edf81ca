import { writeStored, readStored } from '../state/storage';

const VOLUME_KEY = 'nexus.volume';

interface WebKitVideo extends HTMLVideoElement {
  webkitEnterFullscreen?: () => void;
}

/** Starts playing; where the browser forbids sound before a gesture, playback just does not start. */
export function play(video: HTMLVideoElement): void {
  video.play().catch(() => undefined);
}

export function togglePlay(video: HTMLVideoElement): void {
  if (video.paused || video.ended) play(video);
  else video.pause();
}

/** Goes to a moment; from the end of the film it also goes on playing. */
export function seek(video: HTMLVideoElement, seconds: number): void {
  const again = video.ended;
  video.currentTime = seconds;
  if (again) play(video);
}

export function changeRate(video: HTMLVideoElement, rate: number): void {
  video.playbackRate = rate;
}

/** Volume from 0 to 1; raising it also lifts the mute. */
export function setVolume(video: HTMLVideoElement, volume: number): void {
  video.volume = Math.min(1, Math.max(0, volume));
  if (volume > 0) video.muted = false;
  rememberVolume(video);
}

export function toggleMute(video: HTMLVideoElement): void {
  video.muted = !video.muted;
  rememberVolume(video);
}

function rememberVolume({ volume, muted }: HTMLVideoElement): void {
  writeStored(VOLUME_KEY, JSON.stringify({ volume, muted }));
}

/** The volume the viewer chose last. */
export function restoreVolume(video: HTMLVideoElement): void {
  try {
    const { volume, muted } = JSON.parse(readStored(VOLUME_KEY) ?? '{}') as Partial<HTMLVideoElement>;
    if (typeof volume === 'number') video.volume = Math.min(1, Math.max(0, volume));
    if (typeof muted === 'boolean') video.muted = muted;
  } catch {
    writeStored(VOLUME_KEY, null);
  }
}

/** The whole player, controls included; iPhones only let the bare video fill the screen. */
export function toggleFullscreen(frame: HTMLElement, video: WebKitVideo): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else if (document.fullscreenEnabled) frame.requestFullscreen().catch(() => undefined);
  else video.webkitEnterFullscreen?.();
}

export const pipSupported = (): boolean => document.pictureInPictureEnabled;

export function togglePip(video: HTMLVideoElement): void {
  if (document.pictureInPictureElement) void document.exitPictureInPicture();
  else video.requestPictureInPicture().catch(() => undefined);
}
