import { expect, test } from 'vitest';
import { assetWith } from '../testing/asset';
import { steerOf } from './steering';

test.each([
  ['uploading', null],
  ['queued', 'Cancel processing'],
  ['probing', 'Cancel processing'],
  ['transcoding', 'Cancel processing'],
  ['ready', 'Encode again'],
  ['failed', 'Try again'],
] as const)('an asset that is %s', (state, label) => {
  expect(steerOf(assetWith({ state }))?.label ?? null).toBe(label);
});
