import type { Asset } from '../api/types';
import { isUnderWay, stageSentence } from '../catalogue/words';
import { byteSize, percentText, timeLeft } from '../text/format';
import { secondsLeft } from './throughput';

export type Phase = 'waiting' | 'starting' | 'sending' | 'paused' | 'retrying' | 'sent' | 'failed';

/** One file on its way to the server. */
export interface Transfer {
  key: string;
  name: string;
  bytes: number;
  sent: number;
  phase: Phase;
  bytesPerSecond: number | null;
  /** Known from the first answer of the server on. */
  assetId: string | null;
  error: string | null;
}

const ACTIVE: readonly Phase[] = ['starting', 'sending', 'retrying'];

export const isActive = ({ phase }: Transfer): boolean => ACTIVE.includes(phase);
export const isUnsent = ({ phase }: Transfer): boolean => phase !== 'sent';

/** Files are the same to a resumed upload when name, size and time of change are. */
export function fileKey(file: Pick<File, 'name' | 'size' | 'lastModified'>): string {
  return `${file.name}/${file.size}/${file.lastModified}`;
}

/** The longest title the server takes, in characters. */
export const TITLE_CHARS_MAX = 200;

/** The title a film gets from its file's name: no extension, separators as spaces. */
export function titleOf(fileName: string): string {
  const stem = fileName.replace(/\.[A-Za-z0-9]{1,5}$/, '');
  const words = stem
    .replace(/[_.]+/g, ' ')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return Array.from(words === '' ? fileName : words)
    .slice(0, TITLE_CHARS_MAX)
    .join('');
}

export function sentPercent({ sent, bytes }: Pick<Transfer, 'sent' | 'bytes'>): number {
  return bytes > 0 ? Math.min(100, (sent * 100) / bytes) : 100;
}

/** What happens to a transfer now, in words. */
export function transferSentence(transfer: Transfer, asset: Asset | null): string {
  switch (transfer.phase) {
    case 'waiting':
      return 'Waiting for its turn.';
    case 'starting':
      return 'Starting…';
    case 'sending':
      return sendingSentence(transfer);
    case 'paused':
      return `Paused at ${percentText(sentPercent(transfer))}.`;
    case 'retrying':
      return 'Connection lost. Trying again…';
    case 'failed':
      return transfer.error ?? 'The upload failed.';
    case 'sent':
      return asset && asset.state !== 'uploading' ? stageSentence(asset) : 'Received.';
  }
}

function sendingSentence(transfer: Transfer): string {
  const { sent, bytes, bytesPerSecond } = transfer;
  const parts = [`${byteSize(sent)} of ${byteSize(bytes)}`];
  if (bytesPerSecond !== null) parts.push(`${byteSize(bytesPerSecond)}/s`);
  const left = secondsLeft(sent, bytes, bytesPerSecond);
  if (left !== null) parts.push(timeLeft(left));
  return parts.join(' · ');
}

/** The bar of a transfer: sending first, then the ladder. Null means under way without a measure. */
export function barPercent(transfer: Transfer, asset: Asset | null): number | null {
  if (transfer.phase === 'starting') return null;
  if (transfer.phase !== 'sent') return sentPercent(transfer);
  if (!asset) return null;
  if (asset.state === 'queued' || asset.state === 'probing') return null;
  return isUnderWay(asset.state) ? asset.progress.percent : 100;
}

/** One number for all transfers, by bytes. */
export function overallPercent(transfers: readonly Transfer[]): number {
  const total = transfers.reduce((sum, { bytes }) => sum + bytes, 0);
  const sent = transfers.reduce((sum, transfer) => sum + transfer.sent, 0);
  return sentPercent({ sent, bytes: total });
}
