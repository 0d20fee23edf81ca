import type { Asset, FeedEvent, ProgressEvent, UploadEvent } from './types';

const ASSET_KINDS = ['asset.created', 'asset.updated', 'asset.ready', 'asset.failed'] as const;
const KINDS = [...ASSET_KINDS, 'asset.progress', 'upload.progress', 'asset.deleted'] as const;
type Kind = (typeof KINDS)[number];

const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 30_000;

export interface FeedListener {
  onEvent: (event: FeedEvent) => void;
  /** The stream is open again after a gap in which events were missed. */
  onGap: () => void;
  onConnected: (connected: boolean) => void;
  /** The server answered, but not with a stream; it is asked again later. */
  onRefused: () => void;
}

/** Milliseconds before attempt `attempt` (1, 2, …) to open the stream again: doubling, capped. */
export function retryDelayMs(attempt: number): number {
  return Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** (attempt - 1));
}

/** Reads one server-sent event of the tenant stream; null when its data is not what the API promises. */
export function readEvent(kind: string, data: string): FeedEvent | null {
  const value = parse(data);
  if (value === null) return null;
  if (kind === 'asset.progress') return { kind, progress: value as unknown as ProgressEvent };
  if (kind === 'upload.progress') return { kind, upload: value as unknown as UploadEvent };
  if (kind === 'asset.deleted') return typeof value.asset === 'string' ? { kind, id: value.asset } : null;
  if (!isAssetKind(kind) || typeof value.id !== 'string') return null;
  return { kind, asset: value as unknown as Asset };
}

function parse(data: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}

const isAssetKind = (kind: string): kind is (typeof ASSET_KINDS)[number] =>
  (ASSET_KINDS as readonly string[]).includes(kind);

/**
 * Keeps a server-sent event stream open. EventSource gives up on an HTTP error, so a closed stream is
 * opened again here with backoff. Returns the function that ends it.
 */
export function openFeed(url: string, listener: FeedListener): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let attempt = 0;
  let opened = false;

  const onOpen = () => {
    attempt = 0;
    listener.onConnected(true);
    if (opened) listener.onGap();
    opened = true;
  };
  const onError = () => {
    listener.onConnected(false);
    if (source?.readyState !== EventSource.CLOSED) return;
    attempt += 1;
    listener.onRefused();
    timer = setTimeout(connect, retryDelayMs(attempt));
  };
  const onMessage = (kind: Kind) => (message: MessageEvent<string>) => {
    const event = readEvent(kind, message.data);
    if (event) listener.onEvent(event);
  };
  function connect() {
    source = new EventSource(url);
    source.addEventListener('open', onOpen);
    source.addEventListener('error', onError);
    for (const kind of KINDS) source.addEventListener(kind, onMessage(kind));
  }

  connect();
  return () => {
    clearTimeout(timer);
    source?.close();
  };
}
