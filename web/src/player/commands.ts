import { percentText } from '../text/format';
import { changeRate, seek, setVolume, toggleFullscreen, toggleMute, togglePip, togglePlay } from './controls';
import type { PlaybackState } from './playback';
import { stepRate, type Command } from './shortcuts';
import { clampTime, momentAt, type Timeline } from './timeline';

const FRAME_RATE_ASSUMED = 25;

/** Where on the picture a command is echoed. */
export type Side = 'left' | 'right' | 'middle';

/** What commands act on. */
export interface CommandTarget {
  video: HTMLVideoElement;
  frame: HTMLElement | null;
  timeline: Timeline;
  playback: PlaybackState;
  canPip: boolean;
  flash: (text: string, side?: Side) => void;
  onTheatre: (() => void) | undefined;
  onHelp: () => void;
  onCaptions: () => void;
}

/** Does what a key, a gesture or a button asks for. */
export function runCommand(target: CommandTarget, command: Command): void {
  const { video, frame, timeline, flash } = target;
  switch (command.do) {
    case 'toggle':
      return togglePlay(video);
    case 'mute':
      toggleMute(video);
      return flash(video.muted ? 'Muted' : volumeText(video));
    case 'fullscreen':
      return frame ? toggleFullscreen(frame, video) : undefined;
    case 'pip':
      return target.canPip ? togglePip(video) : undefined;
    case 'theatre':
      return target.onTheatre?.();
    case 'help':
      return target.onHelp();
    case 'captions':
      return target.onCaptions();
    case 'seek':
      seek(video, clampTime(video.currentTime + command.by, timeline));
      return flash(`${Math.abs(command.by)} s`, command.by < 0 ? 'left' : 'right');
    case 'jump':
      return seek(video, clampTime(momentAt(command.fraction, timeline), timeline));
    case 'volume':
      setVolume(video, video.muted && command.by > 0 ? video.volume : video.volume + command.by);
      return flash(volumeText(video));
    case 'rate':
      changeRate(video, stepRate(video.playbackRate, command.step));
      return flash(`${video.playbackRate}×`);
    case 'frame':
      return stepFrame(target, command.by);
  }
}

const volumeText = (video: HTMLVideoElement): string => percentText(Math.round(video.volume * 100));

function stepFrame({ video, playback, timeline }: CommandTarget, by: number): void {
  if (!video.paused) return;
  const level = playback.levels.find(({ index }) => index === playback.currentLevel);
  seek(video, clampTime(video.currentTime + by / (level?.frameRate ?? FRAME_RATE_ASSUMED), timeline));
}
