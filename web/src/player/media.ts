import { useEffect, useState } from 'react';
import { createStore, useStore } from '../state/store';

export interface TimeRange {
  start: number;
  end: number;
}

/** What the video element does, read after each of its events. Times in seconds. */
export interface MediaState {
  paused: boolean;
  ended: boolean;
  seeking: boolean;
  /** Wants to play but has no data. */
  stalled: boolean;
  /** The first frame or sound is there. */
  loaded: boolean;
  /** Play has been asked for since the page was opened. */
  started: boolean;
  time: number;
  duration: number;
  seekableStart: number;
  seekableEnd: number;
  buffered: readonly TimeRange[];
  volume: number;
  muted: boolean;
  rate: number;
  pictureInPicture: boolean;
}

const INITIAL: MediaState = {
  paused: true,
  ended: false,
  seeking: false,
  stalled: false,
  loaded: false,
  started: false,
  time: 0,
  duration: NaN,
  seekableStart: 0,
  seekableEnd: 0,
  buffered: [],
  volume: 1,
  muted: false,
  rate: 1,
  pictureInPicture: false,
};

const EVENTS = [
  ...['play', 'pause', 'playing', 'ended', 'waiting', 'stalled', 'canplay', 'seeking', 'seeked', 'emptied'],
  ...[
    'timeupdate',
    'progress',
    'durationchange',
    'loadeddata',
    'loadedmetadata',
    'volumechange',
    'ratechange',
  ],
  ...['enterpictureinpicture', 'leavepictureinpicture'],
];

function rangesOf(ranges: TimeRanges): TimeRange[] {
  return Array.from({ length: ranges.length }, (_, at) => ({ start: ranges.start(at), end: ranges.end(at) }));
}

function readMedia(video: HTMLVideoElement, before: MediaState): MediaState {
  const { paused, ended, seeking, readyState, currentTime, duration, seekable } = video;
  return {
    paused,
    ended,
    seeking,
    stalled: !ended && (!paused || seeking) && readyState < HTMLMediaElement.HAVE_FUTURE_DATA,
    loaded: readyState >= HTMLMediaElement.HAVE_CURRENT_DATA,
    started: before.started || !paused,
    time: currentTime,
    duration,
    seekableStart: seekable.length > 0 ? seekable.start(0) : 0,
    seekableEnd: seekable.length > 0 ? seekable.end(seekable.length - 1) : 0,
    buffered: rangesOf(video.buffered),
    volume: video.volume,
    muted: video.muted,
    rate: video.playbackRate,
    pictureInPicture: document.pictureInPictureElement === video,
  };
}

export function useMedia(video: HTMLVideoElement | null): MediaState {
  const [store] = useState(() => createStore(INITIAL));
  useEffect(() => {
    if (!video) return;
    const read = () => store.set((before) => readMedia(video, before));
    for (const kind of EVENTS) video.addEventListener(kind, read);
    read();
    return () => {
      for (const kind of EVENTS) video.removeEventListener(kind, read);
    };
  }, [video, store]);
  return useStore(store, (state) => state);
}
