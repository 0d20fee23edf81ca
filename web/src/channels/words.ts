import type { Broadcast, Channel, ChannelState, EndReason, PulseSecond, PulseSource } from '../api/live';
import { bitrateLabel } from '../player/playback';
import { ageText } from '../text/format';

export const STATE_WORDS: Record<ChannelState, string> = {
  idle: 'Not used yet',
  connecting: 'Connecting',
  live: 'Live',
  recovering: 'Recovering',
  ended: 'Off air',
};

/** Why a broadcast is over, for whom the channel belongs to. */
export const REASON_WORDS: Record<EndReason, string> = {
  stopped: 'The encoder ended it',
  lost: 'The encoder went away and did not come back',
  kicked: 'Ended from here',
  'key-rotated': 'The key was changed',
  'channel-deleted': 'The channel was deleted',
  'bad-media': 'What the encoder sent could not be used',
  'too-fast': 'The bitrate was higher than allowed',
  failed: 'Trouble on the server',
};

export const onAirNow = (state: ChannelState): boolean =>
  state === 'connecting' || state === 'live' || state === 'recovering';

/** How a broadcast ended, in a line; what it is for one that goes on. */
export function endWords({ ended_ms: ended, reason, detail }: Broadcast): string {
  if (ended === null) return 'On air';
  const words = reason === null ? 'It is over' : REASON_WORDS[reason];
  const more = detail !== null && reason !== 'kicked' && reason !== 'stopped';
  return more ? `${words}: ${detail}` : words;
}

/** How long it was, or has been, on air. */
export function lengthWords({ live_ms: live, ended_ms: ended }: Broadcast, nowMs: number): string {
  return live === null ? 'Never on air' : ageText((ended ?? nowMs) - live);
}

/** `30`, `12.5`, from frames in a thousand seconds. */
export const frameRateText = (per1000s: number): string => String(Math.round(per1000s / 100) / 10);

/** What the encoder sends: `1280×720 avc1.64001F · mp4a.40.2 48 kHz`. */
export function sourceWords({ video, audio }: PulseSource): string {
  const pictures = video && `${video.width}×${video.height} ${codecName(video.codecs)}`;
  const sound = audio && `${codecName(audio.codecs)} ${audio.sample_rate / 1000} kHz`;
  return [pictures, sound].filter((words) => words !== null).join(', ') || 'Nothing yet';
}

const CODECS: [prefix: string, name: string][] = [
  ['avc', 'H.264'],
  ['hvc', 'HEVC'],
  ['hev', 'HEVC'],
  ['mp4a', 'AAC'],
];

/** A codec as creators know it, for its RFC 6381 string. */
export const codecName = (codecs: string): string =>
  CODECS.find(([prefix]) => codecs.startsWith(prefix))?.[1] ?? codecs;

/** The windows that one may choose, in seconds; null is the whole broadcast. */
export const WINDOWS: readonly [seconds: number | null, words: string][] = [
  [0, 'Not at all'],
  [600, '10 minutes'],
  [1_800, '30 minutes'],
  [7_200, '2 hours'],
  [21_600, '6 hours'],
  [86_400, 'A day'],
  [null, 'The whole broadcast'],
];

export const windowWords = ({ dvr_seconds: seconds }: Pick<Channel, 'dvr_seconds'>): string =>
  WINDOWS.find(([known]) => known === seconds)?.[1] ?? `${seconds ?? 0} seconds`;

export const rungWords = ({ rungs }: Pick<Channel, 'rungs'>): string => {
  if (rungs === null) return 'Chosen by the server';
  return rungs.length === 0 ? 'The source alone' : rungs.map((rung) => `${rung}p`).join(', ');
};

export interface Chart {
  title: string;
  values: readonly (number | null)[];
  text: (value: number) => string;
  /** What the axis reaches at least. */
  least: number;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** The charts of what comes, over the last five minutes; the link only where it is measured. */
export function chartsOf(samples: readonly PulseSecond[]): Chart[] {
  const of = (take: (sample: PulseSecond) => number | null) => samples.map(take);
  const charts: Chart[] = [
    { title: 'Bitrate', values: of(({ bits }) => bits), text: bitrateLabel, least: 500_000 },
    { title: 'Frames a second', values: of(({ frames }) => frames), text: (n) => n.toFixed(0), least: 30 },
    {
      title: 'Key frame interval',
      values: of((sample) => sample.key_frame_interval_ms),
      text: seconds,
      least: 4_000,
    },
    { title: 'Left out', values: of(({ dropped }) => dropped), text: (n) => n.toFixed(0), least: 4 },
  ];
  const link = of(({ rtt_ms: rtt }) => rtt);
  const measured = link.some((rtt) => rtt !== null);
  const rtt: Chart = { title: 'Round trip', values: link, text: (ms) => `${ms.toFixed(0)} ms`, least: 50 };
  return measured ? [...charts, rtt] : charts;
}
