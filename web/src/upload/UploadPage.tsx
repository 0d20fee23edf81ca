import { VisibilityChoices } from '../asset/VisibilityChoices';
import { mayCreate, useSession } from '../session/session';
import { useStore } from '../state/store';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { Notice } from '../ui/Notice';
import { usePageTitle } from '../ui/usePageTitle';
import { ImportSection } from './ImportSection';
import { TransferList } from './UploadTray';
import { chooseAndUpload, chooseVisibility, useTransfers, visibilityStore } from './useUploads';

export function UploadPage() {
  usePageTitle('Upload');
  const transfers = useTransfers();
  const creator = mayCreate(useSession());
  if (!creator) return <NotForViewers />;
  return (
    <div className="page page-narrow">
      <h1 className="page-title">Upload</h1>
      <div className={`drop-zone ${transfers.length > 0 ? 'drop-zone-slim' : ''}`}>
        <Icon name="upload" size={40} />
        <p>
          <strong className="fine-only">Drop films or music anywhere on this page</strong>
          <strong className="coarse-only">Bring in films or music</strong>
          <span className="soft">
            Any size. An upload that breaks off goes on where it stopped, also after closing the browser.
          </span>
        </p>
        <Button look="primary" icon="plus" onClick={chooseAndUpload} data-testid="choose-files">
          Choose files
        </Button>
      </div>
      {transfers.length > 0 && (
        <section className="upload-list" aria-labelledby="transfers-title">
          <h2 id="transfers-title">On their way</h2>
          <TransferList transfers={transfers} />
        </section>
      )}
      <ImportSection />
      <VisibilityOfUploads />
    </div>
  );
}

function VisibilityOfUploads() {
  const chosen = useStore(visibilityStore, (visibility) => visibility);
  return <VisibilityChoices legend="Who may watch new uploads" chosen={chosen} onChoose={chooseVisibility} />;
}

function NotForViewers() {
  return (
    <Notice icon="lock" title="This key may only watch">
      <p>Uploading needs a key with the role of creator or above.</p>
    </Notice>
  );
}
