import { request, requestJson } from './request';
import type { Asset, AssetPage, PlaybackToken, Session, Visibility, Watch } from './types';

const API = '/api/v1';
export const LIBRARY_PAGE_SIZE = 24;

export const getSession = (): Promise<Session> => requestJson('GET', `${API}/session`);

export async function createSession(key: string): Promise<void> {
  await request('POST', `${API}/session`, { body: { key } });
}

export async function deleteSession(): Promise<void> {
  await request('DELETE', `${API}/session`);
}

interface AssetQuery {
  q: string;
  after: string | null;
  signal?: AbortSignal;
}

export function listAssets({ q, after, signal }: AssetQuery): Promise<AssetPage> {
  const query = new URLSearchParams({ limit: String(LIBRARY_PAGE_SIZE) });
  if (q) query.set('q', q);
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

export const createPlaybackToken = (id: string, expiresInSeconds: number): Promise<PlaybackToken> =>
  requestJson('POST', `${assetPath(id)}/token`, { body: { expires_in_seconds: expiresInSeconds } });

export function getWatch(id: string, token: string | null, signal?: AbortSignal): Promise<Watch> {
  const query = token ? `?${new URLSearchParams({ token }).toString()}` : '';
  return requestJson('GET', `${API}/watch/${encodeURIComponent(id)}${query}`, signal ? { signal } : {});
}

/** Ends an unfinished tus upload on the server. */
export async function terminateUpload(url: string): Promise<void> {
  const response = await fetch(url, { method: 'DELETE', headers: { 'Tus-Resumable': '1.0.0' } });
  if (!response.ok && response.status !== 404 && response.status !== 410) {
    throw new Error('The upload could not be cancelled on the server.');
  }
}

const assetPath = (id: string): string => `${API}/assets/${encodeURIComponent(id)}`;
