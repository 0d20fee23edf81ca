import type { DetailedError, HttpResponse, Upload, UploadOptions } from 'tus-js-client';
import { problemText } from '../api/problem';
import type { Visibility } from '../api/types';
import { titleOf } from './transfer';

const ENDPOINT = '/files';
/** Small enough for the body limits of common proxies, large enough that a round trip per chunk is nothing. */
const CHUNK_BYTES = 64 * 2 ** 20;
const RETRY_DELAYS_MS = [500, 1_000, 3_000, 5_000, 10_000, 20_000, 30_000, 30_000, 30_000];
const TRANSIENT = [408, 409, 423, 425, 429];

export interface TusListener {
  onAsset: (id: string) => void;
  onProgress: (sent: number) => void;
  onRetry: () => void;
  onSuccess: () => void;
  onError: (reason: string, connectionLost: boolean) => void;
}

export interface TusRequest {
  file: File;
  visibility: Visibility;
  /** Upload to go on with, known from the asset; otherwise the fingerprint store is asked. */
  uploadUrl: string | null;
}

/** The path of an upload's address: the page may be open under another host name than `public_url`. */
export function uploadPath(url: string, base: string): string {
  const parsed = new URL(url, base);
  return parsed.pathname + parsed.search;
}

/** Worth another attempt: no answer, a fault of the server, or a conflict that passes. */
export function isTransient(status: number): boolean {
  return status === 0 || status >= 500 || TRANSIENT.includes(status);
}

/** Prepares an upload that goes on where an earlier one of the same file stopped, also before a reload. */
export async function prepareUpload(request: TusRequest, listener: TusListener): Promise<Upload> {
  const tus = await import('tus-js-client');
  const upload = new tus.Upload(request.file, uploadOptions(request, listener));
  upload.options.onUploadUrlAvailable = () => {
    if (upload.url !== null) upload.url = uploadPath(upload.url, location.href);
  };
  if (request.uploadUrl === null) {
    const [previous] = await upload.findPreviousUploads();
    if (previous) upload.resumeFromPreviousUpload(previous);
  }
  return upload;
}

function uploadOptions(request: TusRequest, listener: TusListener): UploadOptions {
  return {
    endpoint: ENDPOINT,
    uploadUrl: request.uploadUrl && uploadPath(request.uploadUrl, location.href),
    chunkSize: CHUNK_BYTES,
    retryDelays: RETRY_DELAYS_MS,
    removeFingerprintOnSuccess: true,
    metadata: {
      filename: request.file.name,
      title: titleOf(request.file.name),
      visibility: request.visibility,
    },
    onAfterResponse: (_request, response) => {
      const asset = response.getHeader('Nexus-Asset');
      if (asset) listener.onAsset(asset);
    },
    onShouldRetry: (error) => {
      const retry = isTransient(statusOf(error.originalResponse));
      if (retry) listener.onRetry();
      return retry;
    },
    onProgress: (sent) => listener.onProgress(sent),
    onSuccess: () => listener.onSuccess(),
    onError: (error) => listener.onError(...failure(error)),
  };
}

const statusOf = (response: HttpResponse | null): number => response?.getStatus() ?? 0;

function failure(error: Error | DetailedError): [reason: string, connectionLost: boolean] {
  const response = 'originalResponse' in error ? error.originalResponse : null;
  const status = statusOf(response);
  if (response === null || status === 0) return ['The connection was lost. What arrived is kept.', true];
  if (status === 401) return ['You were signed out. Sign in again to go on.', false];
  return [problemText(status, response.getBody()), false];
}
