import type { Upload } from 'tus-js-client';
import { reasonOf } from '../api/problem';
import type { Visibility } from '../api/types';
import { receive } from '../catalogue/assets';
import { createStore } from '../state/store';
import { toast } from '../ui/toasts';
import { Throughput } from './throughput';
import { fileKey, isActive, type Transfer } from './transfer';
import { prepareUpload, type TusListener, type TusRequest } from './tus';

const SENDING_MAX = 2;
/** At most this many store updates a second for each transfer. */
const UPDATE_MS_MIN = 200;

interface Entry {
  request: TusRequest;
  upload: Upload | null;
  throughput: Throughput;
  updatedMs: number;
  connectionLost: boolean;
}

export const transfersStore = createStore<readonly Transfer[]>([]);
const entries = new Map<string, Entry>();

const find = (key: string): Transfer | undefined =>
  transfersStore.get().find((transfer) => transfer.key === key);

function patch(key: string, change: Partial<Transfer>): void {
  transfersStore.set((transfers) =>
    transfers.map((transfer) => (transfer.key === key ? { ...transfer, ...change } : transfer)),
  );
}

/** Puts files in the queue; a file already there is started again if it had stopped. */
export function addFiles(files: readonly File[], visibility: Visibility): void {
  for (const file of files) enqueue({ file, visibility, uploadUrl: null }, null);
  pump();
}

/** Goes on with an upload that another page or an earlier visit began. */
export function continueUpload(file: File, uploadUrl: string, assetId: string): void {
  enqueue({ file, visibility: 'unlisted', uploadUrl }, assetId);
  pump();
}

function enqueue(request: TusRequest, assetId: string | null): void {
  const { file } = request;
  const key = fileKey(file);
  const known = find(key);
  if (known && known.phase !== 'sent') {
    if (!isActive(known)) resume(key);
    else toast(`${file.name} is being uploaded already.`);
    return;
  }
  entries.set(key, {
    request,
    upload: null,
    throughput: new Throughput(),
    updatedMs: 0,
    connectionLost: false,
  });
  const fresh: Transfer = {
    key,
    name: file.name,
    bytes: file.size,
    sent: 0,
    phase: 'waiting',
    bytesPerSecond: null,
    assetId,
    error: null,
  };
  transfersStore.set((transfers) => [...transfers.filter((transfer) => transfer.key !== key), fresh]);
}

/** Starts waiting transfers, first come first served, while fewer than two are sending. */
function pump(): void {
  const transfers = transfersStore.get();
  const free = SENDING_MAX - transfers.filter(isActive).length;
  const waiting = transfers.filter(({ phase }) => phase === 'waiting');
  for (const { key } of waiting.slice(0, Math.max(0, free))) void start(key);
}

async function start(key: string): Promise<void> {
  const entry = entries.get(key);
  if (!entry) return;
  patch(key, { phase: 'starting', error: null, bytesPerSecond: null });
  entry.throughput.reset();
  try {
    entry.upload ??= await prepareUpload(entry.request, listenerOf(key, entry));
    // Paused or cancelled while the upload was being prepared.
    if (find(key)?.phase === 'starting') entry.upload.start();
  } catch (error) {
    patch(key, { phase: 'failed', error: reasonOf(error) });
    pump();
  }
}

function listenerOf(key: string, entry: Entry): TusListener {
  return {
    onAsset: (assetId) => find(key)?.assetId !== assetId && patch(key, { assetId }),
    onProgress: (sent) => onProgress(key, entry, sent),
    onRetry: () => {
      entry.throughput.reset();
      patch(key, { phase: 'retrying', bytesPerSecond: null });
    },
    onSuccess: () => {
      patch(key, { phase: 'sent', sent: entry.request.file.size, bytesPerSecond: null });
      pump();
    },
    onError: (error, connectionLost) => {
      entry.connectionLost = connectionLost;
      patch(key, { phase: 'failed', error, bytesPerSecond: null });
      pump();
    },
  };
}

function onProgress(key: string, entry: Entry, sent: number): void {
  const now = performance.now();
  entry.throughput.record(sent, now);
  if (now - entry.updatedMs < UPDATE_MS_MIN && sent < entry.request.file.size) return;
  entry.updatedMs = now;
  patch(key, { phase: 'sending', sent, bytesPerSecond: entry.throughput.bytesPerSecond() });
  const asset = find(key)?.assetId;
  if (asset)
    receive({ kind: 'upload.progress', upload: { asset, offset: sent, length: entry.request.file.size } });
}

export function pause(key: string): void {
  patch(key, { phase: 'paused', bytesPerSecond: null });
  void entries.get(key)?.upload?.abort();
  pump();
}

/** Goes on with a paused transfer, or tries a failed one again. */
export function resume(key: string): void {
  patch(key, { phase: 'waiting', error: null });
  pump();
}

/** Stops a transfer for good and deletes what the server has of it. */
export async function cancel(key: string): Promise<void> {
  const upload = entries.get(key)?.upload;
  dismiss(key);
  try {
    await upload?.abort(true);
  } catch {
    toast('The upload was stopped here; the server will drop what it has of it later.', 'bad');
  }
}

/** Takes a transfer off the list; what the server has of it stays. */
export function dismiss(key: string): void {
  entries.delete(key);
  transfersStore.set((transfers) => transfers.filter((transfer) => transfer.key !== key));
  pump();
}

/** Takes the transfer of a deleted asset off the list. */
export function forgetTransferOf(assetId: string): void {
  for (const { key } of transfersStore.get().filter((transfer) => transfer.assetId === assetId)) {
    void entries.get(key)?.upload?.abort();
    dismiss(key);
  }
}

/** Stops everything and empties the list; unfinished uploads stay on the server and can be continued. */
export function abandonTransfers(): void {
  for (const { upload } of entries.values()) void upload?.abort();
  entries.clear();
  transfersStore.set(() => []);
}

/** Tries again what a lost connection had stopped. */
export function resumeAfterOffline(): void {
  for (const { key, phase } of transfersStore.get()) {
    if (phase === 'failed' && entries.get(key)?.connectionLost) resume(key);
  }
}
