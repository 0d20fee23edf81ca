import type { Transfer } from './transfer';
import { sentPercent, titleOf } from './transfer';

const STEP_PERCENT = 25;

/** What a screen reader hears when the transfers change: new phases, and each quarter of a file. */
export function announcement(before: readonly Transfer[], after: readonly Transfer[]): string {
  const earlier = new Map(before.map((transfer) => [transfer.key, transfer]));
  return after
    .map((transfer) => sentence(earlier.get(transfer.key), transfer))
    .filter((text) => text !== null)
    .join(' ');
}

function sentence(before: Transfer | undefined, after: Transfer): string | null {
  const title = titleOf(after.name);
  if (!before) return `${title} was added to the uploads.`;
  if (before.phase !== after.phase) return phaseSentence(title, after);
  const quarter = quarterOf(after);
  return after.phase === 'sending' && quarter > quarterOf(before)
    ? `${title}: ${quarter * STEP_PERCENT} percent sent.`
    : null;
}

const quarterOf = (transfer: Transfer): number => Math.floor(sentPercent(transfer) / STEP_PERCENT);

function phaseSentence(title: string, { phase, error }: Transfer): string | null {
  if (phase === 'paused') return `${title} is paused.`;
  if (phase === 'retrying') return `${title}: connection lost, trying again.`;
  if (phase === 'sent') return `${title} was received.`;
  return phase === 'failed' ? `${title} failed. ${error ?? ''}` : null;
}
