import { createImport } from '../api/calls';
import type { Asset, Visibility } from '../api/types';
import { receive } from '../catalogue/assets';
import { isUnderWay, stageSentence } from '../catalogue/words';
import { createStore, useStore } from '../state/store';
import { byteSize } from '../text/format';

/** The assets that this page had the server fetch, oldest first. */
export const importsStore = createStore<readonly string[]>([]);

export const useImports = (): readonly string[] => useStore(importsStore, (imports) => imports);

export async function importFrom(url: string, visibility: Visibility): Promise<void> {
  const asset = await createImport(url.trim(), visibility);
  receive({ kind: 'asset.created', asset });
  importsStore.set((imports) => [...imports.filter((id) => id !== asset.id), asset.id]);
}

/** Takes an import off the list; what the server has of it stays. */
export function dismissImport(assetId: string): void {
  importsStore.set((imports) => imports.filter((id) => id !== assetId));
}

/** What happens to a fetched file now, in words. */
export function importSentence(asset: Asset): string {
  const { state, upload } = asset;
  if (state !== 'uploading' || !upload) return stageSentence(asset);
  if (upload.offset === 0) return 'Waiting to be fetched.';
  const known = upload.length > upload.offset;
  return known
    ? `Fetched ${byteSize(upload.offset)} of ${byteSize(upload.length)}.`
    : `Fetched ${byteSize(upload.offset)}.`;
}

/** The bar of an import: fetching first, then the ladder. Null means under way without a measure. */
export function importPercent(asset: Asset): number | null {
  const { state, upload } = asset;
  if (state === 'uploading') {
    return upload && upload.length > upload.offset ? (upload.offset * 100) / upload.length : null;
  }
  if (state === 'queued' || state === 'probing') return null;
  return isUnderWay(state) ? asset.progress.percent : 100;
}
