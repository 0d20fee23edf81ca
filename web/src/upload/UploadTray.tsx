import { useState } from 'react';
import { Link } from '../state/router';
import { counted, percentText } from '../text/format';
import { IconButton } from '../ui/Button';
import { dismiss, transfersStore } from './queue';
import { TransferRow } from './TransferRow';
import { isUnsent, overallPercent, type Transfer } from './transfer';
import { useTransfers } from './useUploads';

function headline(transfers: readonly Transfer[]): string {
  const unsent = transfers.filter(isUnsent);
  if (unsent.length === 0) return `${counted(transfers.length, 'file')} received`;
  return `Uploading ${counted(unsent.length, 'file')}, ${percentText(overallPercent(transfers))}`;
}

function dismissSent(): void {
  for (const transfer of transfersStore.get()) if (!isUnsent(transfer)) dismiss(transfer.key);
}

/** The uploads of this page, docked to a corner wherever one goes meanwhile. */
export function UploadTray({ startFolded }: { startFolded: boolean }) {
  const transfers = useTransfers();
  const [chosen, setChosen] = useState<boolean | null>(null);
  const open = chosen ?? !startFolded;
  if (transfers.length === 0) return null;
  return (
    <section className="tray" aria-label="Uploads" data-testid="upload-tray">
      <header className="tray-head">
        <Link href="/upload" className="digits">
          {headline(transfers)}
        </Link>
        <IconButton
          icon="chevron"
          className={open ? '' : 'turned'}
          label={open ? 'Fold the uploads' : 'Unfold the uploads'}
          aria-expanded={open}
          onClick={() => setChosen(!open)}
        />
        {!transfers.some(isUnsent) && (
          <IconButton icon="close" label="Close the uploads" onClick={dismissSent} />
        )}
      </header>
      {open && <TransferList transfers={transfers} />}
    </section>
  );
}

export function TransferList({ transfers }: { transfers: readonly Transfer[] }) {
  return (
    <ul className="transfers">
      {transfers.map((transfer) => (
        <TransferRow key={transfer.key} transfer={transfer} />
      ))}
    </ul>
  );
}
