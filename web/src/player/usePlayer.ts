import { useCallback, useRef, useState, type RefObject } from 'react';
import { runCommand, type Side } from './commands';
import { changeRate, pipSupported, play, seek } from './controls';
import { useMedia, type MediaState } from './media';
import { toggledText, type PlaybackState } from './playback';
import { savedPosition } from './resume';
import type { Command } from './shortcuts';
import { clampTime, liveTimelineOf, timelineOf, type Timeline } from './timeline';
import { useLive, type LiveSource, type LiveState } from './useLive';
import { usePlayback } from './usePlayback';
import { useResume } from './useResume';

/** What is played and how the player begins. */
export interface PlayerSource {
  id: string;
  title: string;
  hls: string;
  poster: string | null;
  thumbs: string | null;
  durationMs: number | null;
  /** False while the film is still being made. */
  finished: boolean;
  /** Seconds asked for by the link; null takes up where the viewer left. */
  startAt: number | null;
  /** Load nothing before play is pressed. */
  lazy: boolean;
  /** For a broadcast; null for a film. */
  live: LiveSource | null;
}

/** A short echo of a command on the picture. */
export interface Flash {
  id: number;
  text: string;
  side: Side;
}

export interface Player {
  source: PlayerSource;
  video: HTMLVideoElement | null;
  media: MediaState;
  playback: PlaybackState;
  timeline: Timeline;
  audioOnly: boolean;
  /** Where in a broadcast the viewer is; null for a film. */
  live: LiveState | null;
  /** Position taken up from an earlier visit, in seconds. */
  resumedAt: number | null;
  flash: Flash | null;
  canPip: boolean;
  setVideo: (video: HTMLVideoElement | null) => void;
  selectLevel: (index: number | null) => void;
  selectAudio: (index: number) => void;
  selectText: (index: number | null) => void;
  setRate: (rate: number) => void;
  seekTo: (seconds: number) => void;
  /** To the edge of a broadcast, playing. */
  goLive: () => void;
  run: (command: Command) => void;
  retry: () => void;
}

interface PlayerOptions {
  frame: RefObject<HTMLElement | null>;
  onTheatre: (() => void) | undefined;
  onHelp: () => void;
  onRetry: () => void;
}

function useStart({ id, startAt, finished }: PlayerSource): { initial: number; resumedAt: number | null } {
  const [start] = useState(() => {
    // The moment at which an unfinished film was left may not be made again yet.
    const resumedAt = startAt === null && finished ? savedPosition(id) : null;
    return { initial: startAt ?? resumedAt ?? 0, resumedAt };
  });
  return start;
}

function useFlash(): [Flash | null, (text: string, side?: Side) => void] {
  const [flash, setFlash] = useState<Flash | null>(null);
  const show = (text: string, side: Side = 'middle') =>
    setFlash((before) => ({ id: (before?.id ?? 0) + 1, text, side }));
  return [flash, show];
}

/** Joins the video element, the engine that feeds it and the commands of the viewer. */
export function usePlayer(source: PlayerSource, options: PlayerOptions): Player {
  const [video, setVideo] = useState<HTMLVideoElement | null>(null);
  const [attempt, setAttempt] = useState(0);
  const { initial, resumedAt } = useStart(source);
  const left = useRef(initial);
  const startAt = useCallback(() => left.current, []);
  const lazy = source.lazy && attempt === 0;
  const engine = usePlayback(video, { url: source.hls, lazy, live: source.live !== null, startAt, attempt });
  const playback = engine.state;
  const media = useMedia(video);
  const live = useLive(source.live, media, engine.edge);
  const timeline =
    live && playback.growing
      ? liveTimelineOf(media, live.position)
      : timelineOf(media, playback.growing, source.durationMs);
  const audioOnly = playback.audioOnly ?? (source.finished && source.poster === null);
  const canPip = !audioOnly && pipSupported();
  const [flash, showFlash] = useFlash();
  useResume(video, source.id, source.live ? 0 : timeline.total);

  const lastText = useRef<number | null>(null);
  const selectText = (index: number | null) => {
    lastText.current = index ?? lastText.current;
    engine.selectText(index);
  };
  const toggleText = () => {
    if (playback.textChoices.length === 0) return;
    lastText.current = playback.currentText ?? lastText.current;
    const wanted = toggledText(playback, lastText.current);
    selectText(wanted?.index ?? null);
    showFlash(wanted?.label ?? 'Captions off');
  };
  const run = (command: Command) => {
    if (!video || playback.error !== null) return;
    // The rate of a broadcast is what keeps the viewer at its edge.
    if (live && command.do === 'rate') return;
    const { frame, onTheatre, onHelp } = options;
    const target = { video, frame: frame.current, timeline, playback, canPip, flash: showFlash };
    runCommand({ ...target, onTheatre, onHelp, onCaptions: toggleText }, command);
  };
  const retry = () => {
    left.current = media.time;
    options.onRetry();
    setAttempt((before) => before + 1);
  };

  return {
    ...{
      source,
      video,
      media,
      playback,
      timeline,
      audioOnly,
      live,
      resumedAt,
      flash,
      canPip,
      setVideo,
      run,
      retry,
    },
    setRate: (rate) => video && changeRate(video, rate),
    seekTo: (seconds) => video && seek(video, clampTime(seconds, timeline)),
    goLive: () => {
      if (!video || live?.position == null) return;
      seek(video, live.position);
      play(video);
    },
    selectLevel: engine.selectLevel,
    selectAudio: engine.selectAudio,
    selectText,
  };
}
