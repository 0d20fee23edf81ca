import type { Delivery, Webhook } from '../api/types';
import { counted } from '../text/format';

export const KIND_WORDS: Record<string, string> = {
  'asset.ready': 'A film is ready',
  'asset.failed': 'A film failed',
  'asset.deleted': 'A film was deleted',
};

/** How an address fares, in a few words, and whether that is good. */
export function healthOf(webhook: Webhook): { words: string; look: 'good' | 'soft' | 'bad' } {
  if (!webhook.enabled) {
    const reason = webhook.disabled_reason ?? 'switched off';
    return { words: `Off: ${reason}`, look: reason === 'switched off' ? 'soft' : 'bad' };
  }
  if (webhook.failing_since_ms !== null) return { words: 'Failing, will be tried again', look: 'bad' };
  if (webhook.accepted_ms !== null) return { words: 'Working', look: 'good' };
  return { words: 'Nothing sent yet', look: 'soft' };
}

/** How a delivery went. */
export function deliveryWords(delivery: Delivery): string {
  const tries = counted(delivery.attempts, 'attempt');
  if (delivery.state === 'delivered') return `Taken with status ${delivery.status ?? '?'}, ${tries}`;
  const why = delivery.reason === null ? '' : `: ${delivery.reason}`;
  if (delivery.state === 'failed') return `Given up after ${tries}${why}`;
  return delivery.attempts === 0 ? 'On its way' : `Will be tried again, ${tries}${why}`;
}
