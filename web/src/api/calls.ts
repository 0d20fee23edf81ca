import { request, requestJson } from './request';
import type {
  ApiKey,
  Asset,
  AssetPage,
  AssetState,
  AuditEntry,
  Delivery,
  DiskUse,
  Jobs,
  NewApiKey,
  Page,
  Play,
  PlaybackToken,
  RevealedWebhook,
  Role,
  Scope,
  Session,
  User,
  Visibility,
  Watch,
  Webhook,
  Workers,
} from './types';

const API = '/api/v1';
export const LIBRARY_PAGE_SIZE = 24;

export const getSession = (): Promise<Session> => requestJson('GET', `${API}/me`);

export type Credentials = { key: string } | { name: string; password: string };

export async function createSession(credentials: Credentials): Promise<void> {
  await request('POST', `${API}/session`, { body: credentials });
}

/** Throws a `Problem` of status 410 when the link does not work any more. */
export async function checkSetup(secret: string): Promise<void> {
  await request('GET', `${API}/setup?${new URLSearchParams({ secret }).toString()}`);
}

export interface Setup {
  secret: string;
  tenant: string;
  name: string;
  password: string;
}

/** Makes the first owner, who is signed in afterwards. */
export async function createOwner(setup: Setup): Promise<void> {
  await request('POST', `${API}/setup`, { body: setup });
}

export async function changePassword(current: string, password: string): Promise<void> {
  await request('PUT', `${API}/me/password`, { body: { current, password } });
}

export async function endAllSessions(): Promise<void> {
  await request('DELETE', `${API}/me/sessions`);
}

const listOf =
  <T>(name: string) =>
  (after: string | null): Promise<Page<T>> =>
    requestJson('GET', `${API}/${name}${after ? `?${new URLSearchParams({ after }).toString()}` : ''}`);

export const listUsers = listOf<User>('users');
export const listKeys = listOf<ApiKey>('keys');
export const listAudit = listOf<AuditEntry>('audit');

export const createUser = (user: { name: string; role: Role; password: string }): Promise<User> =>
  requestJson('POST', `${API}/users`, { body: user });

export const updateUser = (id: string, change: { role?: Role; disabled?: boolean }): Promise<User> =>
  requestJson('PATCH', `${API}/users/${encodeURIComponent(id)}`, { body: change });

export async function resetPassword(id: string, password: string): Promise<void> {
  await request('PUT', `${API}/users/${encodeURIComponent(id)}/password`, { body: { password } });
}

export interface KeyWish {
  name: string;
  role: Role;
  scopes?: Scope[];
  expires_in_seconds?: number;
}

export const createKey = (wish: KeyWish): Promise<NewApiKey> =>
  requestJson('POST', `${API}/keys`, { body: wish });

export async function revokeKey(id: string): Promise<void> {
  await request('DELETE', `${API}/keys/${encodeURIComponent(id)}`);
}

export async function deleteSession(): Promise<void> {
  await request('DELETE', `${API}/session`);
}

/** What the library is narrowed to; null narrows nothing. */
export interface AssetFilter {
  q: string;
  state: AssetState | null;
  visibility: Visibility | null;
}

interface AssetQuery extends AssetFilter {
  after: string | null;
  signal?: AbortSignal;
}

export function listAssets({ q, state, visibility, after, signal }: AssetQuery): Promise<AssetPage> {
  const query = new URLSearchParams({ limit: String(LIBRARY_PAGE_SIZE) });
  if (q) query.set('q', q);
  if (state) query.set('state', state);
  if (visibility) query.set('visibility', visibility);
  if (after) query.set('after', after);
  return requestJson('GET', `${API}/assets?${query.toString()}`, signal ? { signal } : {});
}

export const getAsset = (id: string, signal?: AbortSignal): Promise<Asset> =>
  requestJson('GET', assetPath(id), signal ? { signal } : {});

