import Hls, { type ErrorData, type HlsConfig, type Level as HlsLevel, type MediaPlaylist } from 'hls.js';
import { readStored, writeStored } from '../state/storage';
import { failureWords, type FailureKind } from './errors';
import type { AudioChoice, Edge, Engine, EngineOptions, Level, Report, TextChoice } from './playback';

const BANDWIDTH_KEY = 'nexus.bandwidth';
const BANDWIDTH_DEFAULT = 2_000_000;
const RECOVERIES_MAX = 2;

export const hlsSupported = (): boolean => Hls.isSupported();

function config({ startAt, lazy, live }: EngineOptions): Partial<HlsConfig> {
  const playlistRetry = { maxNumRetry: 6, retryDelayMs: 1_000, maxRetryDelayMs: 8_000 };
  const playlists = {
    default: {
      maxTimeToFirstByteMs: 10_000,
      maxLoadTimeMs: 20_000,
      timeoutRetry: playlistRetry,
      errorRetry: playlistRetry,
    },
  };
  const shared = {
    capLevelToPlayerSize: true,
    backBufferLength: 60,
    abrEwmaDefaultEstimate: Number(readStored(BANDWIDTH_KEY)) || BANDWIDTH_DEFAULT,
  };
  if (live) return { ...shared, ...LIVE, autoStartLoad: !lazy };
  return {
    ...shared,
    // An explicit start also keeps a film that is still being made from starting at its newest part.
    startPosition: startAt,
    autoStartLoad: !lazy,
    maxBufferLength: 30,
    playlistLoadPolicy: playlists,
  };
}

/** A broadcast that is interrupted goes on: its list is asked for again for as long as an encoder may take to return. */
const LIVE_RETRY = { maxNumRetry: 60, retryDelayMs: 500, maxRetryDelayMs: 3_000 };
const LIVE: Partial<HlsConfig> = {
  lowLatencyMode: true,
  // Who fell behind catches up unheard, by playing this much faster.
  maxLiveSyncPlaybackRate: 1.08,
  liveDurationInfinity: true,
  playlistLoadPolicy: {
    default: {
      maxTimeToFirstByteMs: 20_000,
      maxLoadTimeMs: 30_000,
      timeoutRetry: LIVE_RETRY,
      errorRetry: LIVE_RETRY,
    },
  },
};

/** Plays over Media Source Extensions with hls.js. */
export function attachHls(video: HTMLVideoElement, options: EngineOptions, report: Report): Engine {
  const hls = new Hls(config(options));
  const begin = () => hls.startLoad(options.live ? -1 : options.startAt);
  if (options.lazy) video.addEventListener('play', begin, { once: true });
  reportTracks(hls, report);
  reportFailures(hls, report);
  hls.loadSource(options.url);
  hls.attachMedia(video);
  return {
    selectLevel: (index) => {
      hls.nextLevel = index ?? -1;
      report({ chosenLevel: index });
    },
    selectAudio: (index) => {
      hls.audioTrack = index;
    },
    selectText: (index) => {
      hls.subtitleTrack = index ?? -1;
    },
    edge: () => (options.live ? edgeOf(hls) : null),
    destroy: () => {
      video.removeEventListener('play', begin);
      rememberBandwidth(hls);
      hls.destroy();
    },
  };
}

function edgeOf(hls: Hls): Edge | null {
  const position = hls.liveSyncPosition;
  if (position === null) return null;
  return { position, shownAtMs: hls.playingDate?.getTime() ?? null, drift: hls.drift };
}

function reportTracks(hls: Hls, report: Report): void {
  hls.on(Hls.Events.MANIFEST_PARSED, (_, { levels }) => {
    const rungs = levels.map(levelOf).filter((level) => level.height > 0);
    report({
      levels: rungs.sort((a, b) => b.height - a.height || b.bitrate - a.bitrate),
      audioOnly: rungs.length === 0,
    });
  });
  hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => report({ currentLevel: level }));
  hls.on(Hls.Events.LEVEL_LOADED, (_, { details }) => report({ growing: details.live }));
  hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, (_, { audioTracks }) =>
    report({ audioChoices: audioTracks.map(audioOf) }),
  );
  hls.on(Hls.Events.AUDIO_TRACK_SWITCHED, () => report({ currentAudio: hls.audioTrack }));
  hls.on(Hls.Events.SUBTITLE_TRACKS_UPDATED, (_, { subtitleTracks }) =>
    report({ textChoices: subtitleTracks.map(textOf) }),
  );
  hls.on(Hls.Events.SUBTITLE_TRACK_SWITCH, (_, { id }) => report({ currentText: id < 0 ? null : id }));
}

function levelOf(level: HlsLevel, index: number): Level {
  return {
    index,
    height: level.height,
    bitrate: level.bitrate,
    frameRate: level.frameRate > 0 ? level.frameRate : null,
  };
}

function audioOf(track: MediaPlaylist, index: number): AudioChoice {
  return { index, label: track.name === '' ? `Audio ${index + 1}` : track.name };
}

function textOf(track: MediaPlaylist, index: number): TextChoice {
  return { index, label: track.name === '' ? `Subtitles ${index + 1}` : track.name };
}

function reportFailures(hls: Hls, report: Report): void {
  let recoveries = 0;
  hls.on(Hls.Events.ERROR, (_, data) => {
    if (!data.fatal) return;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && recoveries < RECOVERIES_MAX) {
      recoveries += 1;
      hls.recoverMediaError();
      return;
    }
    report({ error: failureWords(kindOf(data), data.response?.code) });
  });
}

function kindOf({ type, details }: ErrorData): FailureKind {
  if (details === Hls.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR) return 'unsupported';
  if (type === Hls.ErrorTypes.NETWORK_ERROR) return 'network';
  return type === Hls.ErrorTypes.MEDIA_ERROR ? 'media' : 'other';
}

function rememberBandwidth(hls: Hls): void {
  const estimate = Math.round(hls.bandwidthEstimate);
  if (Number.isFinite(estimate) && estimate > 0) writeStored(BANDWIDTH_KEY, String(estimate));
}
