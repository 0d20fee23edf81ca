/** Wire types of the origin's JSON API, `/api/v1`. Times are Unix milliseconds, sizes are bytes. */

export type AssetState = 'uploading' | 'queued' | 'probing' | 'transcoding' | 'ready' | 'failed';
export type Visibility = 'public' | 'unlisted' | 'private';
export type Role = 'viewer' | 'creator' | 'admin' | 'owner';
export type Severity = 'must' | 'should';

export type Scope = 'read' | 'upload' | 'manage';

/** Who is signed in. */
export interface Session {
  role: Role;
  /** `user:…` or `key:…`. */
  subject: string;
  /** What the person signs in with, or what the key is called. */
  name: string;
  /** The person's identifier; null for a key. */
  user: string | null;
  /** What a narrowed key is narrowed to. */
  scopes: Scope[] | null;
  tenant: { id: string; name: string };
}

export interface User {
  id: string;
  name: string;
  role: Role;
  created_ms: number;
  last_sign_in_ms: number | null;
  disabled_ms: number | null;
}

export interface ApiKey {
  id: string;
  name: string;
  role: Role;
  /** Null for all that the role may. */
  scopes: Scope[] | null;
  created_ms: number;
  expires_ms: number | null;
  last_used_ms: number | null;
  revoked_ms: number | null;
}

/** A key that was just made; its secret is shown this once. */
export interface NewApiKey {
  id: string;
  role: Role;
  key: string;
}

export interface AuditEntry {
  id: string;
  at_ms: number;
  /** `user:…`, `key:…` or `command-line`. */
  actor: string;
  actor_name: string;
  action: string;
  subject: string;
  detail: string;
  address: string | null;
}

/** A slice of a list; `next` is the cursor of the following one, null at the end. */
export interface Page<T> {
  items: T[];
  next: string | null;
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
  /** Plays so far that lasted a few seconds. */
  plays: number;
  /** Viewers at the moment. */
  viewers: number;
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

export type AssetPage = Page<Asset>;

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

/** A viewing that the player reports; the waits are the server's wish. */
export interface Play {
  play: string;
  first_heartbeat_ms: number;
  heartbeat_ms: number;
}

/** An address that events are posted to. */
export interface Webhook {
  id: string;
  url: string;
  description: string;
  kinds: string[];
  enabled: boolean;
  disabled_ms: number | null;
  disabled_reason: string | null;
  failing_since_ms: number | null;
  accepted_ms: number | null;
  created_ms: number;
  updated_ms: number;
}

/** With its signing secret, which is shown once. */
export interface RevealedWebhook extends Webhook {
  secret: string | null;
}

export interface Delivery {
  id: string;
  event: string;
  kind: string;
  subject: string;
  state: 'waiting' | 'delivered' | 'failed';
  attempts: number;
  status: number | null;
  reason: string | null;
  created_ms: number;
  attempted_ms: number | null;
  next_ms: number | null;
}

/** Jobs of one kind in one state. */
export interface JobDepth {
  kind: string;
  state: 'waiting' | 'running' | 'dead';
  jobs: number;
  oldest_ms: number;
}

/** A job that a worker holds. */
export interface RunningJob {
  id: string;
  kind: string;
  /** The asset it is about. */
  subject: string;
  tenant: string;
  worker: string | null;
  attempt: number;
  failures: number;
  interruptions: number;
  claimed_ms: number;
  lease_until_ms: number;
  /** Why the last attempt that failed did. */
  reason: string | null;
}

export interface DeadJob {
  id: string;
  kind: string;
  subject: string;
  attempt: number;
  reason: string;
  at_ms: number;
}

export interface Jobs {
  /** The server's clock; ages are told by it. */
  now_ms: number;
  states: JobDepth[];
  running: RunningJob[];
  waiting: { tenant: string; jobs: number; oldest_ms: number }[];
  dead: DeadJob[];
}

/** A process that does jobs. */
export interface Worker {
  id: string;
  name: string;
  slots: number;
  running: number;
  started_ms: number;
  seen_ms: number;
}

export interface Workers {
  now_ms: number;
  items: Worker[];
}

export interface DiskUse {
  asset: string;
  title: string;
  source_bytes: number;
  media_bytes: number;
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
