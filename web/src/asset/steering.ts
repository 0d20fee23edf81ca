import { cancelAsset, reencodeAsset, retryAsset } from '../api/calls';
import { reasonOf } from '../api/problem';
import type { Asset } from '../api/types';
import { receive } from '../catalogue/assets';
import { isUnderWay } from '../catalogue/words';
import { toast } from '../ui/toasts';
import type { IconName } from '../ui/icons';

/** What can be done about the making of an asset in its present state. */
export interface Steer {
  label: string;
  icon: IconName;
  run: () => Promise<void>;
}

/** The one way to steer an asset now; none while somebody sends its file. */
export function steerOf(asset: Asset): Steer | null {
  if (asset.state === 'uploading' && asset.upload?.fetched) {
    return { label: 'Cancel import', icon: 'close', run: () => steer(asset, cancelAsset, 'was cancelled.') };
  }
  if (isUnderWay(asset.state)) {
    return {
      label: 'Cancel processing',
      icon: 'close',
      run: () => steer(asset, cancelAsset, 'was cancelled.'),
    };
  }
  if (asset.state === 'ready') {
    const words = 'is encoded again. The present version plays meanwhile.';
    return { label: 'Encode again', icon: 'replay', run: () => steer(asset, reencodeAsset, words) };
  }
  if (asset.state === 'failed') {
    return { label: 'Try again', icon: 'replay', run: () => steer(asset, retryAsset, 'is in line again.') };
  }
  return null;
}

async function steer(asset: Asset, call: (id: string) => Promise<Asset>, words: string): Promise<void> {
  try {
    receive({ kind: 'asset.updated', asset: await call(asset.id) });
    toast(`“${asset.title}” ${words}`);
  } catch (error) {
    toast(reasonOf(error), 'bad');
  }
}