export const updateAsset = (
  id: string,
  change: { title?: string; visibility?: Visibility },
): Promise<Asset> => requestJson('PATCH', assetPath(id), { body: change });

export async function deleteAsset(id: string): Promise<void> {
  await request('DELETE', assetPath(id));
}

/** Ends the making of it; what plays already goes on playing. */
export const cancelAsset = (id: string): Promise<Asset> => requestJson('POST', `${assetPath(id)}/cancel`);

/** Makes a failed one again. */
export const retryAsset = (id: string): Promise<Asset> => requestJson('POST', `${assetPath(id)}/retry`);

/** Makes a ready one again; the old one plays until the new one is ready. */
export const reencodeAsset = (id: string): Promise<Asset> => requestJson('POST', `${assetPath(id)}/reencode`);

export const getJobs = (signal: AbortSignal): Promise<Jobs> => requestJson('GET', `${API}/jobs`, { signal });

export const getWorkers = (signal: AbortSignal): Promise<Workers> =>
  requestJson('GET', `${API}/workers`, { signal });

export const getDisk = (signal: AbortSignal): Promise<{ items: DiskUse[] }> =>
  requestJson('GET', `${API}/disk`, { signal });

export const createPlaybackToken = (id: string, expiresInSeconds: number): Promise<PlaybackToken> =>
  requestJson('POST', `${assetPath(id)}/token`, { body: { expires_in_seconds: expiresInSeconds } });

export function getWatch(id: string, token: string | null, signal?: AbortSignal): Promise<Watch> {
  const query = token ? `?${new URLSearchParams({ token }).toString()}` : '';
  return requestJson('GET', `${API}/watch/${encodeURIComponent(id)}${query}`, signal ? { signal } : {});
}

/** Plays are reported without saying who plays. */
export const beginPlay = (asset: string, token: string | null): Promise<Play> =>
  requestJson('POST', `${API}/plays`, { body: { asset, token }, anonymous: true });

export async function keepPlay(play: string): Promise<void> {
  await request('POST', `${API}/plays/${play}/heartbeat`, { anonymous: true });
}

/** Said while the page goes away: nobody is there to hear how it went. */
export function endPlay(play: string): void {
  request('DELETE', `${API}/plays/${play}`, { anonymous: true, keepalive: true }).catch(() => undefined);
}

export const listWebhooks = (signal: AbortSignal): Promise<Page<Webhook>> =>
  requestJson('GET', `${API}/webhooks?limit=200`, { signal });

export const createWebhook = (
  wish: { url: string; description: string; kinds: string[] },
  key: string,
): Promise<RevealedWebhook> =>
  requestJson('POST', `${API}/webhooks`, { body: wish, headers: { 'Idempotency-Key': key } });

export const changeWebhook = (id: string, change: { enabled: boolean }): Promise<Webhook> =>
  requestJson('PATCH', webhookPath(id), { body: change });

export async function deleteWebhook(id: string): Promise<void> {
  await request('DELETE', webhookPath(id));
}

export const rotateWebhook = (id: string): Promise<RevealedWebhook> =>
  requestJson('POST', `${webhookPath(id)}/rotate`);

export const pingWebhook = (id: string): Promise<Delivery> => requestJson('POST', `${webhookPath(id)}/ping`);

export const listDeliveries = (id: string, signal: AbortSignal): Promise<Page<Delivery>> =>
  requestJson('GET', `${webhookPath(id)}/deliveries?limit=20`, { signal });

/** Ends an unfinished tus upload on the server. */
export async function terminateUpload(url: string): Promise<void> {
  const response = await fetch(url, { method: 'DELETE', headers: { 'Tus-Resumable': '1.0.0' } });
  if (!response.ok && response.status !== 404 && response.status !== 410) {
    throw new Error('The upload could not be cancelled on the server.');
  }
}

const assetPath = (id: string): string => `${API}/assets/${encodeURIComponent(id)}`;
const webhookPath = (id: string): string => `${API}/webhooks/${encodeURIComponent(id)}`;
