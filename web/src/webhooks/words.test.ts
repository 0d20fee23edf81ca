import { expect, test } from 'vitest';
import type { Delivery, Webhook } from '../api/types';
import { deliveryWords, healthOf } from './words';

const webhook: Webhook = {
  id: 'w1',
  url: 'https://a.example/',
  description: '',
  kinds: ['asset.ready'],
  enabled: true,
  disabled_ms: null,
  disabled_reason: null,
  failing_since_ms: null,
  accepted_ms: null,
  created_ms: 0,
  updated_ms: 0,
};
const delivery: Delivery = {
  id: 'd1',
  event: 'e1',
  kind: 'asset.ready',
  subject: 'a1',
  state: 'waiting',
  attempts: 0,
  status: null,
  reason: null,
  created_ms: 0,
  attempted_ms: null,
  next_ms: 0,
};

test.each<[Partial<Webhook>, string]>([
  [{}, 'Nothing sent yet'],
  [{ accepted_ms: 1 }, 'Working'],
  [{ accepted_ms: 1, failing_since_ms: 2 }, 'Failing, will be tried again'],
  [{ enabled: false, disabled_reason: 'switched off' }, 'Off: switched off'],
  [
    { enabled: false, disabled_reason: 'it took nothing for more than a day' },
    'Off: it took nothing for more than a day',
  ],
])('an address fares as it says: %o', (change, words) => {
  expect(healthOf({ ...webhook, ...change }).words).toBe(words);
});

test.each<[Partial<Delivery>, string]>([
  [{}, 'On its way'],
  [{ attempts: 2, reason: 'status 500' }, 'Will be tried again, 2 attempts: status 500'],
  [{ state: 'delivered', attempts: 1, status: 204 }, 'Taken with status 204, 1 attempt'],
  [{ state: 'failed', attempts: 11, reason: 'status 500' }, 'Given up after 11 attempts: status 500'],
])('a delivery went as it says: %o', (change, words) => {
  expect(deliveryWords({ ...delivery, ...change })).toBe(words);
});
