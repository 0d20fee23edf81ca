import { request, requestJson } from './request';
import type { Page, Visibility } from './types';

export type ChannelState = 'idle' | 'connecting' | 'live' | 'recovering' | 'ended';
export type EndReason =
  'stopped' | 'lost' | 'kicked' | 'key-rotated' | 'channel-deleted' | 'bad-media' | 'too-fast' | 'failed';

/** What may be chosen about a channel. */
export interface ChannelChoices {
  name: string;
  visibility: Visibility;
  /** Heights besides the source; null for those of the server's settings. */
  rungs: number[] | null;
  /** How far viewers may go back; null for the whole broadcast. */
  dvr_seconds: number | null;
  recording: boolean;
}

export interface Channel extends ChannelChoices {
  channel: string;
  state: ChannelState;
  since_ms: number;
  keyed_ms: number;
  created_ms: number;
  rtmp: string | null;
  srt: string | null;
  hls: string | null;
}

/** With its secrets, which are shown this once. */
export interface RevealedChannel extends Channel {
  key: string | null;
  passphrase: string | null;
}

export interface Broadcast {
  id: string;
  protocol: 'rtmp' | 'srt' | 'whip';
  encoder: string;
  started_ms: number;
  live_ms: number | null;
  ended_ms: number | null;
  reason: EndReason | null;
  detail: string | null;
  asset: string | null;
}

export interface PulseSecond {
  at_ms: number;
  bits: number;
  frames: number;
  dropped: number;
  key_frame_interval_ms: number | null;
  rtt_ms: number | null;
}

export interface PulseSource {
  video: { codecs: string; width: number; height: number } | null;
  audio: { codecs: string; sample_rate: number; channels: number } | null;
  video_bits_per_second: number;
  audio_bits_per_second: number;
  frames_per_1000_s: number;
  key_frame_interval_ms: number | null;
  late_ms: number;
  rtt_ms: number | null;
  loss_ppm: number | null;
  bytes: number;
  dropped: Record<string, number>;
}

/** How a channel fares now. */
export interface Pulse {
  state: ChannelState;
  since_ms: number;
  now_ms: number;
  /** Whether the process that answered has the broadcast; figures are where it is. */
  here: boolean;
  broadcast: Broadcast | null;
  viewers: number;
  latency_p50_ms: number | null;
  latency_p95_ms: number | null;
  stalls: number;
  source: PulseSource | null;
  renditions: string[];
  seconds: PulseSecond[];
  warnings: { code: string; text: string }[];
}

/** What a viewer's page needs of a channel. */
export interface OnAir {
  channel: string;
  name: string;
  state: ChannelState;
  since_ms: number;
  now_ms: number;
  broadcast: string | null;
  live_ms: number | null;
  ended_ms: number | null;
  reason: EndReason | null;
  recording: string | null;
  hls: string | null;
  dvr_seconds: number | null;
  beacon_ms: number;
}

/** What a player says every few seconds. */
export interface Beacon {
  viewer: string;
  latency_ms: number | null;
  behind_ms: number;
  stalls: number;
  drift_ms_per_minute: number | null;
  token: string | null;
}

const CHANNELS = '/api/v1/channels';
const path = (id: string): string => `${CHANNELS}/${encodeURIComponent(id)}`;

export const listChannels = (after: string | null): Promise<Page<Channel>> =>
  requestJson('GET', `${CHANNELS}${after ? `?${new URLSearchParams({ after }).toString()}` : ''}`);

export const getChannel = (id: string, signal?: AbortSignal): Promise<Channel> =>
  requestJson('GET', path(id), signal ? { signal } : {});

export const createChannel = (choices: ChannelChoices, key: string): Promise<RevealedChannel> =>
  requestJson('POST', CHANNELS, { body: choices, headers: { 'Idempotency-Key': key } });

export const changeChannel = (id: string, choices: ChannelChoices): Promise<Channel> =>
  requestJson('PATCH', path(id), { body: choices });

export async function deleteChannel(id: string): Promise<void> {
  await request('DELETE', path(id));
}

export const rotateKey = (id: string): Promise<RevealedChannel> => requestJson('POST', `${path(id)}/key`);

export const kick = (id: string): Promise<Channel> => requestJson('POST', `${path(id)}/kick`);

export const getPulse = (id: string, signal: AbortSignal): Promise<Pulse> =>
  requestJson('GET', `${path(id)}/pulse`, { signal });

export const listBroadcasts = (id: string, after: string | null): Promise<Page<Broadcast>> => {
  const query = new URLSearchParams({ limit: '10', ...(after ? { after } : {}) });
  return requestJson('GET', `${path(id)}/broadcasts?${query.toString()}`);
};

export function getOnAir(id: string, token: string | null, signal: AbortSignal): Promise<OnAir> {
  const query = token ? `?${new URLSearchParams({ token }).toString()}` : '';
  return requestJson('GET', `/api/v1/live/${encodeURIComponent(id)}${query}`, { signal });
}

/** Said without a session: nobody is told who watches. */
export async function sendBeacon(id: string, said: Beacon): Promise<void> {
  await request('POST', `/api/v1/live/${encodeURIComponent(id)}/beacon`, { body: said, anonymous: true });
}
