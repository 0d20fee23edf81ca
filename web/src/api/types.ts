/** Wire types of the origin's JSON API, `/api/v1`. Times are Unix milliseconds, sizes are bytes. */

export type AssetState = 'uploading' | 'queued' | 'probing' | 'transcoding' | 'ready' | 'failed';
export type Visibility = 'public' | 'unlisted' | 'private';
export type Role = 'viewer' | 'creator' | 'admin' | 'owner';
export type Severity = 'must' | 'should';

export interface Session {
  role: Role;
  subject: string;
}

export interface TrackProgress {
  /** `video-720`, `audio-0`, `images`. */
  name: string;
  kind?: 'video' | 'audio' | 'images';
  width?: number | null;
  height?: number | null;
  /** 0 to 100. */
  percent: number;
}

export interface Progress {
  /** 0 to 100 over all tracks. */
  percent: number;
  tracks: TrackProgress[];
}

/** What conformance found in the published files. */
export interface Finding {
  rule: string;
  clause: string;
  severity: Severity;
  where: string;
  message: string;
}

export interface AssetSource {
  name: string;
  bytes: number;
  sha256: string | null;
}

/** A tus upload that has not received its last byte. */
export interface PendingUpload {
  url: string;
  offset: number;
  length: number;
}

export interface Asset {
  id: string;
  title: string;
  state: AssetState;
  visibility: Visibility;
  /** Why the asset failed, in words for its creator. */
  reason: string | null;
  version: number;
  created_ms: number;
  updated_ms: number;
  duration_ms: number | null;
  source: AssetSource;
  /** True from the first chunk of every rung on, also before `ready`. */
  playable: boolean;
  hls: string | null;
  dash: string | null;
  poster: string | null;
  thumbs: string | null;
  share: string;
  embed: string;
  progress: Progress;
  plan: { reasons: string[] } | null;
  findings: Finding[];
  upload: PendingUpload | null;
}

export interface AssetPage {
  items: Asset[];
  /** Cursor of the next page, null at the end. */
  next: string | null;
}

/** What any viewer may know of an asset. */
export interface Watch {
  id: string;
  title: string;
  state: AssetState;
  duration_ms: number | null;
  hls: string | null;
  dash: string | null;
  poster: string | null;
  thumbs: string | null;
  live: boolean;
}

export interface PlaybackToken {
  token: string;
  expires_ms: number;
  hls: string;
  dash: string;
  watch: string;
}

/** RFC 9457 problem details. */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail?: string;
}

export interface ProgressEvent {
  asset: string;
  percent: number;
  tracks: { name: string; percent: number }[];
}

/** Bytes of an upload that are durable; sent while any client uploads. */
export interface UploadEvent {
  asset: string;
  offset: number;
  length: number;
}

export type FeedEvent =
  | { kind: 'asset.created' | 'asset.updated' | 'asset.ready' | 'asset.failed'; asset: Asset }
  | { kind: 'asset.progress'; progress: ProgressEvent }
  | { kind: 'upload.progress'; upload: UploadEvent }
  | { kind: 'asset.deleted'; id: string };
