import { useEffect } from 'react';
import type { Asset, Visibility } from '../api/types';
import { onFeedEvent } from '../catalogue/assets';
import { VISIBILITIES } from '../catalogue/words';
import { readStored, writeStored } from '../state/storage';
import { createStore, useStore } from '../state/store';
import { toast } from '../ui/toasts';
import { pickFiles } from './pickFiles';
import { addFiles, continueUpload, forgetTransferOf, resumeAfterOffline, transfersStore } from './queue';
import { isActive, type Transfer } from './transfer';

const KEY = 'nexus.upload.visibility';

/** Visibility that new uploads get. */
export const visibilityStore = createStore<Visibility>(
  VISIBILITIES.find((visibility) => visibility === readStored(KEY)) ?? 'unlisted',
);

export function chooseVisibility(visibility: Visibility): void {
  writeStored(KEY, visibility);
  visibilityStore.set(() => visibility);
}

export const useTransfers = (): readonly Transfer[] => useStore(transfersStore, (transfers) => transfers);

export function uploadFiles(files: readonly File[]): void {
  addFiles(files, visibilityStore.get());
}

export function chooseAndUpload(): void {
  pickFiles({ multiple: true }, uploadFiles);
}

/** Asks for the file of an unfinished upload again and goes on with it. */
export function chooseAndContinue(asset: Asset): void {
  pickFiles({ multiple: false }, ([file]) => {
    if (!file || !asset.upload) return;
    if (file.size !== asset.upload.length) {
      toast(`${file.name} is not the file this upload began with: its size differs.`, 'bad');
    } else {
      continueUpload(file, asset.upload.url, asset.id);
    }
  });
}

/** Warns before leaving while files are being sent, goes on when the network is back, drops what was deleted. */
export function useUploadGuards(): void {
  const sending = useTransfers().some(isActive);
  useEffect(() => {
    if (!sending) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [sending]);
  useEffect(() => {
    addEventListener('online', resumeAfterOffline);
    const stop = onFeedEvent((event) => event.kind === 'asset.deleted' && forgetTransferOf(event.id));
    return () => {
      removeEventListener('online', resumeAfterOffline);
      stop();
    };
  }, []);
}
